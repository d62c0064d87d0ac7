import { LockState, type Place, TimeoutError, Waiter, type WaitOptions } from "@holdfast/core";
import { nameOf } from "./errors.js";
import type { Run } from "./run.js";

// One for all joins: those that share a signal share one listener.
const state: LockState = /* @__PURE__ */ new LockState("join", undefined, ["", ""], Infinity);

const nowhere: Place<void> = {
  withdraw: () => undefined,
  issue: () => undefined,
};

/** Stops a run when its signal aborts or its time is up. */
export class Watch extends Waiter<void> {
  /** Watches over `run` where there is something to watch for; stops it at once where that has happened. */
  static over(run: Run, options: WaitOptions): Watch | undefined {
    const { signal, timeout = Infinity } = options;
    if (signal?.aborted === true) run.stop(signal.reason);
    else if (timeout === 0) {
      if (run.branches.length > 0) run.stop(timeIsUp(options));
    } else if (signal !== undefined || timeout !== Infinity) return new Watch(run, options);
    return undefined;
  }

  readonly #run: Run;
  readonly #options: WaitOptions;

  private constructor(run: Run, options: WaitOptions) {
    super(nowhere, state, options);
    this.#run = run;
    this.#options = options;
  }

  override fail(reason: unknown, event?: "abort" | "timeout"): void {
    if (this.stopWaiting() !== undefined)
      this.#run.stop(event === "timeout" ? timeIsUp(this.#options) : reason);
  }

  /** There is nothing to stop any more. */
  end(): void {
    this.stopWaiting();
  }
}

function timeIsUp({ timeout = 0, label }: WaitOptions): TimeoutError {
  return new TimeoutError(`Timed out after ${timeout} ms waiting for ${nameOf(label)}`, timeout);
}
