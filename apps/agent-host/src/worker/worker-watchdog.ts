import { once } from "node:events";
import { within } from "../session/timing.js";
import type { Worker } from "./worker.js";

export interface WorkerWatchdogOptions {
  readonly worker: Worker;
  /** Milliseconds without a sign of a worker that has the session, after which it is shown as stale. Default ten minutes. */
  readonly staleAfter?: number | undefined;
  /** Milliseconds between a worker's death and its restart. Default 1000. */
  readonly restartDelay?: number | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

/** `dead`: it will be restarted. `stale`: it is there and says nothing. `stopped`: for good. */
export type WorkerHealth = "idle" | "waits" | "works" | "stale" | "dead" | "stopped";

/**
 * Keeps a worker running: one whose loop has failed is started again and finds the session, the agent and the task as they are. One
 * that is only silent is shown and left alone: its turn may be a long one, and the session has limits of its own for an agent that is not
 * there any more.
 */
export class WorkerWatchdog {
  readonly #options: WorkerWatchdogOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #health: "alive" | "dead" | "stopped" = "alive";
  #restarts = 0;

  constructor(options: WorkerWatchdogOptions) {
    this.#options = options;
  }

  get health(): WorkerHealth {
    if (this.#health !== "alive") return this.#health;
    const { worker, staleAfter = 600_000 } = this.#options;
    const isSilent = performance.now() - worker.lastSign > staleAfter;
    return worker.phase === "works" && isSilent ? "stale" : worker.phase;
  }

  /** How often the worker was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Throws `TypeError` the second time, and once it is stopped. */
  start(): void {
    if (this.#running !== undefined || this.#health === "stopped")
      throw new TypeError("The worker was started or stopped before: a new one needs a new watchdog");
    this.#running = this.#watch();
  }

  /** Stops the turn that runs, and starts no more. Resolves when the worker has ended. */
  async stop(reason: Error = new Error("the worker is stopped")): Promise<void> {
    this.#stop.abort(reason);
    await this.#running;
    this.#health = "stopped";
  }

  async #watch(): Promise<void> {
    const { worker, restartDelay = 1000, log } = this.#options;
    const { signal } = this.#stop;
    const stopped = once(signal, "abort");
    for (;;)
      try {
        await worker.run(signal);
        break;
      } catch (error) {
        this.#health = "dead";
        log?.(`the worker has died and is started again in ${restartDelay} ms: ${String(error)}`);
        if (await within(stopped, restartDelay)) break;
        this.#health = "alive";
        this.#restarts += 1;
      }
    this.#health = "stopped";
  }
}
