/// <reference lib="esnext.disposable" preserve="true" />
import type { Gate } from "./gate.js";
import type { LockToken } from "./governor.js";
import { keep } from "./keep.js";
import type { LockRequest } from "./request.js";

/** The token of one gate: it forgets its gate when released, so a stale one has nothing to free. */
export class GateToken implements LockToken {
  static {
    keep(new GateToken(undefined as never, undefined));
  }

  // Neither `#` nor defined by the class: in a derived class either makes every grant a fifth dearer.
  declare private gate: Gate | undefined;
  declare private readonly request: LockRequest | undefined;

  constructor(gate: Gate, request: LockRequest | undefined) {
    this.gate = gate;
    this.request = request;
  }

  get held(): boolean {
    return this.gate !== undefined;
  }

  release(): void {
    const gate = this.gate;
    if (gate === undefined) return;
    this.gate = undefined;
    gate.leave(this.request);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** What this token held. It is consumed by `change`, unless that answers `null`. */
  protected exchange<T>(change: (gate: Gate, request: LockRequest | undefined) => T | null): T | null {
    const gate = this.gate;
    if (gate === undefined) return null;
    const result = change(gate, this.request);
    if (result !== null) this.gate = undefined;
    return result;
  }
}
