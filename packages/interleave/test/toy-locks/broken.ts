import { ToyLock } from "./toy-lock.js";
import type { Release, Request, Waiter } from "./toy-lock.js";

/** Finds the lock taken, and queues only one turn later: a release in between wakes nobody. */
export class LostWakeUp extends ToyLock {
  override async acquire(request: Request = {}): Promise<Release> {
    if (this.writing) {
      await Promise.resolve();
      return new Promise((resolve) => {
        this.queue.push({
          shared: false,
          enter: () => {
            resolve(this.take(false));
          },
        });
      });
    }
    return super.acquire(request);
  }
}

/** Lets a reader in beside other readers, though a writer waits. */
export class Barging extends ToyLock {
  protected override admits(shared: boolean): boolean {
    return this.isFree(shared);
  }
}

/** Wakes whoever came last. */
export class Lifo extends ToyLock {
  protected override handOver(): void {
    const next = this.queue.at(-1);
    if (next === undefined || !this.isFree(next.shared)) return;
    this.queue.pop();
    next.enter();
    this.handOver();
  }
}

/** Wakes one reader where it should wake all that are next to each other. */
export class WakesOne extends ToyLock {
  protected override handOver(): void {
    const [next] = this.queue;
    if (next === undefined || !this.isFree(next.shared)) return;
    this.queue.shift();
    next.enter();
  }
}

/** Takes an aborted waiter out of the queue, and does not look at those behind it. */
export class AbortWakesNobody extends ToyLock {
  protected override leaveQueue(waiter: Waiter): void {
    this.queue = this.queue.filter((other) => other !== waiter);
  }
}

/** Leaves an aborted waiter in the queue: it is given the lock, and never gives it back. */
export class AbortedConsumesGrant extends ToyLock {
  protected override leaveQueue(): void {
    // The bug: nothing.
  }
}

/** A second release frees the lock once more, whoever holds it by then. */
export class DoubleRelease extends ToyLock {
  protected override take(shared: boolean): Release {
    super.take(shared);
    return () => {
      this.free(shared);
    };
  }
}

/** Hands over in turns: stays closed for some, is free for some, and only then grants to the next waiter. */
export class SlowHandOver extends ToyLock {
  readonly #closed: number;
  readonly #open: number;

  constructor({ closed = 0, open }: { readonly closed?: number; readonly open: number }) {
    super();
    this.#closed = closed;
    this.#open = open;
  }

  protected override admits(shared: boolean): boolean {
    return this.isFree(shared);
  }

  protected override free(): void {
    void this.#handOver();
  }

  async #handOver(): Promise<void> {
    for (let turn = 0; turn < this.#closed; turn += 1) await Promise.resolve();
    this.writing = false;
    for (let turn = 0; turn < this.#open; turn += 1) await Promise.resolve();
    this.queue.shift()?.enter();
  }
}

/** Checks that it is free, awaits something, then takes itself without a second look. */
export class CheckAwaitAct extends ToyLock {
  override async acquire(request: Request = {}): Promise<Release> {
    if (!this.admits(false)) return super.acquire(request);
    await Promise.resolve();
    return this.take(false);
  }
}

/** Listens for an abort, and never asks whether it has happened already. */
export class IgnoresEarlierAbort extends ToyLock {
  protected override refuses(): boolean {
    return false;
  }
}

/** Leaves its listener on the signal. */
export class LeaksListener extends ToyLock {
  protected override forget(): void {
    // The bug: nothing.
  }
}
