import { LockError } from "@holdfast/core";
import type { BranchRecord } from "./record.js";

/** Branches failed: with `fail-fast` the join stopped at one of them, with `wait-all` there is nothing whole to merge. */
export class JoinError extends LockError {
  override readonly name = "JoinError" as const;
  readonly code = "ERR_JOIN" as const;
  /** The branch that the join failed of; what it threw is the `cause`. */
  readonly branch: string;
  /** What branches threw, in the order in which branches would run one at a time; nothing of those that were cancelled. */
  readonly errors: readonly unknown[];
  /** What became of every branch, in that order. */
  readonly records: readonly BranchRecord[];
  /** Those that still ran when the join stopped to wait for them: see `drain`. */
  readonly pending: readonly string[];

  constructor(
    label: string | undefined,
    primary: BranchRecord & { status: "failed" },
    records: readonly BranchRecord[],
  ) {
    const failed = records.filter((each) => each.status === "failed");
    // Not how many others failed: that depends on what had started by then.
    super(`${nameOf(label)}: branch ${show(primary.name)} failed: ${inWords(primary.error)}`, {
      cause: primary.error,
    });
    this.branch = primary.name;
    this.errors = failed.map(({ error }) => error);
    this.records = records;
    this.pending = records.filter(({ status }) => status === "running").map((each) => each.name);
  }

  /** What the branches that succeeded have made, by name. */
  get partial(): Readonly<Record<string, unknown>> {
    const partial = Object.create(null) as Record<string, unknown>;
    for (const each of this.records) if (each.status === "succeeded") partial[each.name] = each.value;
    return partial;
  }
}

/** One key that a branch produced and somebody else had produced before. */
export interface Collision {
  readonly key: string;
  /** Who had it: a branch that is independent of this one, or the base or a branch that this one comes after. */
  readonly kind: "base" | "sibling";
  /** Whose value comes later in the order of the branches. */
  readonly by: string;
  /** Whose value was there; `null` is the base. */
  readonly over: string | null;
  /** What the rule for the key says. */
  readonly policy: "overwrite" | "warn" | "error" | "first" | "last" | "reduce";
}

/** Two wrote one key, and no rule says what to do with that. Nothing was merged. */
export class KeyCollisionError extends LockError {
  override readonly name = "KeyCollisionError" as const;
  readonly code = "ERR_KEY_COLLISION" as const;
  /** `"sibling"` if any of the collisions is between independent branches. */
  readonly kind: "base" | "sibling";
  readonly keys: readonly string[];
  /** All of them, by key in the order in which keys first collided. */
  readonly collisions: readonly Collision[];
  /** What became of every branch; of those whose keys collided, that they failed of this. Empty where none ran. */
  readonly records: readonly BranchRecord[] = [];

  constructor(collisions: readonly Collision[]) {
    const kind = collisions.some((each) => each.kind === "sibling") ? "sibling" : "base";
    const said = collisions.map(
      ({ key, by, over }) =>
        `${show(key)} of ${show(by)} is also in ${over === null ? "the base" : show(over)}`,
    );
    const remedy =
      kind === "sibling"
        ? 'give the key a reducer, "first" or "last" in options.keys, or rename it in one of the branches'
        : 'rename the key, or allow it with onBaseCollision "warn" or "overwrite"';
    super(`Nothing is merged: ${said.join(", ")}; ${remedy}`);
    this.kind = kind;
    this.keys = [...new Set(collisions.map(({ key }) => key))];
    this.collisions = collisions;
  }
}

/** A reducer threw; its error is the `cause`. Nothing was merged. */
export class ReducerError extends LockError {
  override readonly name = "ReducerError" as const;
  readonly code = "ERR_REDUCER" as const;
  readonly key: string;
  /** The branch whose value was to be folded in. */
  readonly branch: string;
  /** What became of every branch; of this one, that it failed of this. Empty where none ran. */
  readonly records: readonly BranchRecord[] = [];

  constructor(key: string, branch: string, cause: unknown) {
    super(`The reducer for ${show(key)} failed with the value of ${show(branch)}: ${inWords(cause)}`, {
      cause,
    });
    this.key = key;
    this.branch = branch;
  }
}

/** A branch made something that cannot be merged, or not the key that was asked for. */
export class InvalidBranchOutputError extends LockError {
  override readonly name = "InvalidBranchOutputError" as const;
  readonly code = "ERR_BRANCH_OUTPUT" as const;
  /** Where it is known, whose it is. */
  readonly branch: string | undefined;
  /** The output as it came. */
  readonly received: unknown;

  constructor(message: string, received: unknown, branch?: string) {
    super(message);
    this.branch = branch;
    this.received = received;
  }
}

/** The branches, tasks or what they depend on are not what can be run. */
export class GraphError extends TypeError {
  override readonly name = "GraphError" as const;
  readonly code = "ERR_GRAPH" as const;
  readonly reason:
    "duplicate_name" | "unknown_dependency" | "self_dependency" | "duplicate_dependency" | "cycle";
  /** The name that is wrong, and what it depends on where that is. Of a cycle the way round it, from the task declared first. */
  readonly path: readonly string[];

  constructor(message: string, reason: GraphError["reason"], path: readonly string[]) {
    super(message);
    this.reason = reason;
    this.path = path;
  }
}

/** A join in a message. */
export function nameOf(label: string | undefined): string {
  return label === undefined ? "join" : `join ${show(label)}`;
}

/** A name in a message. */
export function show(name: string): string {
  return JSON.stringify(name);
}

/** What was thrown, in a message. Never throws: a branch may throw anything, such as a proxy that has been revoked. */
export function inWords(error: unknown): string {
  try {
    if (error instanceof Error) {
      const { message }: { readonly message: unknown } = error;
      return String(message);
    }
    return Object(error) === error ? Object.prototype.toString.call(error) : String(error);
  } catch {
    return "an error that cannot be shown";
  }
}
