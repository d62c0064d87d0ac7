import type { LockToken } from "@holdfast/core";

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
   * in, and a writer at the head keeps later readers out. Throws a `TypeError` once this token is released. Inside
   * `withWrite` the new token is released at the end of the body, as the old one would have been.
   */
  downgrade(): ReadToken;
}

export type RwToken = ReadToken | WriteToken;
