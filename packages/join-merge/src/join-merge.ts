import { branchesOf } from "./branches.js";
import { ByLevel } from "./by-level.js";
import type { MergeContext } from "./context.js";
import type { Branches, JoinResult } from "./join.js";
import type { KeyRulesOf, Merged, Strict } from "./merged.js";
import { intoOptions, type IntoOptions, Merging } from "./merging.js";
import { type JoinOptions, readSettings } from "./options.js";
import { Run } from "./run.js";

/** With `mode: "wait-all"` all branches run to their end, and if any failed nothing is merged either. */
export interface JoinMergeOptions<Base = object, Keys = unknown>
  extends JoinOptions, IntoOptions<Base, Keys> {}

/**
 * Runs `branches` at the same time and merges the objects that they make into one, in the order of declaration: `join`
 * and then `mergeOutputs`.
 *
 * A key that two branches make is an error that names the key and both, unless `keys` has a rule for it; one that the base
 * has follows `onBaseCollision`. Nothing is merged if anything fails.
 *
 * **Cancel safety**: as `join`. An abort that comes when all branches have ended has no effect.
 *
 * @throws By rejecting: as `join`, and `KeyCollisionError`, `ReducerError`. A branch that makes no plain object fails with
 * `InvalidBranchOutputError`. At once: as `join`.
 *
 * @example
 * ```ts
 * import { joinMerge } from "@holdfast/join-merge";
 *
 * const review = await joinMerge(
 *   {
 *     lint: async () => ({ warnings: 2, notes: ["long line"] }),
 *     test: async ({ base }) => ({ passed: base.tests, notes: ["slow"] }),
 *   },
 *   { base: { tests: 12 }, keys: { notes: (existing, incoming) => [...existing, ...incoming] } },
 * );
 * console.log(review.warnings, review.passed, review.notes); // => 2 12 [ 'long line', 'slow' ]
 * ```
 */
export function joinMerge<
  B extends Branches<MergeContext<Base>, object | null | undefined>,
  Base extends object = object,
>(
  branches: B,
  options?: JoinMergeOptions<Base, KeyRulesOf<Base, JoinResult<B>>> & Strict<JoinResult<B>>,
): Promise<Merged<Base, JoinResult<B>>> {
  const units = branchesOf(branches);
  const settings = readSettings(options, units, intoOptions);
  const merging = new Merging(options);
  const run = new Run(units, settings, {
    schedule: new ByLevel([units]),
    needsAll: true,
    accept: (branch, value) => {
      merging.accept(branch, value);
    },
    baseOf: () => merging.baseAlone(),
    result: () => {
      merging.add(units, run);
      return merging.value;
    },
  });
  return run.start() as Promise<Merged<Base, JoinResult<B>>>;
}
