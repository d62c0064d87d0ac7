/** Timers by name. */
export class Timers<Name extends string | number> {
  readonly #timers = new Map<Name, NodeJS.Timeout>();

  /** Starts one, or starts it anew. */
  after(name: Name, ms: number, action: () => void): void {
    this.clear(name);
    if (ms !== Infinity) this.#timers.set(name, setTimeout(action, ms));
  }

  clear(name: Name): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  clearAll(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
