import { type Abortable, AbortGroup, type AbortGroups, TimeoutError, type WaitOptions } from "@holdfast/core";
import { nameOf } from "./errors.js";
import type { Run } from "./run.js";

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

// One for all joins: those that share a signal share one listener.
const joins: AbortGroups = { groups: new Map(), lastGroup: undefined, settle: () => undefined };

/** Stops a run when its signal aborts or its time is up. */
export class Watch implements Abortable {
  /** Watches over `run` where there is something to watch for; stops it at once where that has happened. */
  static over(run: Run, options: WaitOptions): Watch | undefined {
    const { signal, timeout = Infinity } = options;
    if (signal?.aborted === true) run.stop(signal.reason);
    else if (timeout === 0) {
      if (run.isOpen) run.stop(timeIsUp(options));
    } else if (signal !== undefined || timeout !== Infinity) return new Watch(run, options);
    return undefined;
  }

  previous: Abortable | undefined = undefined;
  next: Abortable | undefined = undefined;
  readonly #run: Run;
  #group: AbortGroup | undefined;
  readonly #timer: unknown;

  private constructor(run: Run, options: WaitOptions) {
    const { signal, timeout = Infinity } = options;
    this.#run = run;
    if (signal !== undefined) this.#group = AbortGroup.join(joins, signal, this);
    if (timeout !== Infinity)
      this.#timer = setTimeout(() => {
        this.fail(timeIsUp(options));
      }, timeout);
  }

  /** Stops the run, which ends the watch. */
  fail(reason: unknown): void {
    this.#run.stop(reason);
  }

  /** There is nothing to stop any more. */
  end(): void {
    this.#group?.leave(this);
    this.#group = undefined;
    clearTimeout(this.#timer);
  }
}

function timeIsUp({ timeout = 0, label }: WaitOptions): TimeoutError {
  return new TimeoutError(`Timed out after ${timeout} ms waiting for ${nameOf(label)}`, timeout);
}
