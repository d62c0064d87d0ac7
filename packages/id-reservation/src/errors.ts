import { LockError } from "@holdfast/core";

/** Who has an id: a reservation that is still open, committed or sealed, or the world outside of the registry. */
export type IdHolder = "pending" | "committed" | "sealed" | "external";

/** The id is taken. */
export class IdTakenError<Id = unknown> extends LockError {
  override readonly name = "IdTakenError" as const;
  readonly code = "ERR_ID_TAKEN" as const;
  /** The id as it was asked for. */
  readonly id: Id;
  readonly heldBy: IdHolder;
  /** The label of whoever has it, where it gave one. */
  readonly label: string | undefined;

  constructor(id: Id, heldBy: IdHolder, label: string | undefined) {
    super(`${show(id)} is taken (${heldBy}${label === undefined ? "" : ` by "${label}"`})`);
    this.id = id;
    this.heldBy = heldBy;
    this.label = label;
  }
}

/** Every candidate was taken, or there was none. */
export class IdCandidatesExhaustedError extends LockError {
  override readonly name = "IdCandidatesExhaustedError" as const;
  readonly code = "ERR_ID_TAKEN" as const;
  /** How many were tried. */
  readonly attempts: number;

  constructor(attempts: number, last: unknown) {
    super(
      attempts === 0
        ? "There was no candidate to reserve"
        : `No free id: tried ${attempts}, the last one was ${show(last)}`,
    );
    this.attempts = attempts;
  }
}

/** An id in words, whatever it is. */
export function show(id: unknown): string {
  if (typeof id === "string") return JSON.stringify(id);
  return Object(id) === id ? Object.prototype.toString.call(id) : String(id);
}
