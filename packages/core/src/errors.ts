/** The stable `code` of every error that a lock rejects with. */
export type LockErrorCode =
  | "ERR_TIMEOUT"
  | "ERR_CANCELED"
  | "ERR_CLOSED"
  | "ERR_DEADLOCK"
  | "ERR_QUEUE_FULL"
  | "ERR_PREEMPTED"
  | "ERR_EVICTED"
  | "ERR_ID_TAKEN"
  | "ERR_KEY_COLLISION"
  | "ERR_REDUCER"
  | "ERR_BRANCH_OUTPUT"
  | "ERR_PIPE_CLOSED"
  | "ERR_FRAME"
  | "ERR_JOIN";

/**
 * What every failure of a lock has in common: a stable `code`, and a message that names the lock and, where
 * the request had a label, that label and how long it waited.
 *
 * Compare `code`, or ask {@link isLockError}: `instanceof` fails between two copies of a package.
 */
export abstract class LockError extends Error {
  abstract readonly code: LockErrorCode;
}

// Two copies of this package may be loaded side by side; a registered symbol is the same in both, a class is not.
const brand = Symbol.for("holdfast.LockError");
Object.defineProperty(LockError.prototype, brand, { value: true });

/**
 * The request waited as long as its `timeout` allowed.
 *
 * Its name is the platform's, so that `{ timeout }` and `AbortSignal.timeout()` are caught alike.
 */
export class TimeoutError extends LockError {
  override readonly name = "TimeoutError" as const;
  readonly code = "ERR_TIMEOUT" as const;
  /** The limit that passed, in milliseconds. */
  readonly timeout: number;

  constructor(message: string, timeout: number) {
    super(message);
    this.timeout = timeout;
  }
}

/** The request was taken out of the queue by `cancelWaiters()`. */
export class CanceledError extends LockError {
  override readonly name = "AbortError" as const;
  readonly code = "ERR_CANCELED" as const;
}

/** The lock was closed before or while the request waited. */
export class ClosedError extends LockError {
  override readonly name = "ClosedError" as const;
  readonly code = "ERR_CLOSED" as const;
}

/** As many requests wait, or as many keys are in use, as the lock was told to allow. */
export class QueueFullError extends LockError {
  override readonly name = "QueueFullError" as const;
  readonly code = "ERR_QUEUE_FULL" as const;
  /** The limit that was reached. */
  readonly limit: number;

  constructor(message: string, limit: number) {
    super(message);
    this.limit = limit;
  }
}

/** Waiting would never have ended: the request closes a cycle of holders that wait for each other. */
export class DeadlockError extends LockError {
  override readonly name = "DeadlockError" as const;
  readonly code = "ERR_DEADLOCK" as const;
  /** Who waits for whom, one line each, from the rejected request back to itself. */
  readonly chain: readonly string[];

  constructor(message: string, chain: readonly string[]) {
    super(message);
    this.chain = chain;
  }
}

/**
 * Tells whether `error` was made by a Holdfast package, whichever copy of it, and has `code` where one is given.
 *
 * @example
 * ```ts
 * import { isLockError, TimeoutError } from "@holdfast/core";
 *
 * const error: unknown = new TimeoutError("Timed out after 5 ms", 5);
 * console.log(isLockError(error), isLockError(error, "ERR_CLOSED")); // => true false
 * ```
 */
export function isLockError<C extends LockErrorCode = LockErrorCode>(
  error: unknown,
  code?: C,
): error is LockError & { readonly code: C } {
  return (
    typeof error === "object" &&
    error !== null &&
    brand in error &&
    (code === undefined || (error as { readonly code?: unknown }).code === code)
  );
}
