import { type PriorityClass } from "./classes.js";
import type { PriorityEntry } from "./priority-entry.js";
import type { Ask, PriorityGate } from "./priority-gate.js";
import type { PriorityToken } from "./token.js";

/** A request whose class can change while it waits. */
export interface PriorityRequest<C extends string> {
  /** What `acquire` would have returned. */
  readonly token: Promise<PriorityToken<C>>;
  /** The class it is of. */
  readonly priority: C;
  /** Whether it still waits. */
  readonly waiting: boolean;
  /**
   * Moves it to the end of another class, where it counts as having just arrived: it may ask the holder to yield. Returns
   * whether it was still waiting; if not, nothing changes. In the class it is of it keeps its place.
   *
   * @throws `TypeError` for an unknown class.
   */
  setPriority(priority: C): boolean;
}

/** A request that knows where it waits. */
export class MovableRequest<C extends string> implements PriorityRequest<C>, Ask {
  readonly token: Promise<PriorityToken<C>>;
  asked: PriorityClass<C>;
  readonly #gate: PriorityGate;
  readonly #classOf: (priority: C) => PriorityClass<C>;
  #entry: PriorityEntry | undefined;

  constructor(
    gate: PriorityGate,
    asked: PriorityClass<C>,
    classOf: (priority: C) => PriorityClass<C>,
    acquire: (ask: Ask) => Promise<PriorityToken<C>>,
  ) {
    this.#gate = gate;
    this.asked = asked;
    this.#classOf = classOf;
    this.token = acquire(this);
  }

  get priority(): C {
    return this.asked.name;
  }

  get waiting(): boolean {
    return this.#entry?.waiting === true;
  }

  queued(entry: PriorityEntry): void {
    this.#entry = entry;
  }

  setPriority(priority: C): boolean {
    const asked = this.#classOf(priority);
    const entry = this.#entry;
    if (entry?.waiting !== true) return false;
    if (asked.rank !== this.asked.rank) {
      this.asked = asked;
      this.#gate.move(entry, asked);
    }
    return true;
  }
}
