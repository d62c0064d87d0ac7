import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { Library } from "../../../src/flows/pipelines/library.js";
import type { Clock } from "../../../src/flows/pipelines/run/clock.js";
import type { RunEvent } from "../../../src/flows/pipelines/run/events.js";
import {
  type PipelineRunOptions,
  runPipeline,
  type RunResult,
} from "../../../src/flows/pipelines/run/pipeline-run.js";
import { logLine } from "../../../src/flows/pipelines/run/turn-log.js";
import type { Runner } from "../../../src/flows/runners/runner.js";
import { file } from "./problems.js";
import { StubRunner } from "./stub-runner.js";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "pipelines-"));
  folders.push(path);
  return path;
}

/** A clock that the test moves. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; fn: () => void }>();

  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + ms, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  pass(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers])
      if (timer.at <= this.#now) {
        this.#timers.delete(timer);
        timer.fn();
      }
  }
}

export interface TestRun {
  readonly result: Promise<RunResult>;
  readonly events: readonly RunEvent[];
  /** Resolves with the first event that fits, also one that has been. */
  seen<T extends RunEvent["type"]>(type: T, stepId?: string): Promise<Extract<RunEvent, { type: T }>>;
}

/** Starts a pipeline of these steps. */
export function begin(
  steps: string,
  runner: Runner = new StubRunner(),
  options: Partial<PipelineRunOptions> & { more?: string; files?: Record<string, string> } = {},
): TestRun {
  const { more, files = {}, ...rest } = options;
  const path = folder();
  writeFileSync(join(path, "p.yaml"), file(steps, more));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  const library = new Library();
  const events: RunEvent[] = [];
  const waiting: { type: string; stepId: string | undefined; resolve: (event: never) => void }[] = [];
  const fits = (event: RunEvent, type: string, stepId: string | undefined): boolean =>
    event.type === type && (stepId === undefined || ("stepId" in event && event.stepId === stepId));
  const result = runPipeline({
    library,
    called: library.open(join(path, "p.yaml")),
    runners: new Map([[undefined, runner]]),
    events: {
      tell: (event) => {
        events.push(event);
        for (const each of waiting) if (fits(event, each.type, each.stepId)) each.resolve(event as never);
      },
      flushed: () => Promise.resolve(),
    },
    clock: new ManualClock(),
    cwd: path,
    ...rest,
  });
  return {
    result,
    events,
    seen: (type, stepId) =>
      new Promise((resolve) => {
        const event = events.find((each) => fits(each, type, stepId));
        if (event === undefined) waiting.push({ type, stepId, resolve });
        else resolve(event as never);
      }),
  };
}

/** The steps of the records that the main flow saw at the end. */
export function seenBy({ view }: RunResult): string[] {
  return view.records.map(({ stepId }) => stepId);
}

export function responseOf({ view }: RunResult, stepId: string): string | null | undefined {
  return view.find(stepId)?.response;
}

/** `type step` of each event; of those that only say who waits, if they are asked for. */
export function told(events: readonly RunEvent[], ...types: RunEvent["type"][]): string[] {
  return events
    .filter(({ type }) => (types.length === 0 ? !ofWaiting.has(type) : types.includes(type)))
    .map((event) => ("stepId" in event ? `${event.type} ${event.stepId}` : event.type));
}

const ofWaiting = new Set<RunEvent["type"]>(["step_awaits", "step_queued", "gate_passed"]);

/** The lines of the turn log, as whoever reads it gets them. */
export function lines(events: readonly RunEvent[]): Record<string, unknown>[] {
  return events.flatMap((event) => {
    const line = logLine(event);
    return line === undefined ? [] : [JSON.parse(JSON.stringify(line)) as Record<string, unknown>];
  });
}
