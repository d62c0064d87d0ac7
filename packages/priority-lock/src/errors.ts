import { LockError } from "@holdfast/core";

/** Asks a holder to yield: the `reason` of its `token.signal`. It still holds the lock. */
export class PreemptedError extends LockError {
  override readonly name = "PreemptedError" as const;
  readonly code = "ERR_PREEMPTED" as const;
  /** The class that asks. */
  readonly by: string;
  /** The label of the request or the demand that asks, where it has one. */
  readonly label: string | undefined;

  constructor(message: string, by: string, label: string | undefined) {
    super(message);
    this.by = by;
    this.label = label;
  }
}

/** The lock was taken from its holder by `evict()`: the `reason` of its `token.signal`. */
export class EvictedError extends LockError {
  override readonly name = "EvictedError" as const;
  readonly code = "ERR_EVICTED" as const;
  /** What `evict()` was given. */
  readonly reason: unknown;

  constructor(message: string, reason: unknown) {
    super(message, { cause: reason });
    this.reason = reason;
  }
}
