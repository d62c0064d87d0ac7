// Not a lock to use: nothing ties a release to its grant.
import type { RwAdapter } from "../harness/adapters.ts";

const resolved: Promise<void> = Promise.resolve();

interface Node {
  readonly resolve: () => void;
  readonly writes: boolean;
  next: Node | undefined;
}

/** A counter, a cached promise, and one linked list for readers and writers. */
class ListRwLock {
  #used = 0;
  #first: Node | undefined;
  #last: Node | undefined;

  read(): Promise<void> {
    if (this.#used < 0 || this.#first !== undefined) return this.#wait(false);
    this.#used += 1;
    return resolved;
  }

  write(): Promise<void> {
    if (this.#used !== 0 || this.#first !== undefined) return this.#wait(true);
    this.#used = -1;
    return resolved;
  }

  releaseRead(): void {
    this.#used -= 1;
    if (this.#used === 0 && this.#first !== undefined) this.#advance();
  }

  releaseWrite(): void {
    this.#used = 0;
    if (this.#first !== undefined) this.#advance();
  }

  #wait(writes: boolean): Promise<void> {
    return new Promise((resolve) => {
      const node: Node = { resolve, writes, next: undefined };
      if (this.#last === undefined) this.#first = node;
      else this.#last.next = node;
      this.#last = node;
    });
  }

  #advance(): void {
    let first: Node | undefined;
    while ((first = this.#first) !== undefined) {
      if (first.writes ? this.#used !== 0 : this.#used < 0) return;
      this.#first = first.next;
      if (first.next === undefined) this.#last = undefined;
      this.#used = first.writes ? -1 : this.#used + 1;
      first.resolve();
    }
  }
}

export const list: RwAdapter<ListRwLock> = {
  policy: "FIFO",
  shares: true,
  create: () => new ListRwLock(),
  read: (lock) => lock.read(),
  releaseRead: (lock) => {
    lock.releaseRead();
  },
  write: (lock) => lock.write(),
  releaseWrite: (lock) => {
    lock.releaseWrite();
  },
};

/** One microtask, and no lock at all. */
export const awaitUndefined: RwAdapter<undefined> = {
  policy: undefined,
  shares: true,
  create: () => undefined,
  read: () => undefined,
  releaseRead: () => undefined,
  write: () => undefined,
  releaseWrite: () => undefined,
};
