import type { Collision } from "./errors.js";

/** What became of a branch. */
export type Settled<T = unknown> =
  | { readonly status: "succeeded"; readonly value: T }
  | { readonly status: "failed"; readonly error: unknown }
  /** It was told to stop, with `reason`, and ended without a value. `error` is what it threw, mostly the reason itself. */
  | { readonly status: "cancelled"; readonly reason: unknown; readonly error: unknown }
  /** It depends on a task that failed: on this one, directly or through others that were skipped. */
  | { readonly status: "skipped"; readonly because: string };

/** The same for all branches, also when the join ends early. */
export type BranchRecord<T = unknown> = (
  Settled<T> | { readonly status: "not-started" } | { readonly status: "running" }
) & {
  readonly name: string;
  /** Where it was declared, from 0. */
  readonly index: number;
  /** The how-manieth of the branches to settle it was, from 1. Depends on timing. Of those that started and settled. */
  readonly settled?: number;
};

/** What `report` is told. */
export type JoinReport =
  /** Just before: a branch that is stopped by whoever is told of this never starts. */
  | { readonly type: "start"; readonly name: string; readonly index: number }
  | { readonly type: "settle"; readonly record: BranchRecord }
  /** A collision that a rule allows, once the merge has succeeded. Only `"warn"` asks for somebody's attention. */
  | {
      readonly type: "collision";
      readonly level: "debug" | "warning";
      readonly collision: Collision;
      /** The key is taken over from a task that this one does not depend on: only because it ran on an earlier level. */
      readonly unordered: boolean;
    }
  /** Always the last, once, whatever the outcome. */
  | { readonly type: "end"; readonly records: readonly BranchRecord[]; readonly error?: unknown };
