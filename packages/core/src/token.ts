/// <reference lib="esnext.disposable" preserve="true" />
import type { Gate } from "./gate.js";
import type { LockToken } from "./governor.js";
import { keep } from "./keep.js";
import type { LockRequest } from "./request.js";

/**
 * The token of every lock: it forgets its gate when released, so a stale one has nothing to free.
 *
 * One flat class for all of them, of which each lock shows what it has: tokens are made at every grant, and a derived
 * class made that a quarter dearer.
 */
export class GateToken implements LockToken {
  static {
    keep(new GateToken({} as never, undefined));
  }

  /** The key that is held, at a keyed lock. */
  readonly key: unknown;
  /** What the lock calls this way of holding it. */
  readonly mode: string;
  // Not `#`: private fields cost time in every grant.
  private gate: Gate<LockToken, never> | undefined;
  private readonly request: LockRequest | undefined;
  /** The token that this one was exchanged for. Only there once it was: hardly any token is. */
  declare successor?: GateToken;

  constructor(gate: Gate<LockToken, never>, request: LockRequest | undefined) {
    this.gate = gate;
    this.request = request;
    this.key = gate.key;
    this.mode = gate.mode;
  }

  get held(): boolean {
    return this.gate !== undefined;
  }

  release(): void {
    const { gate } = this;
    if (gate === undefined) return;
    this.gate = undefined;
    gate.leave(this.request);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** Exclusive becomes shared in one step; the shared requests at the head of the queue join. */
  downgrade(): GateToken {
    const { gate, request } = this;
    if (gate === undefined || gate.used >= 0)
      throw new TypeError("downgrade() needs a token that is still held");
    this.gate = undefined;
    gate.used = 1;
    const token = (this.successor = new GateToken(gate, request));
    request?.moved(token);
    gate.advance();
    return token;
  }

  /** Shared becomes exclusive, for the only holder and while nobody waits; else nothing changes. */
  tryUpgrade(): GateToken | null {
    const { gate, request } = this;
    if (gate?.used !== 1 || gate.waiting > 0) return null;
    this.gate = undefined;
    gate.used = -1;
    const token = (this.successor = new GateToken(gate, request));
    request?.moved(token);
    return token;
  }
}
