import type { HolderInfo } from "./introspection.js";
import type { PriorityGrant } from "./token.js";

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** Which limit a holder is over. */
export type OverrunLimit = "graceMs" | "maxHold";

/** Reports a holder that does not yield in time, or holds for too long. It never takes the lock from anybody. */
export class OverrunClock {
  readonly #graceMs: number;
  readonly #onOverrun: (holder: HolderInfo<never>, limit: OverrunLimit) => void;
  #grace: unknown;
  #hold: unknown;

  constructor(graceMs: number, onOverrun: (holder: HolderInfo<never>, limit: OverrunLimit) => void) {
    this.#graceMs = graceMs;
    this.#onOverrun = onOverrun;
  }

  /** A hold begins. */
  start(token: PriorityGrant): void {
    this.#hold = this.#after(token.asked.maxHold, token, "maxHold");
  }

  /** The holder is asked to yield. */
  asked(token: PriorityGrant): void {
    this.#grace = this.#after(this.#graceMs, token, "graceMs");
  }

  /** It has answered. */
  answered(): void {
    clearTimeout(this.#grace);
  }

  /** The hold has ended. */
  stop(): void {
    clearTimeout(this.#grace);
    clearTimeout(this.#hold);
  }

  #after(ms: number, token: PriorityGrant, limit: OverrunLimit): unknown {
    if (ms === Infinity) return undefined;
    const timer = setTimeout(() => {
      this.#onOverrun(token.info, limit);
    }, ms);
    // A report must not keep a process alive.
    (timer as { unref?(): void }).unref?.();
    return timer;
  }
}
