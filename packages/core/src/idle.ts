import { checkWaitOptions, type WaitOptions } from "./options.js";
import type { LockState } from "./state.js";
import { timedOut, Waiter } from "./waiter.js";

/** Those who wait until nothing is held or queued. They wait beside the queue and hold nobody up. */
export class IdleWaiters {
  readonly #waiters = new Set<IdleWaiter>();

  /** Resolves at once if `idle`, else at the next `notify()`. */
  wait(state: LockState, idle: boolean, options: WaitOptions | undefined): Promise<void> {
    if (options !== undefined) checkWaitOptions(options);
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller's own reason, as it is
    if (options?.signal?.aborted === true) return Promise.reject(options.signal.reason);
    if (idle) return Promise.resolve();
    if (options?.timeout === 0) return Promise.reject(timedOut(state, 0));
    const waiter = new IdleWaiter(state, options, this.#waiters);
    this.#waiters.add(waiter);
    return waiter.promise;
  }

  notify(): void {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      waiter.grant();
    }
  }
}

class IdleWaiter extends Waiter<void> {
  readonly #waiters: Set<IdleWaiter>;

  constructor(state: LockState, options: WaitOptions | undefined, waiters: Set<IdleWaiter>) {
    super(state, options);
    this.#waiters = waiters;
  }

  protected override withdraw(): void {
    this.#waiters.delete(this);
  }
}
