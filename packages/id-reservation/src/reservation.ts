/// <reference lib="esnext.disposable" preserve="true" />

/**
 * Where a reservation stands: it is `pending` until it is `committed` (the thing exists), `released` (the id is free
 * again) or `sealed` (nobody knows whether the thing exists, so the id stays taken).
 */
export type ReservationState = "pending" | "committed" | "sealed" | "released";

/** The claim to one id. What settles it first decides. */
export interface Reservation<Id = string> extends Disposable {
  /** The id as it was asked for. */
  readonly id: Id;
  readonly state: ReservationState;
  /** Greater than that of every reservation made before it in this registry, whatever its id. */
  readonly generation: number;
  readonly label: string | undefined;
  /**
   * When it was made, in milliseconds as `performance.now()` has it. Only for those that carry a label: reading the clock
   * costs more than reserving.
   */
  readonly since: number | undefined;
  /**
   * The thing exists now, under this id. Does nothing once committed or sealed; throws a `TypeError` once the id was
   * released or deleted, because it may be somebody else's by now.
   */
  commit(): void;
  /** The thing does not exist: the id is free again. Does nothing once committed, sealed or released. */
  release(): void;
  /** Nobody knows whether the thing exists: the id stays taken until `delete(id)`. Otherwise as `commit()`. */
  seal(): void;
  /** The same as `release()`: a scope that is left without `commit()` rolls back. */
  [Symbol.dispose](): void;
}

/** Several reservations that were made in one step. Each can also be settled on its own. */
export interface ReservationGroup<Id = string> extends Disposable {
  /** In the order in which the ids were given. */
  readonly reservations: readonly Reservation<Id>[];
  /** Commits all that are pending. If one was released it throws a `TypeError` and commits none. */
  commit(): void;
  /** Releases all that are pending. */
  release(): void;
  /** The same as `release()`. */
  [Symbol.dispose](): void;
}

/** One id that is taken, as `snapshot()` shows it. */
export interface ReservationEntry<Id = string> {
  readonly id: Id;
  readonly state: Exclude<ReservationState, "released">;
  readonly generation: number;
  readonly label?: string;
  /** Only where there is a label. */
  readonly since?: number;
}
