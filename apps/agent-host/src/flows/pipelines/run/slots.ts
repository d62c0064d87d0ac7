/** Whose turn is next: the indexes of steps, from that of the run's own pipeline to that of the one that it is in. */
export type Order = readonly number[];

interface Waiter {
  readonly order: Order;
  readonly enter: () => void;
}

/** Who may run at a time: so many, and whoever was declared first goes first. */
export class Slots {
  readonly #limit: number;
  readonly #waiting = new Set<Waiter>();
  #used = 0;

  constructor(limit: number = Infinity) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Resolves once it has a slot. Rejects with the signal's reason, and leaves the queue in that step. */
  async acquire(order: Order, signal: AbortSignal): Promise<Slot> {
    return new Slot(this, order, signal, await this.enter(order, signal));
  }

  /** Resolves once there is room, to what makes room again. */
  async enter(order: Order, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#used < this.#limit) this.#used += 1;
    else await this.#wait(order, signal);
    let held = true;
    return () => {
      if (held) this.#leave();
      held = false;
    };
  }

  async #wait(order: Order, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiter);
        reject(signal.reason);
      };
      const waiter = {
        order,
        enter: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      signal.addEventListener("abort", leave);
      this.#waiting.add(waiter);
    });
    if (!signal.aborted) return;
    // Cancelled between the grant and this step.
    this.#leave();
    throw signal.reason;
  }

  /** Passes the slot on in the same step, if anybody waits. */
  #leave(): void {
    const [next] = [...this.#waiting].sort((a, b) => compare(a.order, b.order));
    if (next === undefined) {
      this.#used -= 1;
      return;
    }
    this.#waiting.delete(next);
    next.enter();
  }
}

/** What one step has of them. */
export class Slot {
  readonly #slots: Slots;
  readonly #order: Order;
  readonly #signal: AbortSignal;
  #leave: () => void;

  constructor(slots: Slots, order: Order, signal: AbortSignal, leave: () => void) {
    this.#slots = slots;
    this.#order = order;
    this.#signal = signal;
    this.#leave = leave;
  }

  release(): void {
    this.#leave();
  }

  /** Leaves it to others while its holder only waits for them. Settles as `work` does, once there is room again. */
  async lend<T>(work: () => Promise<T>): Promise<T> {
    this.#leave();
    try {
      return await work();
    } finally {
      await this.#comeBack();
    }
  }

  async #comeBack(): Promise<void> {
    try {
      this.#leave = await this.#slots.enter(this.#order, this.#signal);
    } catch (error) {
      // Whoever is told to stop does nothing more for which it would need one.
      if (error !== this.#signal.reason) throw error;
    }
  }
}

/** By the first step that differs; a step comes before those that it calls. */
function compare(a: Order, b: Order): number {
  for (const [depth, index] of a.entries()) {
    const difference = index - (b[depth] ?? -1);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
