import { checkOptions, type Governor, readLimit, type WaitOptions } from "@holdfast/core";
import { KeyGovernor } from "./key-governor.js";
import { KeyedLock, type KeyedLockOptions, type KeyToken } from "./keyed-lock.js";
import type { KeysToken } from "./keys.js";

export interface KeyedMutexOptions<K> extends KeyedLockOptions<K> {
  /** How many may hold one key at the same time. Default 1. */
  readonly permits?: number | undefined;
}

/**
 * A mutex per key: requests for different keys never wait for each other, and a key costs memory only while in use.
 *
 * **Fairness**: strict FIFO per key, requests for several keys included.
 *
 * **Cancel safety**: a request that is aborted or times out before its grant has no effect at all, and whoever it held
 * up comes in in the same step. After the grant a signal has no effect.
 *
 * **Complexity**: O(1) per key for every operation, aborts included.
 *
 * Waiting for one key while holding another can still deadlock. Ask for all of them at once with `acquireAll`, or give
 * the wait a `timeout`.
 *
 * @example
 * ```ts
 * import { KeyedMutex } from "@holdfast/keyed-mutex";
 *
 * const files = new KeyedMutex();
 * const contents = new Map([["a.txt", ""]]);
 * const append = (path: string, text: string) =>
 *   files.with(path, async () => {
 *     const before = contents.get(path) ?? "";
 *     await Promise.resolve();
 *     contents.set(path, before + text);
 *   });
 * await Promise.all([append("a.txt", "1"), append("a.txt", "2"), append("b.txt", "3")]);
 * console.log(contents.get("a.txt"), files.size); // => 12 0
 * ```
 */
export class KeyedMutex<K = string> extends KeyedLock<K, KeyToken<K>> {
  /** Throws `TypeError` or `RangeError` for options of the wrong type or range. */
  constructor(options: KeyedMutexOptions<K> = {}) {
    checkOptions(options);
    const permits = readLimit(options, "permits", 1);
    const mode = permits === 1 ? "exclusive" : "permit";
    super("KeyedMutex", [mode, mode], permits, options);
  }

  /**
   * Waits for `key`; resolves to the right to it.
   *
   * @throws By rejecting: `signal.reason` itself, `TimeoutError`, `QueueFullError`, `CanceledError` and `ClosedError` or the
   * reason given to `cancelWaiters()` and `close()`, and `DeadlockError` while a detector runs. At once: `TypeError` or
   * `RangeError` for wrong options.
   */
  acquire(key: K, options?: WaitOptions): Promise<KeyToken<K>> {
    return this.acquireKey(key, false, options);
  }

  /** The right to `key`, if it can be had at once; else `null`. */
  tryAcquire(key: K): KeyToken<K> | null {
    return this.tryAcquireKey(key, false);
  }

  /**
   * Runs `fn` with `key` held and releases it when `fn` ends, however it ends; resolves or rejects as `fn` does.
   *
   * When the key can be had at once, `fn` starts before this returns. An aborted caller's `fn` never starts.
   */
  with<R>(key: K, fn: (token: KeyToken<K>) => R, options?: WaitOptions): Promise<Awaited<R>> {
    return this.withKey(key, false, fn, options);
  }

  /**
   * Waits for several keys; resolves to the right to all of them, each once, or rejects and holds none.
   *
   * The request takes its place in every key's queue in one synchronous step, so requests like it cannot deadlock,
   * whatever the order of their keys. Without keys it resolves at once. Throws and rejects as `acquire()`.
   *
   * **Complexity**: O(keys).
   */
  acquireAll(keys: Iterable<K>, options?: WaitOptions): Promise<KeysToken<K>> {
    return this.acquireKeys(keys, false, options);
  }

  /** The right to all of `keys`, if they can be had at once; else `null`, and nothing has changed. */
  tryAcquireAll(keys: Iterable<K>): KeysToken<K> | null {
    return this.tryAcquireKeys(keys, false);
  }

  /** Runs `fn` with all of `keys` held; otherwise as `with()`. */
  withAll<R>(keys: Iterable<K>, fn: (token: KeysToken<K>) => R, options?: WaitOptions): Promise<Awaited<R>> {
    return this.withKeys(keys, false, fn, options);
  }

  /** One key's lock, usable wherever a `Governor` is accepted. Costs nothing while it is not used. */
  governor(key: K): Governor<KeyToken<K>> {
    return new KeyGovernor(
      (options) => this.acquire(key, options),
      () => this.tryAcquire(key),
      (fn, options) => this.with(key, fn, options),
    );
  }
}
