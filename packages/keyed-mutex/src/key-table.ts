import { Gate, type LockState, type LockToken } from "@holdfast/core";

/**
 * The gates of the keys in use.
 *
 * A key without holder and waiter has no entry as far as anybody can see. In fact the entry that went idle last stays in
 * the map until another takes its place: a key that is used again and again costs one look-up then, and a new key takes
 * over the object of an old one. A key that could keep other things alive (an object, a symbol) is dropped at once.
 */
export class KeyTable<T extends LockToken> {
  readonly #state: LockState;
  readonly #emptied: () => void;
  readonly #gates = new Map<unknown, Gate<T>>();
  // In the map, and hidden while it is idle.
  #spare: Gate<T> | undefined;

  /** `emptied` is called whenever the last key in use goes idle. */
  constructor(state: LockState, emptied: () => void) {
    this.#state = state;
    this.#emptied = emptied;
  }

  /** How many keys are in use. */
  get size(): number {
    return this.#gates.size - (this.#spare?.idle === true ? 1 : 0);
  }

  /** The gate of a key in use. */
  find(id: unknown): Gate<T> | undefined {
    const gate = this.#gates.get(id);
    return gate?.idle === false ? gate : undefined;
  }

  /** The gate of a key. Whoever asks goes in or waits before anybody else asks, or calls `drop`. */
  open(id: unknown, key: unknown): Gate<T> {
    const gate = this.#gates.get(id);
    if (gate === undefined) return this.#add(id, key);
    // The hidden one may have been spelled otherwise before.
    if (gate.idle) gate.key = key;
    return gate;
  }

  /** Forgets a key that was opened in vain, or is idle again. */
  drop(gate: Gate<T>): void {
    if (!isPlain(gate.id)) this.#idle(gate);
  }

  *[Symbol.iterator](): Generator<Gate<T>, void, undefined> {
    for (const gate of this.#gates.values()) if (!gate.idle) yield gate;
  }

  #add(id: unknown, key: unknown): Gate<T> {
    let gate = this.#spare;
    if (gate?.idle === true) this.#gates.delete(gate.id);
    else {
      gate = new Gate<T>(this.#state);
      gate.onIdle = this.#idle;
    }
    gate.id = id;
    gate.key = key;
    this.#spare = gate;
    this.#gates.set(id, gate);
    return gate;
  }

  readonly #idle = (gate: Gate<T>): void => {
    const spare = this.#spare;
    if (!isPlain(gate.id)) {
      if (this.#gates.get(gate.id) === gate) this.#gates.delete(gate.id);
      if (spare === gate) this.#spare = undefined;
    } else if (spare !== gate && this.#gates.get(gate.id) === gate) {
      // Asked of the map: one that several waiters left is told several times, and may have had to go in between.
      if (spare?.idle === true) this.#gates.delete(spare.id);
      this.#spare = gate;
    }
    if (this.size === 0) this.#emptied();
  };
}

function isPlain(id: unknown): boolean {
  return typeof id === "string" || typeof id === "number";
}
