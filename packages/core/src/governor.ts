/// <reference lib="esnext.disposable" preserve="true" />
import type { WaitOptions } from "./options.js";

/** One grant: the right to be inside, until it is released. */
export interface LockToken extends Disposable {
  /** Whether this grant is still in force. */
  readonly held: boolean;
  /** Ends this grant and no other. Synchronous: when it returns, the next waiter owns the lock. Does nothing twice. */
  release(): void;
  /** The same as `release()`, for `using`. */
  [Symbol.dispose](): void;
}

/** What can be acquired: the TC39 concurrency-control proposal's Governor, with options. */
export interface Governor<T extends LockToken = LockToken, O extends WaitOptions = WaitOptions> {
  acquire(options?: O): Promise<T>;
  /** Synchronous; `null` when it would wait, also when others already wait. */
  tryAcquire(): T | null;
  with<R>(fn: (token: T) => R, options?: O): Promise<Awaited<R>>;
  wrap<This, A extends unknown[], R>(
    fn: (this: This, ...args: A) => R,
    options?: O,
  ): (this: This, ...args: A) => Promise<Awaited<R>>;
}
