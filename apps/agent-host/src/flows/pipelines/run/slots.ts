/** Who may run at a time: so many, and whoever was declared first goes first. */
export class Slots {
  readonly #limit: number;
  readonly #waiting = new Map<number, () => void>();
  #used = 0;

  constructor(limit: number = Infinity) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Resolves once it has a slot, to what gives it back. Rejects with the signal's reason, and leaves the queue in that step. */
  async acquire(index: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#used < this.#limit) this.#used += 1;
    else await this.#wait(index, signal);
    let held = true;
    return () => {
      if (held) this.#release();
      held = false;
    };
  }

  async #wait(index: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(index);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave);
      this.#waiting.set(index, () => {
        signal.removeEventListener("abort", leave);
        resolve();
      });
    });
    if (!signal.aborted) return;
    // Cancelled between the grant and this step.
    this.#release();
    throw signal.reason;
  }

  /** Passes the slot on in the same step, if anybody waits. */
  #release(): void {
    const next = Math.min(...this.#waiting.keys());
    const enter = this.#waiting.get(next);
    if (enter === undefined) {
      this.#used -= 1;
      return;
    }
    this.#waiting.delete(next);
    enter();
  }
}
