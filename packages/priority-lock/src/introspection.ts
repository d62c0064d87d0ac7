import type { HeldEntry, LockSnapshot, PendingEntry } from "@holdfast/core";

/** Who holds. */
export interface HolderInfo<C extends string> extends HeldEntry {
  readonly priority: C;
  /** Whether it was asked to yield and has not yet. */
  readonly preempted: boolean;
  /** The number of the grant, for `evict()`: greater than those of all grants of this lock before it. */
  readonly grant: number;
  /** Since when it has held, in milliseconds as `performance.now()` has it; where there is `since`. */
  readonly heldSince?: number;
}

/** One request that waits. */
export interface PriorityPending<C extends string> extends PendingEntry {
  /** The class it was asked for with. */
  readonly priority: C;
  /** The class that it has risen to, where it has aged. */
  readonly agedTo?: C;
}

/** Work that was announced and that lower classes wait for. */
export interface DemandEntry<C extends string> {
  readonly priority: C;
  readonly label?: string;
}

/** Who holds, who waits, in the order in which they will be granted, and what is demanded. */
export interface PrioritySnapshot<C extends string> extends LockSnapshot<HolderInfo<C>, PriorityPending<C>> {
  readonly demands: readonly DemandEntry<C>[];
}
