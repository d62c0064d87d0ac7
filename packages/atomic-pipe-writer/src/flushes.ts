import { type LockState, type Place, timedOut, Waiter, type WaitOptions } from "@holdfast/core";
import type { Frame } from "./frame.js";

/** Somebody who waits until every frame up to one has settled. */
class Flush extends Waiter {
  /** The last frame it waits for. */
  readonly last: number;
  left: number;
  /** Why one of them failed, where it was the pipe. */
  error: unknown;

  constructor(
    place: Flushes,
    state: LockState,
    options: WaitOptions | undefined,
    last: number,
    left: number,
  ) {
    super(place, state, options);
    this.last = last;
    this.left = left;
  }
}

/** Counts the frames that are not settled, for those who wait for them. */
export class Flushes implements Place<unknown> {
  readonly #state: LockState;
  readonly #flushes = new Set<Flush>();
  #serial = 0;
  #left = 0;

  constructor(state: LockState) {
    this.#state = state;
  }

  /** The number of a new frame. */
  next(): number {
    this.#left += 1;
    return (this.#serial += 1);
  }

  /** A frame has failed because of the pipe. */
  failed(frame: Frame, error: unknown): void {
    for (const flush of this.#flushes) if (frame.serial <= flush.last) flush.error ??= error;
  }

  /** A frame is settled. */
  settled(frame: Frame): void {
    this.#left -= 1;
    for (const flush of this.#flushes)
      if (frame.serial <= flush.last && (flush.left -= 1) === 0) this.#end(flush);
  }

  /** Resolves when all frames that there are now have settled. No later message may join one of them. */
  wait(options: WaitOptions | undefined): Promise<void> {
    if (options !== undefined) {
      if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
      if (options.timeout === 0 && this.#left > 0) return Promise.reject(timedOut(this.#state, 0));
    }
    if (this.#left === 0) return Promise.resolve();
    const flush = new Flush(this, this.#state, options, this.#serial, this.#left);
    this.#flushes.add(flush);
    return flush.promise as Promise<void>;
  }

  withdraw(flush: Waiter): void {
    (this.#flushes as Set<Waiter>).delete(flush);
  }

  issue(): void {
    // Whoever waits for a flush gets nothing but the news.
  }

  #end(flush: Flush): void {
    if (flush.error !== undefined) flush.fail(flush.error);
    else {
      this.#flushes.delete(flush);
      flush.admit();
    }
  }
}
