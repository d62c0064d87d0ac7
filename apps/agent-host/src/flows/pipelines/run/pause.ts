/** While it is on, nothing new starts. */
export class Pause {
  #waiting: (() => void)[] | undefined;

  get on(): boolean {
    return this.#waiting !== undefined;
  }

  pause(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const enter of waiting) enter();
  }

  /** Resolves when it is off; rejects with the signal's reason. */
  async whenOff(signal: AbortSignal): Promise<void> {
    while (this.#waiting !== undefined) await this.#next(this.#waiting, signal);
    signal.throwIfAborted();
  }

  #next(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        reject(signal.reason);
      };
      if (signal.aborted) leave();
      signal.addEventListener("abort", leave, { once: true });
      waiting.push(() => {
        signal.removeEventListener("abort", leave);
        resolve();
      });
    });
  }
}
