/** The timers of a turn, by name; all end with it. */
export class TurnTimers<Name extends string> {
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
