import {
  type Gate,
  type LockRequest,
  type LockToken,
  type Place,
  type LockState,
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

/** The grant of several keys: one gate each. */
export class KeysGrant<K> implements KeysToken<K> {
  readonly keys: readonly K[];
  readonly #gates: Map<unknown, Gate>;
  readonly #identify: (key: K) => unknown;
  readonly #request: LockRequest | undefined;
  #held = true;

  constructor(
    keys: readonly K[],
    gates: Map<unknown, Gate>,
    identify: (key: K) => unknown,
    request: LockRequest | undefined,
  ) {
    this.keys = keys;
    this.#gates = gates;
    this.#identify = identify;
    this.#request = request;
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
    gate.forget(this.#request);
    gate.leave(undefined);
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    const gates = [...this.#gates.values()];
    this.#gates.clear();
    for (const gate of gates) gate.forget(this.#request);
    this.#request?.released();
    for (const gate of gates) gate.leave(undefined);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * A request for several keys: it stands in the queue of each, entered in one synchronous step.
 *
 * Every queue therefore holds such requests in the same order, so none of them can wait for one behind it, and no order
 * of keys can deadlock. A key whose turn comes early is set aside until the others are there.
 */
export class KeysWaiter<K, G extends Gate> extends Waiter<KeysGrant<K>> {
  readonly keys: readonly K[];
  readonly #parts: Part[] = [];
  readonly #issue: () => KeysGrant<K>;
  #missing = 0;

  constructor(
    state: LockState,
    keys: readonly K[],
    options: WaitOptions | undefined,
    request: LockRequest | undefined,
    issue: () => KeysGrant<K>,
  ) {
    super(state, options, request);
    this.keys = keys;
    this.#issue = issue;
  }

  /** Goes in at `gate`, or waits there. */
  want(gate: G, exclusive: boolean): void {
    const part = new Part(gate, exclusive, this as Waiter, this.#admitted);
    this.#parts.push(part);
    if (gate.enter(exclusive)) {
      part.inside = true;
      if (this.request !== undefined) gate.record(this.request);
    } else {
      this.#missing += 1;
      gate.enqueue(part);
    }
  }

  *blockers(): Generator<LockRequest> {
    for (const part of this.#parts) if (!part.inside) yield* part.gate.ahead(part);
  }

  protected override withdraw(): void {
    for (const part of this.#parts) {
      if (part.inside) part.gate.giveBack(this.request);
      else if (part.position >= 0) part.gate.withdraw(part);
    }
  }

  readonly #admitted = (): void => {
    this.#missing -= 1;
    if (this.#missing === 0) this.grant(this.#issue());
  };
}

/** The place of a `KeysWaiter` in the queue of one key. */
class Part implements Place {
  position = -1;
  /** Whether the gate has let it in. */
  inside = false;
  readonly gate: Gate;
  readonly exclusive: boolean;
  readonly waiter: Waiter;
  readonly #admitted: () => void;

  constructor(gate: Gate, exclusive: boolean, waiter: Waiter, admitted: () => void) {
    this.gate = gate;
    this.exclusive = exclusive;
    this.waiter = waiter;
    this.#admitted = admitted;
  }

  admit(): void {
    this.inside = true;
    if (this.waiter.request !== undefined) this.gate.record(this.waiter.request);
    this.#admitted();
  }
}
