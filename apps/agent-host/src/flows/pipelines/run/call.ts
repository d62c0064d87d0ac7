import type { Clock } from "./clock.js";

/** Milliseconds. */
export interface Graces {
  /** From the signal to stop until it is stopped by force. */
  readonly stop: number;
  /** From then on until nobody waits for it any more. */
  readonly force: number;
}

export const defaultGraces: Graces = { stop: 5000, force: 5000 };

/** Milliseconds: how long whatever was told to stop is waited for in all. */
export const longestGraceMs = defaultGraces.stop + defaultGraces.force;

/** What was told to stop, and then stopped by force, and has still not ended. */
export class UnresponsiveError extends Error {
  override readonly name = "UnresponsiveError";
}

/** One piece of work that can be told to stop: first kindly, then by force, then it is left alone. */
export class Call {
  readonly #clock: Clock;
  readonly #graces: Graces;
  readonly #stop = new AbortController();
  readonly #force = new AbortController();
  #takeBack: (() => void) | undefined;

  constructor(clock: Clock, graces: Graces) {
    this.#clock = clock;
    this.#graces = graces;
  }

  /** Aborts when it is to stop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborts when it is to stop whatever that takes. */
  get forced(): AbortSignal {
    return this.#force.signal;
  }

  /** Does the work. Settles as it does, or rejects with `UnresponsiveError` when there is nothing left that could stop it. */
  async run<T>(
    parent: AbortSignal,
    timeoutMs: number | undefined,
    work: (call: this) => Promise<T>,
  ): Promise<T> {
    parent.throwIfAborted();
    let giveUp!: (error: Error) => void;
    const left = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const stop = (reason: unknown): void => {
      if (this.signal.aborted) return;
      this.#escalate(giveUp);
      this.#stop.abort(reason);
    };
    const onAbort = (): void => {
      stop(parent.reason);
    };
    parent.addEventListener("abort", onAbort);
    const untimed =
      timeoutMs === undefined
        ? undefined
        : this.#clock.after(timeoutMs, () => {
            stop(new Error(`it took longer than ${timeoutMs / 1000} s (timeout_seconds)`));
          });
    try {
      return await Promise.race([work(this), left]);
    } finally {
      parent.removeEventListener("abort", onAbort);
      untimed?.();
      this.#takeBack?.();
    }
  }

  #escalate(giveUp: (error: Error) => void): void {
    const { stop, force } = this.#graces;
    this.#takeBack = this.#clock.after(stop, () => {
      this.#takeBack = this.#clock.after(force, () => {
        giveUp(new UnresponsiveError("it was stopped by force and has not ended"));
      });
      this.#force.abort(this.signal.reason);
    });
  }
}
