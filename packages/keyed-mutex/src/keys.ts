import {
  type Entry,
  type Gate,
  type LockRequest,
  type LockState,
  type LockToken,
  type Place,
  Waiter,
  type WaitOptions,
} from "@holdfast/core";

/** The right to several keys. */
export interface KeysToken<K> extends LockToken {
  /** The keys, each once. */
  readonly keys: readonly K[];
  /** Gives one of them back early; does nothing for a key that is not held. */
  releaseKey(key: K): void;
}

/** The grant of several keys: the gate of each, by what the key is compared by. */
class KeysGrant<K> implements KeysToken<K> {
  readonly keys: readonly K[];
  readonly #gates: Map<unknown, Gate>;
  readonly #identify: (key: K) => unknown;
  readonly #record: LockRequest | undefined;
  #held = true;

  constructor(
    keys: readonly K[],
    gates: Map<unknown, Gate>,
    identify: (key: K) => unknown,
    record: LockRequest | undefined,
  ) {
    this.keys = keys;
    this.#gates = gates;
    this.#identify = identify;
    this.#record = record;
  }

  get held(): boolean {
    return this.#held;
  }

  releaseKey(key: K): void {
    const id = this.#identify(key);
    const gate = this.#gates.get(id);
    if (gate === undefined) return;
    if (this.#gates.size === 1) {
      this.release();
      return;
    }
    this.#gates.delete(id);
    if (this.#record !== undefined) {
      const { keys, exclusive } = this.#record;
      const isLeft = (one: unknown): boolean => this.#identify(one as K) !== id;
      this.#record.exclusive = exclusive.filter((_, index) => isLeft(keys[index]));
      this.#record.keys = keys.filter(isLeft);
    }
    gate.vacate(this.#record);
    gate.advance();
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    const gates = [...this.#gates.values()];
    this.#gates.clear();
    for (const gate of gates) gate.vacate(this.#record);
    this.#record?.released();
    for (const gate of gates) gate.advance();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * A request for several keys: it goes in or waits at the gate of each, in one synchronous step.
 *
 * All queues therefore hold such requests in the same order, so none of them can wait for one that came later, and no
 * order of keys can deadlock. A key whose turn comes early is set aside until the others are there.
 */
export class KeysRequest<K> implements Place<KeysToken<K>> {
  readonly keys: readonly K[];
  readonly #identify: (key: K) => unknown;
  readonly #record: LockRequest | undefined;
  readonly #inside = new Map<unknown, Gate>();
  readonly #waiting = new Set<KeyEntry>();
  #waiter: Waiter<KeysToken<K>> | undefined;

  constructor(keys: readonly K[], identify: (key: K) => unknown, record: LockRequest | undefined) {
    this.keys = keys;
    this.#identify = identify;
    this.#record = record;
  }

  /** For how many of the keys it still waits. */
  get missing(): number {
    return this.#waiting.size;
  }

  /** Gets ready to wait. */
  wait(state: LockState, options: WaitOptions | undefined, exclusive: boolean): Waiter<KeysToken<K>> {
    return (this.#waiter = new Waiter(this, state, options, exclusive, this.#record));
  }

  /** Goes in at the gate of one of the keys, or waits there. */
  enter(id: unknown, gate: Gate, exclusive: boolean): void {
    if (gate.enter(exclusive)) {
      this.#inside.set(id, gate);
      gate.note(this.#record);
      return;
    }
    const entry = new KeyEntry(this as KeysRequest<unknown>, this.#waiter as Waiter, id, gate, exclusive);
    this.#waiting.add(entry);
    gate.append(entry);
  }

  /** The gate of one of the keys has let it in. */
  admitted(entry: KeyEntry): void {
    this.#waiting.delete(entry);
    this.#inside.set(entry.id, entry.gate);
    entry.gate.note(this.#record);
    if (this.#waiting.size === 0) this.#waiter?.admit();
  }

  issue(): KeysToken<K> {
    const token = new KeysGrant(this.keys, this.#inside, this.#identify, this.#record);
    this.#record?.granted(token);
    return token;
  }

  withdraw({ state }: Waiter): void {
    for (const entry of this.#waiting) {
      entry.gate.unlink(entry);
      state.touch(entry.gate);
    }
    for (const gate of this.#inside.values()) {
      gate.vacate(this.#record);
      state.touch(gate);
    }
  }
}

/** The place of a request for several keys in the queue of one. */
export class KeyEntry implements Entry {
  position = -1;
  readonly whole: KeysRequest<unknown>;
  readonly waiter: Waiter;
  /** What the key is compared by. */
  readonly id: unknown;
  readonly gate: Gate;
  readonly exclusive: boolean;

  constructor(whole: KeysRequest<unknown>, waiter: Waiter, id: unknown, gate: Gate, exclusive: boolean) {
    this.whole = whole;
    this.waiter = waiter;
    this.id = id;
    this.gate = gate;
    this.exclusive = exclusive;
  }

  admit(): void {
    this.whole.admitted(this);
  }
}
