import { type LockState, type Place, Waiter, type WaitOptions } from "@holdfast/core";

/** Somebody who waits for the end of the pipe, and gives it up when that takes too long. */
class Closer extends Waiter<void> {
  readonly #giveUp: (reason: unknown) => void;

  constructor(
    place: Closing,
    state: LockState,
    options: WaitOptions | undefined,
    giveUp: (reason: unknown) => void,
  ) {
    super(place, state, options);
    this.#giveUp = giveUp;
  }

  override fail(reason: unknown, event?: "abort" | "timeout"): void {
    super.fail(reason, event);
    this.#giveUp(reason);
  }
}

/** Those who wait for the end of the pipe. */
export class Closing implements Place<void> {
  readonly #state: LockState;
  readonly #closers = new Set<Waiter>();
  readonly #giveUp: (reason: unknown) => void;

  constructor(state: LockState, giveUp: (reason: unknown) => void) {
    this.#state = state;
    this.#giveUp = giveUp;
  }

  wait(options: WaitOptions | undefined): Promise<void> {
    const closer = new Closer(this, this.#state, options, this.#giveUp);
    this.#closers.add(closer);
    return closer.promise;
  }

  /** The stream has ended. */
  ended(): void {
    for (const closer of this.#closers) closer.admit();
    this.#closers.clear();
  }

  /** It never will, and why. */
  failed(error: unknown): void {
    for (const closer of this.#closers) closer.fail(error);
  }

  withdraw(closer: Waiter): void {
    this.#closers.delete(closer);
  }

  issue(): void {
    // Whoever waits for the end gets nothing but the news.
  }
}
