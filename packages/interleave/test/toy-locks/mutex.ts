/** The plainest mutex that is correct. */
export class Mutex {
  #isHeld = false;
  readonly #queue: (() => void)[] = [];

  acquire(): Promise<{ release: () => void }> {
    const token = {
      release: (): void => {
        const next = this.#queue.shift();
        if (next === undefined) this.#isHeld = false;
        else next();
      },
    };
    if (this.#isHeld)
      return new Promise((resolve) => {
        this.#queue.push(() => {
          resolve(token);
        });
      });
    this.#isHeld = true;
    return Promise.resolve(token);
  }
}
