import type { WaitOptions } from "./options.js";

/** One holder. Field names follow the Web Locks API's `query()`, but are read synchronously. */
export interface HeldEntry {
  readonly mode: string;
  /** The label of the request, where it had one. */
  readonly label?: string;
  /**
   * When it was asked for, in milliseconds as `performance.now()` has it. Only for requests that carry a label or are
   * observed: reading the clock costs more than taking a free lock.
   */
  readonly since?: number;
}

/** One request that waits. */
export type PendingEntry = HeldEntry;

/** Who holds and who waits, in the order in which they will be granted. */
export interface LockSnapshot<H extends HeldEntry = HeldEntry, P extends PendingEntry = PendingEntry> {
  readonly held: readonly H[];
  readonly pending: readonly P[];
}

/** The questions every lock answers; exact at every synchronous point. For people and tests, not for decisions. */
export interface Introspection {
  /** Whether anybody holds it. */
  readonly locked: boolean;
  /** How many hold it. */
  readonly holders: number;
  /** How many requests wait. */
  readonly waiters: number;
  snapshot(): LockSnapshot;
  /** Resolves when nothing is held or queued. Advisory: for shutdown and tests, not for locking. */
  whenIdle(options?: WaitOptions): Promise<void>;
}

/** How every lock is emptied and shut. */
export interface Shutdown {
  /** Rejects every queued request with `reason`, or a `CanceledError` each; holders are untouched. Tells how many. */
  cancelWaiters(reason?: unknown): number;
  /** The same with `ClosedError`, and for all later requests. */
  close(reason?: unknown): void;
  readonly closed: boolean;
}
