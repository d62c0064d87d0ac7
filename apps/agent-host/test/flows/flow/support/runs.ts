import { setImmediate } from "node:timers/promises";
import type { Configuration } from "../../../../src/flows/flow/run/configuration.js";
import { type ExecutorOptions, FlowExecutor } from "../../../../src/flows/flow/run/executor.js";
import type { FlowEvent, FlowMiddleware } from "../../../../src/flows/flow/run/events.js";
import type { Ports } from "../../../../src/flows/flow/run/ports.js";
import type { RunResult } from "../../../../src/flows/flow/run/records.js";
import type { ToolFunction } from "../../../../src/flows/flow/tools/tool.js";
import { type Tool } from "../../../../src/flows/flow/tools/tool.js";
import { toolset } from "./flows.js";

/** Resolves when all has happened that can. */
export const settled = (): Promise<void> => setImmediate();

/** A clock that goes on when it is told to, and ids in order. */
class TestPorts implements Ports {
  now = 0;
  ids = 0;
  readonly #timers = new Set<{ readonly at: number; readonly ring: () => void }>();

  wallTime(): number {
    return Date.UTC(2026, 0, 1) + this.now;
  }

  /** Counts from another time than the date does. */
  elapsed(): number {
    return 5000 + this.now;
  }

  newTraceId(): string {
    this.ids += 1;
    return `run-${this.ids}`;
  }

  jitter(): number {
    return 1.25;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const off = (): void => {
        signal.removeEventListener("abort", abort);
        this.#timers.delete(timer);
      };
      const abort = (): void => {
        off();
        reject(signal.reason);
      };
      const timer = {
        // One that is too long for a timer rings at once, as on this machine.
        at: this.now + (ms < 2 ** 31 ? ms : 1),
        ring: () => {
          off();
          resolve();
        },
      };
      if (signal.aborted) reject(signal.reason);
      else {
        signal.addEventListener("abort", abort);
        this.#timers.add(timer);
      }
    });
  }

  /** Lets so much time pass, with all that happens meanwhile. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settled();
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.now = next.at;
      next.ring();
    }
    this.now = end;
    await settled();
  }
}

/** Notes everything that happens in runs. */
export class Heard implements FlowMiddleware {
  readonly events: FlowEvent[] = [];

  event(event: FlowEvent): void {
    this.events.push(event);
  }

  kinds(): string[] {
    return this.events.map((event) =>
      "step_index" in event ? `${event.kind} ${event.step_id ?? event.step_index}` : event.kind,
    );
  }

  of<K extends FlowEvent["kind"]>(kind: K): Extract<FlowEvent, { kind: K }>[] {
    return this.events.filter((event) => event.kind === kind) as never;
  }
}

export interface Host {
  readonly executor: FlowExecutor;
  readonly ports: TestPorts;
  readonly heard: Heard;
}

export function hostWith(
  tools: readonly Tool[],
  { strictReconfiguration, ...configuration }: Partial<Configuration> & ExecutorOptions = {},
): Host {
  const ports = new TestPorts();
  const heard = new Heard();
  const executor = new FlowExecutor(
    {
      tools: toolset(...tools),
      ports,
      middleware: [heard],
      onHookFailure: (message, error) => {
        throw new Error(message, { cause: error });
      },
      ...configuration,
    },
    strictReconfiguration === undefined ? {} : { strictReconfiguration },
  );
  return { executor, ports, heard };
}

/** The result without what depends on timing. */
export function timeless(result: RunResult): unknown {
  return JSON.parse(
    JSON.stringify(result, (key, value: unknown) =>
      /_at$|_ms$|^trace_id$|^worker_slot$/.test(key) ? undefined : value,
    ),
  );
}

/** Status by step. */
export function statuses({ execution_log }: RunResult): string[] {
  return execution_log.map(({ step_id, step_index, status }) => `${step_id ?? step_index} ${status}`);
}

/** What `promise` rejects with. */
export async function rejection<E = Error>(promise: Promise<unknown>): Promise<E> {
  try {
    await promise;
  } catch (error) {
    return error as E;
  }
  throw new Error("it did not reject");
}

/** Tools that run until they are told how to end. */
export class Gates {
  readonly started: string[] = [];
  most = 0;
  readonly #open = new Map<
    string,
    { resolve(value: unknown): void; reject(error: unknown): void; signal: AbortSignal }
  >();

  /** A tool's function that waits under a name: its own, or what its input says in `as`. */
  tool(name: string, obeys = true): ToolFunction {
    return (input, { signal }) => {
      const as = typeof input["as"] === "string" ? input["as"] : name;
      this.started.push(as);
      return new Promise((resolve, reject) => {
        const end = (): void => {
          this.#open.delete(as);
        };
        this.#open.set(as, {
          signal,
          resolve: (value) => {
            end();
            resolve(value);
          },
          reject: (error) => {
            end();
            reject(error);
          },
        });
        this.most = Math.max(this.most, this.#open.size);
        if (obeys)
          signal.addEventListener("abort", () => {
            end();
            reject(signal.reason);
          });
      });
    };
  }

  get open(): string[] {
    return [...this.#open.keys()];
  }

  signalOf(name: string): AbortSignal {
    return this.#gate(name).signal;
  }

  async end(name: string, value: unknown = { [name]: name }): Promise<void> {
    this.#gate(name).resolve(value);
    await settled();
  }

  async fail(name: string, error: unknown = new Error(`${name} broke`)): Promise<void> {
    this.#gate(name).reject(error);
    await settled();
  }

  #gate(name: string): { resolve(value: unknown): void; reject(error: unknown): void; signal: AbortSignal } {
    const gate = this.#open.get(name);
    if (gate === undefined) throw new Error(`${name} does not run; ${this.open.join(", ") || "nobody does"}`);
    return gate;
  }
}
