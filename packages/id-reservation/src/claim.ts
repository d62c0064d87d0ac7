import { type IdleWaiters, keep } from "@holdfast/core";
import { show } from "./errors.js";
import type { Reservation, ReservationEntry, ReservationGroup, ReservationState } from "./reservation.js";

/** What is remembered of a reservation that carries a label. */
export interface Note {
  readonly label: string;
  readonly since: number;
}

/** What the reservations of one registry share. */
export class Table<Id> {
  readonly claims: Map<unknown, Claim<Id>> = new Map<unknown, Claim<Id>>();
  /** Whether committed ids stay in it. */
  readonly keeps: boolean;
  pending = 0;
  generation = 0;

  constructor(keeps: boolean) {
    this.keeps = keeps;
  }
}

/** A reservation. It is in its table under its key exactly as long as it has its id. */
export class Claim<Id> implements Reservation<Id> {
  static {
    // With a real table, so that the generation is a whole number from the start.
    keep(new Claim(new Table(true), undefined, undefined, undefined));
  }

  readonly id: Id;
  readonly generation: number;
  state: ReservationState = "pending";
  /** Those who wait for the id to be free. */
  idlers: IdleWaiters | undefined = undefined;
  // Not `#`: private members cost time in every reservation.
  private readonly table: Table<Id>;
  private readonly key: unknown;
  private readonly note: Note | undefined;

  constructor(table: Table<Id>, id: Id, key: unknown, note: Note | undefined) {
    this.table = table;
    this.id = id;
    this.key = key;
    this.note = note;
    this.generation = table.generation += 1;
  }

  get label(): string | undefined {
    return this.note?.label;
  }

  get since(): number | undefined {
    return this.note?.since;
  }

  /** Puts it into its table, where its key is free. */
  mark(): void {
    this.table.claims.set(this.key, this);
    this.table.pending += 1;
  }

  commit(): void {
    this.settle("committed", this.table.keeps);
  }

  seal(): void {
    this.settle("sealed", true);
  }

  release(): void {
    if (this.state !== "pending") return;
    this.table.pending -= 1;
    this.leave("released");
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** Gives the id back. */
  leave(state: "committed" | "released"): void {
    this.state = state;
    this.table.claims.delete(this.key);
    this.idlers?.notify();
  }

  entry(): ReservationEntry<Id> {
    const { id, state, generation, note } = this;
    return { id, state: state as ReservationEntry<Id>["state"], generation, ...note };
  }

  private settle(state: "committed" | "sealed", keeps: boolean): void {
    if (this.state === "released")
      throw new TypeError(`${show(this.id)} was released and may be somebody else's now`);
    if (this.state !== "pending") return;
    this.table.pending -= 1;
    if (keeps) this.state = state;
    else this.leave("committed");
  }
}

export class Group<Id> implements ReservationGroup<Id> {
  readonly reservations: readonly Reservation<Id>[];

  constructor(reservations: readonly Reservation<Id>[]) {
    this.reservations = reservations;
  }

  commit(): void {
    // Whoever was released refuses, and so must come before those who would not.
    for (const each of this.reservations) if (each.state === "released") each.commit();
    for (const each of this.reservations) each.commit();
  }

  release(): void {
    for (const each of this.reservations) each.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
