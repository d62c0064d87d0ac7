import { checkWaitOptions, type WaitOptions } from "./options.js";
import type { LockState } from "./state.js";
import { type Place, timedOut, Waiter } from "./waiter.js";

/** Those who wait until nothing is held or queued. They wait beside the queue and hold nobody up. */
export class IdleWaiters implements Place<void> {
  readonly #waiters = new Set<Waiter>();

  /** Resolves at once if `idle`, else at the next `notify()`. */
  wait(state: LockState, idle: boolean, options: WaitOptions | undefined): Promise<void> {
    if (options !== undefined) {
      checkWaitOptions(options);
      if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
      if (options.timeout === 0 && !idle) return Promise.reject(timedOut(state, 0));
    }
    if (idle) return Promise.resolve();
    const waiter = new Waiter(this, state, options);
    this.#waiters.add(waiter as Waiter);
    return waiter.promise;
  }

  notify(): void {
    // Asked at every turn to idle, and there is hardly ever anybody.
    if (this.#waiters.size === 0) return;
    for (const waiter of this.#waiters) waiter.admit();
    this.#waiters.clear();
  }

  withdraw(waiter: Waiter): void {
    this.#waiters.delete(waiter);
  }

  issue(): void {
    // Whoever waits for idleness gets nothing but the news.
  }
}
