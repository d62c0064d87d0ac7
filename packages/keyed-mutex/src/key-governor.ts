import { type Governor, type LockToken, type WaitOptions, wrapper } from "@holdfast/core";

/** One key of a keyed lock as a `Governor`. */
export class KeyGovernor<T extends LockToken> implements Governor<T> {
  readonly acquire: (options?: WaitOptions) => Promise<T>;
  readonly tryAcquire: () => T | null;
  readonly with: <R>(fn: (token: T) => R, options?: WaitOptions) => Promise<Awaited<R>>;

  constructor(
    acquire: (options?: WaitOptions) => Promise<T>,
    tryAcquire: () => T | null,
    withKey: <R>(fn: (token: T) => R, options?: WaitOptions) => Promise<Awaited<R>>,
  ) {
    this.acquire = acquire;
    this.tryAcquire = tryAcquire;
    this.with = withKey;
  }

  wrap<This, A extends unknown[], R>(
    fn: (this: This, ...args: A) => R,
    options?: WaitOptions,
  ): (this: This, ...args: A) => Promise<Awaited<R>> {
    return wrapper(fn, options, (body) => this.with(body, options));
  }
}
