// Floors are not locks to use: they show what the parts of a lock cost. None survives a second release.
import { at } from "../harness/at.ts";
import type { PriorityAdapter } from "../harness/adapters.ts";
import { ListLock } from "./mutex.ts";

const nothing = (): void => undefined;
const resolved: Promise<void> = Promise.resolve();

/** `await undefined`: one microtask, and no lock at all. */
export const awaitUndefined: PriorityAdapter<undefined, undefined> = {
  secondRelease: undefined,
  order: "FIFO",
  create: () => undefined,
  acquire: () => undefined,
  release: nothing,
  run: (_lock, _rank, body) => {
    body();
  },
};

/** The classes are not looked at: what waiting alone costs. */
export const list: PriorityAdapter<ListLock> = {
  secondRelease: "breaks exclusion",
  order: "FIFO",
  create: () => new ListLock(),
  acquire: (lock) => lock.acquire(),
  release: (lock) => {
    lock.release();
  },
};

/** Those who wait for a lock that has classes. */
interface Waiters {
  push(rank: number, resolve: () => void): void;
  /** Takes out whoever comes first. */
  shift(): (() => void) | undefined;
}

/** A flag, and a cached promise for whoever finds it free. */
class PriorityFloor<W extends Waiters> {
  readonly #waiters: W;
  #locked = false;

  constructor(waiters: W) {
    this.#waiters = waiters;
  }

  acquire(rank: number): Promise<void> {
    if (!this.#locked) {
      this.#locked = true;
      return resolved;
    }
    return new Promise((resolve) => {
      this.#waiters.push(rank, resolve);
    });
  }

  release(): void {
    const next = this.#waiters.shift();
    if (next === undefined) this.#locked = false;
    else next();
  }
}

function floor<W extends Waiters>(waitersFor: (classes: number) => W): PriorityAdapter<PriorityFloor<W>> {
  return {
    secondRelease: "breaks exclusion",
    order: "by class, then FIFO",
    create: (classes) => new PriorityFloor(waitersFor(classes)),
    acquire: (lock, rank) => lock.acquire(rank),
    release: (lock) => {
      lock.release();
    },
  };
}

interface Node {
  readonly resolve: () => void;
  next: Node | undefined;
}

class Bucket {
  first: Node | undefined;
  last: Node | undefined;
}

/** Room for 32 classes, as a mask has. */
class Buckets implements Waiters {
  readonly #buckets: readonly Bucket[];
  /** The highest bit is that of the highest class. */
  #mask = 0;

  constructor(classes: number) {
    this.#buckets = Array.from({ length: classes }, () => new Bucket());
  }

  push(rank: number, resolve: () => void): void {
    const bucket = at(this.#buckets, rank);
    const node: Node = { resolve, next: undefined };
    if (bucket.last === undefined) {
      bucket.first = node;
      this.#mask |= 0x80000000 >>> rank;
    } else bucket.last.next = node;
    bucket.last = node;
  }

  shift(): (() => void) | undefined {
    if (this.#mask === 0) return undefined;
    const rank = Math.clz32(this.#mask);
    const bucket = at(this.#buckets, rank);
    const { first } = bucket;
    bucket.first = first?.next;
    if (bucket.first === undefined) {
      bucket.last = undefined;
      this.#mask &= ~(0x80000000 >>> rank);
    }
    return first?.resolve;
  }
}

/** A linked list for each class, and a bit for each that has somebody in it. */
export const buckets: PriorityAdapter = floor((classes) => new Buckets(classes));

interface Ranked {
  readonly rank: number;
  /** Who came first: without it a heap forgets. */
  readonly order: number;
  readonly resolve: () => void;
}

function precedes(one: Ranked, other: Ranked): boolean {
  return one.rank < other.rank || (one.rank === other.rank && one.order < other.order);
}

class Heap implements Waiters {
  readonly #items: Ranked[] = [];
  #order = 0;

  push(rank: number, resolve: () => void): void {
    const items = this.#items;
    const item: Ranked = { rank, order: this.#order++, resolve };
    let place = items.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = at(items, above);
      if (precedes(parent, item)) break;
      items[place] = parent;
      place = above;
    }
    items[place] = item;
  }

  shift(): (() => void) | undefined {
    const items = this.#items;
    const [first] = items;
    const last = items.pop();
    if (last === undefined || last === first) return first?.resolve;
    let place = 0;
    for (let below; (below = 2 * place + 1) < items.length; place = below) {
      if (below + 1 < items.length && precedes(at(items, below + 1), at(items, below))) below += 1;
      const child = at(items, below);
      if (precedes(last, child)) break;
      items[place] = child;
    }
    items[place] = last;
    return first?.resolve;
  }
}

/** A binary heap of waiters, which are numbered so that those of a class stay in order. */
export const heap: PriorityAdapter = floor(() => new Heap());
