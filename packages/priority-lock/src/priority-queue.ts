import { type Grant, Queue, type WaitQueue } from "@holdfast/core";
import type { PriorityClass } from "./classes.js";
import type { PriorityEntry } from "./priority-entry.js";

declare const performance: { now(): number };

type Item = Grant | PriorityEntry;

/**
 * A FIFO queue for each class, of which the highest that has somebody in it comes first.
 *
 * With aging, whoever has been in a class for `agingMs` moves to the end of the next higher one, but not into a class in
 * demand. That is worked out at each arrival and each admission, as of the moment at which it was due: no timer is needed,
 * looking changes nothing, and the time alone never lets anybody in.
 *
 * **Complexity**: O(classes) for every operation, amortised.
 */
export class PriorityQueue implements WaitQueue {
  size = 0;
  /** The rank of the one that was found last. */
  turn = 0;
  readonly #classes: readonly PriorityClass[];
  readonly #queues: readonly Queue<Item>[];
  readonly #demands: number[];
  /** The lowest rank that is let in. */
  #lowest: number;
  /** `Infinity`: nobody ages. */
  readonly #agingMs: number;

  constructor(classes: readonly PriorityClass[], agingMs: number) {
    this.#classes = classes;
    this.#queues = classes.map(() => new Queue<Item>());
    this.#demands = classes.map(() => 0);
    this.#lowest = classes.length - 1;
    this.#agingMs = agingMs;
  }

  /** The class of the one that was found last. */
  get current(): PriorityClass {
    return at(this.#classes, this.turn);
  }

  /** Whether those who wait must be objects, to know since when. */
  get ages(): boolean {
    return this.#agingMs !== Infinity;
  }

  push(item: Item, { asked: { rank } }: { readonly asked: PriorityClass }): void {
    if (typeof item === "object") {
      item.rank = rank;
      item.since = this.age();
    }
    at(this.#queues, rank).push(item);
    this.size += 1;
  }

  /** Adds before all others of its rank. */
  unshift(item: PriorityEntry): void {
    const now = this.age();
    const queue = at(this.#queues, item.rank);
    const first = queue.first();
    // It ages with the one it stands before, which could not move up before it.
    item.since = typeof first === "object" ? first.since : now;
    queue.unshift(item);
    this.size += 1;
  }

  /** The first of those who are not held back. */
  first(): Item | undefined {
    this.age();
    return this.#find(this.#lowest);
  }

  shift(): void {
    at(this.#queues, this.turn).shift();
    this.size -= 1;
  }

  remove(item: PriorityEntry): void {
    at(this.#queues, item.rank).remove(item);
    this.size -= 1;
  }

  takeFunctions(): Grant[] {
    const taken = this.#queues.flatMap((queue) => queue.takeFunctions());
    this.size -= taken.length;
    return taken;
  }

  /** Whether a newcomer of this rank may come in before all who wait. */
  admits(rank: number): boolean {
    if (rank > this.#lowest) return false;
    if (this.size === 0) return true;
    this.age();
    return this.#find(rank) === undefined;
  }

  /** Whether a higher rank than this is waited for or demanded. */
  wants(rank: number): boolean {
    this.age();
    return this.#lowest < rank || this.#find(rank - 1) !== undefined;
  }

  /** Adds or takes away a demand for a rank: while there is one, no lower rank is let in. */
  demand(rank: number, change: 1 | -1): void {
    this.age();
    this.#demands[rank] = at(this.#demands, rank) + change;
    const highest = this.#demands.findIndex((count) => count > 0);
    this.#lowest = highest < 0 ? this.#queues.length - 1 : highest;
  }

  /** All who wait, in order; `current` is the class of each, as it goes. */
  *[Symbol.iterator](): Generator<Item, void> {
    this.age();
    for (const { rank } of this.#classes) {
      this.turn = rank;
      yield* at(this.#queues, rank);
    }
  }

  #find(lowest: number): Item | undefined {
    for (let rank = 0; rank <= lowest; rank += 1) {
      const first = at(this.#queues, rank).first();
      if (first === undefined) continue;
      this.turn = rank;
      return first;
    }
    return undefined;
  }

  /** Moves up those who are due, and tells the time. From the lowest class: one who is long due passes through several. */
  age(): number {
    if (!this.ages) return 0;
    const now = performance.now();
    for (let rank = this.#queues.length - 1; rank > 0; rank -= 1) {
      // A demand holds back whoever stands below it, however long that lasts.
      if (at(this.#demands, rank - 1) > 0) continue;
      const queue = at(this.#queues, rank);
      for (let first; typeof (first = queue.first()) === "object";) {
        if (now - first.since < this.#agingMs) break;
        queue.shift();
        first.rank = rank - 1;
        first.since += this.#agingMs;
        at(this.#queues, rank - 1).push(first);
      }
    }
    return now;
  }
}

/** What stands at an index that is known to be there. */
function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}
