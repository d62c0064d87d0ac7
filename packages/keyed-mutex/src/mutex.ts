import {
  checkOptions,
  Gate,
  GateLock,
  type Governor,
  LockState,
  type LockToken,
  readLimit,
  type WaitOptions,
  wrapper,
} from "@holdfast/core";

export interface MutexOptions {
  /** How many requests may wait; one more rejects with `QueueFullError`. Default `Infinity`. */
  readonly maxWaiters?: number | undefined;
  /** Names the lock in events and error messages. */
  readonly label?: string | undefined;
}

/**
 * Lets one in at a time, in the order in which they asked.
 *
 * **Fairness**: strict FIFO. `release()` hands the lock to the next waiter before it returns; nobody can get in between.
 *
 * **Cancel safety**: a request that is aborted or times out before its grant has no effect at all. After the grant a
 * signal has no effect.
 *
 * **Complexity**: O(1) for every operation, aborts included.
 *
 * @example
 * ```ts
 * import { Mutex } from "@holdfast/keyed-mutex";
 *
 * const mutex = new Mutex();
 * let balance = 100;
 * const spend = (amount: number) =>
 *   mutex.with(async () => {
 *     const before = balance;
 *     await Promise.resolve();
 *     balance = before - amount;
 *   });
 * await Promise.all([spend(10), spend(20)]);
 * console.log(balance); // => 70
 * ```
 */
export class Mutex extends GateLock<LockToken> implements Governor {
  /** Throws `TypeError` or `RangeError` for options of the wrong type or range. */
  constructor(options: MutexOptions = {}) {
    checkOptions(options);
    const maxWaiters = readLimit(options, "maxWaiters");
    const state = new LockState("Mutex", options.label, ["exclusive", "exclusive"], maxWaiters, 1);
    super(new Gate<LockToken>(state));
  }

  /**
   * Waits for the lock; resolves to the right to be inside.
   *
   * @throws By rejecting: `signal.reason` itself, `TimeoutError`, `QueueFullError`, `CanceledError` and `ClosedError` or the
   * reason given to `cancelWaiters()` and `close()`, and `DeadlockError` while a detector runs. At once: `TypeError` or
   * `RangeError` for wrong options.
   */
  acquire(options?: WaitOptions): Promise<LockToken> {
    return this.gate.acquire(false, options);
  }

  /** The lock, if it can be had at once; else `null`. */
  tryAcquire(): LockToken | null {
    return this.gate.tryAcquire(false);
  }

  /**
   * Runs `fn` inside and releases when it ends, however it ends; resolves or rejects as `fn` does.
   *
   * When the lock can be had at once, `fn` starts before this returns. An aborted caller's `fn` never starts.
   */
  with<R>(fn: (token: LockToken) => R, options?: WaitOptions): Promise<Awaited<R>> {
    return this.gate.with(false, fn, options);
  }

  /** Makes a function that runs `fn` inside, with its own `this` and arguments. */
  wrap<This, A extends unknown[], R>(
    fn: (this: This, ...args: A) => R,
    options?: WaitOptions,
  ): (this: This, ...args: A) => Promise<Awaited<R>> {
    return wrapper(fn, options, (body) => this.with(body, options));
  }
}
