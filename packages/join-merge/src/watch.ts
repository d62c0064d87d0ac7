import { LockRequest, LockState, type Place, timedOut, Waiter, type WaitOptions } from "@holdfast/core";
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
    const { signal, timeout = Infinity, label } = options;
    if (signal === undefined && timeout === Infinity) return undefined;
    const request = label === undefined ? undefined : new LockRequest(state, [false], label, []);
    if (signal?.aborted === true) run.stop(signal.reason);
    else if (timeout > 0) return new Watch(run, options, request);
    else if (run.branches.length > 0) run.stop(timedOut(state, 0, request));
    return undefined;
  }

  readonly #run: Run;

  private constructor(run: Run, options: WaitOptions, request: LockRequest | undefined) {
    super(nowhere, state, options, false, request);
    this.#run = run;
  }

  override fail(reason: unknown): void {
    if (this.stopWaiting() !== undefined) this.#run.stop(reason);
  }

  /** There is nothing to stop any more. */
  end(): void {
    this.stopWaiting();
  }
}
