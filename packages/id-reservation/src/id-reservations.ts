import {
  checkFunction,
  checkOptions,
  demand,
  IdleWaiters,
  LockState,
  readLimit,
  type WaitOptions,
} from "@holdfast/core";
import type { Candidates } from "./candidates.js";
import { Claim, Group, type Note, Table } from "./claim.js";
import { IdCandidatesExhaustedError, type IdHolder, IdTakenError } from "./errors.js";
import type { Reservation, ReservationEntry, ReservationGroup } from "./reservation.js";

declare const performance: { now(): number };

export interface ReserveOptions {
  /** Shown in `snapshot()` and in the errors of those who come too late. */
  readonly label?: string | undefined;
}

export interface ReserveFirstOptions extends ReserveOptions {
  /** How many candidates to try at most. Default: that of the registry. */
  readonly maxAttempts?: number | undefined;
}

export interface IdReservationsOptions<Id> {
  /** What ids are compared by, as `Map` compares. Synchronous. Default: the id itself. */
  readonly normalize?: ((id: Id) => unknown) | undefined;
  /**
   * Whether an id is taken outside of this registry. Synchronous, because an answer that comes later may be wrong by
   * then. The id counts as reserved while this runs.
   */
  readonly isTaken?: ((id: Id) => boolean) | undefined;
  /**
   * What becomes of an id that is committed: `"keep"` (default) has it taken until `delete(id)`; `"forget"` leaves it to
   * `isTaken`, and the registry holds nothing of it any more.
   */
  readonly onCommit?: "keep" | "forget" | undefined;
  /** How many candidates `reserveFirst()` tries at most. Default 10,000. */
  readonly maxAttempts?: number | undefined;
  /** Names the registry in messages. */
  readonly label?: string | undefined;
}

/**
 * The ids that are taken: claims one in one synchronous step, before the slow work that it is for, so that no two tasks
 * can have the same.
 *
 * **Fairness**: whoever asks first has it. Nobody waits, except in `whenFree()`, which promises nothing.
 *
 * **Complexity**: O(1) for every operation on one id. An id that is free costs nothing.
 *
 * @example
 * ```ts
 * import { IdReservations, numbered } from "@holdfast/id-reservation";
 *
 * const processes = new Map<string, string>();
 * const ids = new IdReservations({ isTaken: (id: string) => processes.has(id), onCommit: "forget" });
 * const start = (name: string) =>
 *   ids.withFirst(numbered(name), async ({ id }) => {
 *     await Promise.resolve(); // something slow, under that name
 *     processes.set(id, "running");
 *     return id;
 *   });
 * console.log(await Promise.all([start("build"), start("build")])); // => [ 'build', 'build (1)' ]
 * ```
 */
export class IdReservations<Id = string> {
  readonly #table: Table<Id>;
  readonly #state: LockState;
  readonly #normalize: ((id: Id) => unknown) | undefined;
  readonly #isTaken: ((id: Id) => boolean) | undefined;
  readonly #maxAttempts: number;

  /** Throws `TypeError` or `RangeError` for options of the wrong type or range. */
  constructor(options: IdReservationsOptions<Id> = {}) {
    checkOptions(options);
    const { normalize, isTaken, onCommit = "keep", label } = options;
    if (normalize !== undefined) checkFunction(normalize, "options.normalize");
    if (isTaken !== undefined) checkFunction(isTaken, "options.isTaken");
    const forgets = (onCommit as unknown) === "forget";
    demand(
      forgets || (onCommit as unknown) === "keep",
      'options.onCommit must be "keep" or "forget"',
      onCommit,
    );
    this.#normalize = normalize;
    this.#isTaken = isTaken;
    this.#maxAttempts = readLimit(options, "maxAttempts", 10_000);
    this.#table = new Table(!forgets);
    this.#state = new LockState("IdReservations", label, ["", ""], Infinity);
  }

  /** How many ids are taken here: pending, committed and kept, or sealed. */
  get size(): number {
    return this.#table.claims.size;
  }

  /** How many of them are pending. */
  get pending(): number {
    return this.#table.pending;
  }

  /**
   * Claims `id`.
   *
   * @throws `IdTakenError`, and whatever `isTaken` or `normalize` throws; `TypeError` for wrong options.
   */
  reserve(id: Id, options?: ReserveOptions): Reservation<Id> {
    return this.#reserve(id, noteOf(options));
  }

