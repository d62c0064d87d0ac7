import { checkOptions, type Governor, readLimit, demand, type WaitOptions } from "@holdfast/core";
import { KeyGovernor } from "./key-governor.js";
import { KeyedLock, type KeyedLockOptions, type KeyToken } from "./keyed-lock.js";
import type { KeysToken } from "./keys.js";

/** How a key is wanted: beside other shared holders, or alone. */
export type LockMode = "shared" | "exclusive";

/** The right to one key, in one of the two modes. */
export interface KeyModeToken<K> extends KeyToken<K> {
  readonly mode: LockMode;
}

export interface KeyWaitOptions extends WaitOptions {
  /** How the key is wanted. Default `"exclusive"`. */
  readonly mode?: LockMode | undefined;
}

export interface KeysWaitOptions<K> extends WaitOptions {
  /** How the keys are wanted: all alike, or each as the function says. Default `"exclusive"`. */
  readonly mode?: LockMode | ((key: K) => LockMode) | undefined;
}

export interface KeyedRwLockOptions<K> extends KeyedLockOptions<K> {
  /** How many may share one key at the same time. Default `Infinity`. */
  readonly maxShared?: number | undefined;
}

/**
 * A readers/writer lock per key: many share a key or one has it alone, and a key costs memory only while in use.
 *
 * **Fairness**: strict FIFO per key. An exclusive request that waits holds back the shared ones behind it; when it is
 * done all shared ones up to the next exclusive one come in together.
 *
 * **Cancel safety**: a request that is aborted or times out before its grant has no effect at all, and whoever it held
 * up comes in in the same step. After the grant a signal has no effect.
 *
 * **Complexity**: O(1) per key for every operation, aborts included.
 *
 * @example
 * ```ts
 * import { KeyedRwLock } from "@holdfast/keyed-mutex";
 *
 * const files = new KeyedRwLock();
 * const reading = await files.acquire("a.txt", { mode: "shared" });
 * console.log(files.tryAcquire("a.txt", "shared") !== null, files.tryAcquire("a.txt") === null); // => true true
 * reading.release();
 * ```
 */
export class KeyedRwLock<K = string> extends KeyedLock<K, KeyModeToken<K>> {
  /** Throws `TypeError` or `RangeError` for options of the wrong type or range. */
  constructor(options: KeyedRwLockOptions<K> = {}) {
    checkOptions(options);
    const room = readLimit(options, "maxShared");
    super("KeyedRwLock", ["shared", "exclusive"], room, options);
  }

  /**
   * Waits for `key`; resolves to the right to it.
   *
   * @throws By rejecting: `signal.reason` itself, `TimeoutError`, `QueueFullError`, `CanceledError` and `ClosedError` or the
   * reason given to `cancelWaiters()` and `close()`, and `DeadlockError` while a detector runs. At once: `TypeError` or
   * `RangeError` for wrong options.
   */
  acquire(key: K, options?: KeyWaitOptions): Promise<KeyModeToken<K>> {
    return this.acquireKey(key, isExclusive(options?.mode), options);
  }

  /** The right to `key`, if it can be had at once and nobody waits; else `null`. */
  tryAcquire(key: K, mode?: LockMode): KeyModeToken<K> | null {
    return this.tryAcquireKey(key, isExclusive(mode));
  }

  /**
   * Runs `fn` with `key` held and releases it when `fn` ends, however it ends; resolves or rejects as `fn` does.
   *
   * When the key can be had at once, `fn` starts before this returns. An aborted caller's `fn` never starts.
   */
  with<R>(key: K, fn: (token: KeyModeToken<K>) => R, options?: KeyWaitOptions): Promise<Awaited<R>> {
    return this.withKey(key, isExclusive(options?.mode), fn, options);
  }

  /**
   * Waits for several keys; resolves to the right to all of them, each once, or rejects and holds none.
   *
   * The request takes its place in every key's queue in one synchronous step, so requests like it cannot deadlock,
   * whatever the order of their keys. Without keys it resolves at once. Throws and rejects as `acquire()`.
   *
   * **Complexity**: O(keys).
   */
  acquireAll(keys: Iterable<K>, options?: KeysWaitOptions<K>): Promise<KeysToken<K>> {
    return this.acquireKeys(keys, exclusiveOf(options?.mode), options);
  }

  /** The right to all of `keys`, if they can be had at once; else `null`, and nothing has changed. */
  tryAcquireAll(keys: Iterable<K>, mode?: LockMode | ((key: K) => LockMode)): KeysToken<K> | null {
    return this.tryAcquireKeys(keys, exclusiveOf(mode));
  }

  /** Runs `fn` with all of `keys` held; otherwise as `with()`. */
  withAll<R>(
    keys: Iterable<K>,
    fn: (token: KeysToken<K>) => R,
    options?: KeysWaitOptions<K>,
  ): Promise<Awaited<R>> {
    return this.withKeys(keys, exclusiveOf(options?.mode), fn, options);
  }

  /** One side of one key's lock, usable wherever a `Governor` is accepted. Costs nothing while it is not used. */
  governor(key: K, mode: LockMode = "exclusive"): Governor<KeyModeToken<K>> {
    const exclusive = isExclusive(mode);
    return new KeyGovernor(
      (options) => this.acquireKey(key, exclusive, options),
      () => this.tryAcquireKey(key, exclusive),
      (fn, options) => this.withKey(key, exclusive, fn, options),
    );
  }
}

function isExclusive(mode: LockMode | undefined): boolean {
  demand(
    ([undefined, "shared", "exclusive"] as readonly unknown[]).includes(mode),
    'options.mode must be "shared" or "exclusive"',
    mode,
  );
  return mode !== "shared";
}

function exclusiveOf<K>(
  mode: LockMode | ((key: K) => LockMode) | undefined,
): boolean | ((key: K) => boolean) {
  return typeof mode === "function" ? (key) => isExclusive(mode(key)) : isExclusive(mode);
}
