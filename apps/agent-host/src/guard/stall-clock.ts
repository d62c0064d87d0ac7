export interface StallClockOptions {
  /** Milliseconds of silence after which to ask, and again after which to give up. */
  readonly after: number;
  /** Whether anything is expected of the server. */
  readonly busy: () => boolean;
  readonly ask: () => void;
  readonly stopped: () => void;
}

/**
 * Tells a server that works for long from one that is stopped: after a time of silence it is asked, and one that stays
 * silent for the same time again does not run.
 */
export class StallClock {
  readonly #options: StallClockOptions;
  #since = performance.now();
  #asked = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StallClockOptions) {
    this.#options = options;
  }

  start(): void {
    // Two questions apart, so that a machine that slept does not take its own sleep for the server's.
    this.#timer = setInterval(
      () => {
        this.#tick();
      },
      Math.max(this.#options.after / 4, 5),
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The server gave a sign of life. */
  heard(): void {
    this.#since = performance.now();
    this.#asked = false;
  }

  #tick(): void {
    const { after, ask, busy, stopped } = this.#options;
    if (!busy()) {
      this.heard();
    } else if (performance.now() - this.#since >= after) {
      if (this.#asked) {
        this.stop();
        stopped();
      } else {
        this.#since = performance.now();
        this.#asked = true;
        ask();
      }
    }
  }
}
