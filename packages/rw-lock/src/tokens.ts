import { type Gate, GateToken, keep, type LockRequest, type LockToken } from "@holdfast/core";

/** The right to read, shared with other readers. */
export interface ReadToken extends LockToken {
  readonly mode: "read";
  /**
   * Turns this token into a write token if it is the only one out and nobody waits; otherwise changes nothing and
   * answers `null`. Never waits: two readers that waited to upgrade would wait for each other for ever.
   */
  tryUpgrade(): WriteToken | null;
}

/** The right to write, alone. */
export interface WriteToken extends LockToken {
  readonly mode: "write";
  /**
   * Turns this token into a read token in one step: no writer runs between, the readers at the head of the queue come
   * in, and a writer at the head keeps later readers out. Throws a `TypeError` once this token is released.
   */
  downgrade(): ReadToken;
}

export type RwToken = ReadToken | WriteToken;

/** Makes the token for whoever has just come in. */
export function makeToken(gate: Gate, request: LockRequest | undefined): RwToken {
  return gate.used < 0 ? new Writing(gate, request) : new Reading(gate, request);
}

class Reading extends GateToken implements ReadToken {
  static {
    keep(new Reading(undefined as never, undefined));
  }

  get mode(): "read" {
    return "read";
  }

  tryUpgrade(): WriteToken | null {
    return this.exchange((gate, request) => {
      if (gate.used !== 1 || gate.waiting > 0) return null;
      gate.used = -1;
      if (request !== undefined) request.mode = "write";
      return new Writing(gate, request);
    });
  }
}

class Writing extends GateToken implements WriteToken {
  static {
    keep(new Writing(undefined as never, undefined));
  }

  get mode(): "write" {
    return "write";
  }

  downgrade(): ReadToken {
    const token = this.exchange((gate, request) => {
      gate.used = 1;
      if (request !== undefined) request.mode = "read";
      gate.advance();
      return new Reading(gate, request);
    });
    if (token === null) throw new TypeError("downgrade() needs a token that is still held");
    return token;
  }
}
