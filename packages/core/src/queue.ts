import { keep } from "./keep.js";

/** What can be taken out of the middle of a queue: it is told where it stands. */
export interface Positioned {
  position: number;
}

const smallest = 16;

/**
 * A FIFO queue in one array that doubles as it must, with removal from the middle.
 *
 * Positions only grow and are folded into the array by a mask, so an object finds its own place in one step, whatever
 * was taken out before it. What is removed leaves a hole that is skipped; when the array is full and half of it is
 * holes, it is packed instead of doubled. Functions can stand in the queue too: they are cheaper, and stay until their
 * turn.
 *
 * **Complexity**: every operation is O(1), amortised.
 */
export class Queue<T extends Positioned | ((...args: never[]) => unknown)> {
  static {
    keep(new Queue());
  }

  /** How many stand in it. */
  size = 0;
  #slots: (T | undefined)[] = [];
  #mask = -1;
  #head = 0;
  #tail = 0;

  /** Adds at the end. */
  push(item: T): void {
    if (this.#tail - this.#head > this.#mask) this.#makeRoom();
    if (typeof item === "object") item.position = this.#tail;
    this.#slots[this.#tail++ & this.#mask] = item;
    this.size += 1;
  }

  /** Adds at the head. */
  unshift(item: T): void {
    if (this.#tail - this.#head > this.#mask) this.#makeRoom();
    this.#head -= 1;
    if (typeof item === "object") item.position = this.#head;
    this.#slots[this.#head & this.#mask] = item;
    this.size += 1;
  }

  /** The first, which stays. */
  first(): T | undefined {
    if (this.size === 0) return undefined;
    let item: T | undefined;
    while ((item = this.#slots[this.#head & this.#mask]) === undefined) this.#head += 1;
    return item;
  }

  /** Takes out what stands at the head, as `first()` has just found it. */
  shift(): void {
    this.#clear(this.#head++);
  }

  /** Takes an item out, wherever it stands. */
  remove(item: Positioned): void {
    this.#clear(item.position);
  }

  /** Takes out all functions, and returns them in order. */
  takeFunctions(): Extract<T, (...args: never[]) => unknown>[] {
    const taken: unknown[] = [];
    for (let position = this.#head, end = this.#tail; position < end; position += 1) {
      const item = this.#slots[position & this.#mask];
      if (typeof item !== "function") continue;
      this.#clear(position);
      taken.push(item);
    }
    return taken as never;
  }

  #clear(position: number): void {
    this.#slots[position & this.#mask] = undefined;
    this.size -= 1;
    if (this.size > 0) return;
    this.#head = this.#tail = 0;
    // A burst must not keep its memory for ever.
    if (this.#mask < 1024) return;
    this.#slots = [];
    this.#mask = -1;
  }

  *[Symbol.iterator](): Generator<T, void> {
    for (let at = this.#head; at < this.#tail; at += 1) {
      const item = this.#slots[at & this.#mask];
      if (item !== undefined) yield item;
    }
  }

  #makeRoom(): void {
    const capacity = Math.max(smallest, (this.#mask + 1) * (this.size * 2 > this.#mask ? 2 : 1));
    const slots = new Array<T | undefined>(capacity);
    let tail = 0;
    for (const item of this) {
      if (typeof item === "object") item.position = tail;
      slots[tail++] = item;
    }
    this.#slots = slots;
    this.#mask = capacity - 1;
    this.#head = 0;
    this.#tail = tail;
  }
}