  /** Claims `id`, or answers `null` if it is taken. Otherwise as `reserve()`. */
  tryReserve(id: Id, options?: ReserveOptions): Reservation<Id> | null {
    const note = noteOf(options);
    const key = this.#keyOf(id);
    return this.#table.claims.has(key) ? null : this.#claim(id, key, note);
  }

  /**
   * Claims the first of the candidates that is free.
   *
   * @throws `IdCandidatesExhaustedError` when they come to an end, or after `maxAttempts`; and whatever a candidate
   * function, `isTaken` or `normalize` throws; `TypeError` or `RangeError` for wrong options.
   */
  reserveFirst(candidates: Candidates<Id>, options?: ReserveFirstOptions): Reservation<Id> {
    return this.#first(candidates, ...this.#firstOptions(candidates, options));
  }

  /**
   * Claims all of `ids`, or none; an id that is given twice is taken the second time.
   *
   * @throws As `reserve()`.
   */
  reserveAll(ids: Iterable<Id>, options?: ReserveOptions): ReservationGroup<Id> {
    checkIterable(ids, "ids must be an iterable of ids");
    const note = noteOf(options);
    const reservations: Reservation<Id>[] = [];
    const group = new Group(reservations);
    try {
      for (const id of ids) reservations.push(this.#reserve(id, note));
      return group;
    } catch (error) {
      group.release();
      throw error;
    }
  }

  /**
   * Claims `id` and runs `fn`, which starts before this returns; commits when it ends well and releases when it throws,
   * unless `fn` has settled the reservation itself. Resolves or rejects as `fn` does.
   *
   * @throws As `reserve()`, by rejecting; `TypeError` for wrong options, at once.
   */
  with<R>(id: Id, fn: (reservation: Reservation<Id>) => R, options?: ReserveOptions): Promise<Awaited<R>> {
    checkFunction(fn, "fn");
    const note = noteOf(options);
    return run(() => this.#reserve(id, note), fn);
  }

  /** The same for the first of the candidates that is free. */
  withFirst<R>(
    candidates: Candidates<Id>,
    fn: (reservation: Reservation<Id>) => R,
    options?: ReserveFirstOptions,
  ): Promise<Awaited<R>> {
    checkFunction(fn, "fn");
    const rest = this.#firstOptions(candidates, options);
    return run(() => this.#first(candidates, ...rest), fn);
  }

  /** Whether `id` is taken, here or outside. */
  has(id: Id): boolean {
    return this.stateOf(id) !== "free";
  }

  /** Who has `id`: a reservation here, the world outside (`"external"`), or nobody (`"free"`). */
  stateOf(id: Id): IdHolder | "free" {
    const claim = this.#table.claims.get(this.#keyOf(id));
    // One that is in the table is not released.
    if (claim !== undefined) return claim.state as IdHolder;
    return this.#isExternal(id) ? "external" : "free";
  }

  /** Frees an id that is committed or sealed here; its reservation reads released from then on. Tells whether it did. */
  delete(id: Id): boolean {
    const claim = this.#table.claims.get(this.#keyOf(id));
    if (claim === undefined || claim.state === "pending") return false;
    claim.leave("released");
    return true;
  }

  /**
   * Resolves once no reservation here has `id`. Advisory: call `tryReserve()` afterwards, for somebody else may be
   * faster. What `isTaken` knows of the outside cannot be waited for.
   *
   * **Cancel safety**: aborting has no effect but the rejection.
   *
   * @throws `signal.reason` itself or `TimeoutError`, by rejecting; `TypeError` or `RangeError` for wrong options, at once.
   */
  whenFree(id: Id, options?: WaitOptions): Promise<void> {
    const claim = this.#table.claims.get(this.#keyOf(id));
    const waiters = claim === undefined ? new IdleWaiters() : (claim.idlers ??= new IdleWaiters());
    return waiters.wait(this.#state, claim === undefined, options);
  }

  /** All that is taken here, in the order in which it was reserved. */
  snapshot(): readonly ReservationEntry<Id>[] {
    return Array.from(this.#table.claims.values(), (claim) => claim.entry());
  }

  #reserve(id: Id, note: Note | undefined): Reservation<Id> {
    const key = this.#keyOf(id);
    const holder = this.#table.claims.get(key);
    if (holder !== undefined) throw new IdTakenError(id, holder.state as IdHolder, holder.label);
    const claim = this.#claim(id, key, note);
    if (claim === null) throw new IdTakenError(id, "external", undefined);
    return claim;
  }

  #first(candidates: Candidates<Id>, note: Note | undefined, maxAttempts: number): Reservation<Id> {
    let attempts = 0;
    let last: Id | undefined;
    let claim: Claim<Id> | null;
    if (typeof candidates === "function")
      // A generator around the function would make each attempt twice as dear.
      for (let id; attempts < maxAttempts && (id = candidates(attempts)) !== undefined; last = id) {
        if ((claim = this.#attempt(id, note)) !== null) return claim;
        attempts += 1;
      }
    else
      for (const id of candidates) {
        if ((claim = this.#attempt(id, note)) !== null) return claim;
        attempts += 1;
        last = id;
        if (attempts === maxAttempts) break;
      }
    throw new IdCandidatesExhaustedError(attempts, last);
  }

  #attempt(id: Id, note: Note | undefined): Claim<Id> | null {
    const key = this.#keyOf(id);
    return this.#table.claims.has(key) ? null : this.#claim(id, key, note);
  }

  #firstOptions(
    candidates: Candidates<Id>,
    options: ReserveFirstOptions | undefined,
  ): readonly [note: Note | undefined, maxAttempts: number] {
    if (typeof candidates !== "function")
      checkIterable(candidates, "candidates must be an iterable of ids or a function");
    return [noteOf(options), readLimit(options ?? {}, "maxAttempts", this.#maxAttempts)];
  }

  /** Claims an id whose key is free here, or answers `null` if it is taken outside. */
  #claim(id: Id, key: unknown, note: Note | undefined): Claim<Id> | null {
    const claim = new Claim(this.#table, id, key, note);
    claim.mark();
    if (this.#isTaken === undefined) return claim;
    // Marked before anybody is asked: whoever comes while the answer is found out finds the id taken.
    let external = true;
    try {
      external = this.#isExternal(id);
    } finally {
      if (external) claim.release();
    }
    return external ? null : claim;
  }

  #isExternal(id: Id): boolean {
    const isTaken = this.#isTaken;
    if (isTaken === undefined) return false;
    const answer: unknown = isTaken(id);
    // It is a mistake already; that it fails as well is no news.
    if (answer instanceof Promise) answer.catch(() => undefined);
    demand(typeof answer === "boolean", "options.isTaken must answer with a boolean, at once", answer);
    return answer as boolean;
  }

  #keyOf(id: Id): unknown {
    const normalize = this.#normalize;
    if (normalize === undefined) return id;
    const key = normalize(id);
    // Every promise is a key of its own, so all ids would be free.
    demand(!(key instanceof Promise), "options.normalize must answer at once", key);
    return key;
  }
}

function noteOf(options: ReserveOptions | undefined): Note | undefined {
  if (options === undefined) return undefined;
  checkOptions(options);
  const { label } = options;
  return label === undefined ? undefined : { label, since: performance.now() };
}

/** A string is an iterable too, but of letters, which nobody means. */
function checkIterable(value: unknown, expected: string): void {
  demand(
    Object(value) === value && typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === "function",
    expected,
    value,
  );
}

/** Runs `fn` under a reservation, and settles it as `fn` ends. */
function run<Id, R>(
  claim: () => Reservation<Id>,
  fn: (reservation: Reservation<Id>) => R,
): Promise<Awaited<R>> {
  let reservation: Reservation<Id> | undefined;
  const succeed = (): void => {
    if (reservation?.state === "pending") reservation.commit();
  };
  const fail = (): void => reservation?.release();
  try {
    reservation = claim();
    const result = fn(reservation);
    if (typeof (result as PromiseLike<unknown> | undefined)?.then === "function")
      return Promise.resolve(result).then(
        (value) => {
          succeed();
          return value;
        },
        (error: unknown) => {
          fail();
          throw error;
        },
      );
    succeed();
    return Promise.resolve(result);
  } catch (error) {
    fail();
    return Promise.reject(error);
  }
}
