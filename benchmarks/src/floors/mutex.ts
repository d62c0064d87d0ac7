// Floors are not locks to use: they show what the parts of a lock cost. None survives a second release.
import type { MutexAdapter } from "../harness/adapters.ts";

const nothing = (): void => undefined;
const resolved: Promise<void> = Promise.resolve();

/** `await undefined`: one microtask, and no lock at all. */
export const awaitUndefined: MutexAdapter<undefined, undefined> = {
  secondRelease: undefined,
  create: () => undefined,
  acquire: () => undefined,
  release: nothing,
  run: (_lock, body) => {
    body();
  },
};

/** One microtask and a fresh object literal in a fresh promise. */
export const freshLiteral: MutexAdapter<undefined, { lock: unknown }> = {
  secondRelease: undefined,
  create: () => undefined,
  acquire: (lock) => Promise.resolve({ lock }),
  release: nothing,
};

class Token {
  lock: unknown;
  constructor(lock: unknown) {
    this.lock = lock;
  }
}

// With none of them alive the engine would throw away what it compiled for them.
export const kept: Token = new Token(undefined);

/** One microtask and a fresh instance of a class in a fresh promise. */
export const freshInstance: MutexAdapter<undefined, Token> = {
  secondRelease: undefined,
  create: () => undefined,
  acquire: (lock) => Promise.resolve(new Token(lock)),
  release: nothing,
};

interface Node {
  readonly resolve: () => void;
  next: Node | undefined;
}

/** A flag, a cached promise for whoever finds it free, and a linked list of resolve functions. */
export class ListLock {
  #locked = false;
  #first: Node | undefined;
  #last: Node | undefined;

  acquire(): Promise<void> {
    if (!this.#locked) {
      this.#locked = true;
      return resolved;
    }
    return new Promise((resolve) => {
      const node: Node = { resolve, next: undefined };
      if (this.#last === undefined) this.#first = node;
      else this.#last.next = node;
      this.#last = node;
    });
  }

  tryAcquire(): boolean {
    if (this.#locked) return false;
    this.#locked = true;
    return true;
  }

  /** Whether nobody took over. */
  release(): boolean {
    const first = this.#first;
    if (first === undefined) {
      this.#locked = false;
      return true;
    }
    this.#first = first.next;
    if (first.next === undefined) this.#last = undefined;
    first.resolve();
    return false;
  }
}

export const list: MutexAdapter<ListLock, boolean | undefined> = {
  secondRelease: "breaks exclusion",
  create: () => new ListLock(),
  acquire: (lock) => lock.acquire() as Promise<undefined>,
  release: (lock) => {
    lock.release();
  },
  tryAcquire: (lock) => lock.tryAcquire(),
  async run(lock, body) {
    await lock.acquire();
    try {
      body();
    } finally {
      lock.release();
    }
  },
};

class ChainLock {
  #tail: Promise<void> = resolved;

  acquire(): Promise<() => void> {
    let release!: () => void;
    const before = this.#tail;
    this.#tail = new Promise((resolve) => {
      release = resolve;
    });
    return before.then(() => release);
  }
}

/** Each waits for the promise of the one before. */
export const chain: MutexAdapter<ChainLock, () => void> = {
  secondRelease: "harmless",
  create: () => new ChainLock(),
  acquire: (lock) => lock.acquire(),
  release: (_lock, release) => {
    release();
  },
};
