import { type LockState, type Place, timedOut, Waiter, type WaitOptions } from "@holdfast/core";
import type { Frame } from "./frame.js";

/** The frames that came between one flush and the next, and those who wait for them and for all before. */
export class Epoch implements Place<unknown> {
  /** How many of the frames are not settled. */
  left = 0;
  /** Why one of them, or of those before, failed, where it was the pipe. */
  error: unknown;
  next: Epoch | undefined;
  readonly flushes: Set<Waiter> = new Set<Waiter>();

  withdraw(flush: Waiter): void {
    this.flushes.delete(flush);
  }

  issue(): void {
    // Whoever waits for a flush gets nothing but the news.
  }
}

/**
 * Counts the frames that are not settled, for those who wait for them: by epochs, so that a frame costs the same however many
 * wait.
 */
export class Flushes {
  readonly #state: LockState;
  /** The oldest that has frames left, or the last one. */
  #first = new Epoch();
  #last = this.#first;

  constructor(state: LockState) {
    this.#state = state;
  }

  /** The epoch of a new frame, which nobody waits for yet. */
  next(): Epoch {
    if (this.#last.flushes.size > 0) this.#last = this.#last.next = new Epoch();
    this.#last.left += 1;
    return this.#last;
  }

  /** A frame is settled. */
  settled({ epoch }: Frame): void {
    epoch.left -= 1;
    while (this.#first.left === 0) {
      const { error, flushes, next } = this.#first;
      for (const flush of flushes)
        if (error === undefined) flush.admit();
        else flush.fail(error);
      flushes.clear();
      if (next === undefined) break;
      next.error ??= error;
      this.#first = next;
    }
  }

  /** Resolves when all frames that there are now have settled. No later message may join one of them. */
  wait(options: WaitOptions | undefined): Promise<void> {
    const left = this.#first.left > 0;
    if (options !== undefined) {
      if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
      if (options.timeout === 0 && left) return Promise.reject(timedOut(this.#state, 0));
    }
    if (!left) return Promise.resolve();
    const flush = new Waiter(this.#last, this.#state, options);
    this.#last.flushes.add(flush);
    return flush.promise;
  }
}
