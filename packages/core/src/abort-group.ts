import type { AbortSignalLike } from "./options.js";

/** One who waits until a signal aborts. */
export interface Abortable {
  /** Neighbours among those of one signal. */
  previous: Abortable | undefined;
  next: Abortable | undefined;
  /** The signal has aborted: it leaves its group. */
  fail(reason: unknown): void;
}

/** What the groups of one lock, or of others who wait together, are found by. */
export interface AbortGroups {
  readonly groups: Map<AbortSignalLike, AbortGroup>;
  /** The one that was asked for last. */
  lastGroup: AbortGroup | undefined;
  /** All of a group have been told. */
  settle(): void;
}

/**
 * The waiters of one lock that share a signal, with one listener for all of them: Node walks a signal's whole list of
 * listeners for each one added, so a listener each would cost the square of their number.
 */
export class AbortGroup {
  static join(owner: AbortGroups, signal: AbortSignalLike, waiter: Abortable): AbortGroup {
    // Those who share a signal mostly come one after the other.
    let group = owner.lastGroup;
    if (group?.signal !== signal) {
      group = owner.groups.get(signal) ?? new AbortGroup(owner, signal);
      owner.lastGroup = group;
    }
    group.#add(waiter);
    return group;
  }

  readonly signal: AbortSignalLike;
  readonly #owner: AbortGroups;
  #first: Abortable | undefined;
  #last: Abortable | undefined;

  private constructor(owner: AbortGroups, signal: AbortSignalLike) {
    this.#owner = owner;
    this.signal = signal;
    signal.addEventListener("abort", this);
    owner.groups.set(signal, this);
  }

  handleEvent(): void {
    while (this.#first !== undefined) this.#first.fail(this.signal.reason);
    this.#owner.settle();
  }

  leave(waiter: Abortable): void {
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiter.previous = waiter.next = undefined;
    if (this.#first !== undefined) return;
    const owner = this.#owner;
    this.signal.removeEventListener("abort", this);
    owner.groups.delete(this.signal);
    if (owner.lastGroup === this) owner.lastGroup = undefined;
  }

  #add(waiter: Abortable): void {
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
  }
}
