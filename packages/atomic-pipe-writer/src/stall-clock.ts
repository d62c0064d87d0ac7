declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** Runs while a write or the end of the stream is under way, and tells when that takes too long. */
export class StallClock {
  readonly #limit: number;
  readonly #onStall: () => void;
  #timer: unknown;

  constructor(limit: number, onStall: () => void) {
    this.#limit = limit;
    this.#onStall = onStall;
  }

  start(): void {
    if (this.#limit !== Infinity) this.#timer = setTimeout(this.#onStall, this.#limit);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
