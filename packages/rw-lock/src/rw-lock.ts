import {
  checkOptions,
  Gate,
  GateGovernor,
  GateLock,
  type Governor,
  LockState,
  readLimit,
  type WaitOptions,
} from "@holdfast/core";
import type { ReadToken, RwToken, WriteToken } from "./tokens.js";

export interface RwLockOptions {
  /** How many may read at the same time. Default `Infinity`. */
  readonly maxReaders?: number | undefined;
  /** How many requests may wait; one more rejects with `QueueFullError`. Default `Infinity`. */
  readonly maxWaiters?: number | undefined;
  /** Names the lock in events and error messages. */
  readonly label?: string | undefined;
}

/**
 * Lets many read or one write, in the order in which they asked.
 *
 * **Fairness**: strict FIFO. A writer that waits holds back the readers behind it, and when it is done all readers up
 * to the next writer come in together, so neither side starves.
 *
 * **Cancel safety**: a request that is aborted or times out before its grant has no effect at all, and whoever it held
 * up comes in in the same step. After the grant a signal has no effect.
 *
 * **Complexity**: O(1) for every operation, aborts included.
 *
 * @example
 * ```ts
 * import { RwLock } from "@holdfast/rw-lock";
 *
 * const lock = new RwLock();
 * let config = { retries: 1 };
 * const read = () => lock.withRead(() => config.retries);
 * await Promise.all([read(), lock.withWrite(() => void (config = { retries: 2 })), read()]);
 * console.log(await read()); // => 2
 * ```
 */
export class RwLock extends GateLock<RwToken> {
  /** The reading side, usable wherever a `Governor` is accepted. */
  readonly shared: Governor<ReadToken>;
  /** The writing side, usable wherever a `Governor` is accepted. */
  readonly exclusive: Governor<WriteToken>;

  /** Throws `TypeError` or `RangeError` for options of the wrong type or range. */
  constructor(options: RwLockOptions = {}) {
    checkOptions(options);
    const [room, maxWaiters] = [readLimit(options, "maxReaders"), readLimit(options, "maxWaiters")];
    super(new Gate<RwToken>(new LockState("RwLock", options.label, ["read", "write"], maxWaiters, room)));
    this.shared = new GateGovernor(this.gate as Gate<ReadToken>, false);
    this.exclusive = new GateGovernor(this.gate as Gate<WriteToken>, true);
  }

  /** Who is inside at the moment. */
  get mode(): "free" | "read" | "write" {
    const { used } = this.gate;
    return used < 0 ? "write" : used > 0 ? "read" : "free";
  }

  /** How many read at the moment. */
  get readers(): number {
    return Math.max(this.gate.used, 0);
  }

  /**
   * Waits to read; resolves to the right to.
   *
   * @throws By rejecting: `signal.reason` itself, `TimeoutError`, `QueueFullError`, `CanceledError` and `ClosedError` or the
   * reason given to `cancelWaiters()` and `close()`, and `DeadlockError` while a detector runs. At once: `TypeError` or
   * `RangeError` for wrong options.
   */
  read(options?: WaitOptions): Promise<ReadToken> {
    return this.gate.acquire(false, options) as Promise<ReadToken>;
  }

  /** Waits to write; resolves to the right to. Otherwise as `read()`. */
  write(options?: WaitOptions): Promise<WriteToken> {
    return this.gate.acquire(true, options) as Promise<WriteToken>;
  }

  /** The right to read, if it can be had at once and nobody waits; else `null`. */
  tryRead(): ReadToken | null {
    return this.gate.tryAcquire(false) as ReadToken | null;
  }

  /** The right to write, if it can be had at once; else `null`. */
  tryWrite(): WriteToken | null {
    return this.gate.tryAcquire(true) as WriteToken | null;
  }

  /**
   * Runs `fn` as a reader and releases when it ends, however it ends; resolves or rejects as `fn` does.
   *
   * When the lock can be had at once, `fn` starts before this returns. An aborted caller's `fn` never starts.
   */
  withRead<R>(fn: (token: ReadToken) => R, options?: WaitOptions): Promise<Awaited<R>> {
    return this.gate.with(false, fn as (token: RwToken) => R, options);
  }

  /** Runs `fn` as the writer; otherwise as `withRead()`. */
  withWrite<R>(fn: (token: WriteToken) => R, options?: WaitOptions): Promise<Awaited<R>> {
    return this.gate.with(true, fn as (token: RwToken) => R, options);
  }
}
