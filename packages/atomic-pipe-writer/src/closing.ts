import { type LockState, type Place, Waiter, type WaitOptions } from "@holdfast/core";

/** Somebody who waits for the end of the pipe, and gives it up when that takes too long. */
class Closer extends Waiter {
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
export class Closing implements Place<unknown> {
  readonly #state: LockState;
  readonly #closers = new Set<Waiter>();
  readonly #giveUp: (reason: unknown) => void;
  // Whether the pipe has failed, so that there is nothing to give up.
  #over = false;

  constructor(state: LockState, giveUp: (reason: unknown) => void) {
    this.#state = state;
    this.#giveUp = giveUp;
  }

  wait(options: WaitOptions | undefined): Promise<void> {
    const closer = new Closer(this, this.#state, options, (reason) => {
      if (!this.#over) this.#giveUp(reason);
    });
    this.#closers.add(closer);
    return closer.promise as Promise<void>;
  }

  /** The stream has ended. */
  ended(): void {
    for (const closer of this.#closers) closer.admit();
  }

  /** It never will, and why. */
  failed(error: unknown): void {
    this.#over = true;
    for (const closer of this.#closers) closer.fail(error);
  }

  withdraw(): void {
    // Whoever gives up ends the wait of all.
  }

  issue(): void {
    // Whoever waits for the end gets nothing but the news.
  }
}
