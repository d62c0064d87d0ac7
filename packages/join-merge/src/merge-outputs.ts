import { demand } from "@holdfast/core";
import { mapNamed, type Named } from "./branches.js";
import type { Collision } from "./errors.js";
import { type Contributor, Merge } from "./merge.js";
import type { KeyRulesOf, Merged, Strict } from "./merged.js";
import { checkKnown } from "./names.js";
import { type MergeOptions, mergeOptions, readRules } from "./rules.js";
import { checkOutput, type Output } from "./store.js";

/** What came of a merge. */
export interface MergeResult<V> {
  /** A new object without prototype: the keys of the base, then those of the outputs, in order. */
  readonly value: V;
  /** The collisions that were allowed, in the order of branches and of the keys of their outputs. */
  readonly collisions: readonly Collision[];
}

/**
 * Merges outputs of branches into a base, in order. Pure: neither is changed, nothing is read or written besides.
 *
 * Only own enumerable string keys count, and all of them are data: `__proto__` too. Where `base` is a `Map`, so is the
 * value, outputs may be, and the order of keys that are numbers is kept.
 *
 * @param contributions The outputs by branch, each a plain object: an object, or pairs where order matters although names
 * are numbers.
 * @throws `KeyCollisionError`, `ReducerError`, `InvalidBranchOutputError`; `TypeError` for wrong arguments.
 *
 * **Complexity**: O(keys).
 *
 * @example
 * ```ts
 * import { mergeOutputs } from "@holdfast/join-merge";
 *
 * const { value } = mergeOutputs(
 *   { notes: ["start"] },
 *   { lint: { notes: ["lint"], warnings: 2 }, test: { notes: ["test"] } },
 *   { keys: { notes: (existing, incoming) => [...existing, ...incoming] } },
 * );
 * console.log(value.notes, value.warnings); // => [ 'start', 'lint', 'test' ] 2
 * ```
 */
export function mergeOutputs<Base extends object, R extends Named<object | null | undefined>>(
  base: Base,
  contributions: R,
  options?: MergeOptions<KeyRulesOf<Base, R>> & Strict<R>,
): MergeResult<Merged<Base, R>> {
  demand(Object(base) === base, "base must be an object or a Map", base);
  if (options !== undefined) {
    demand(Object(options) === options, "options must be an object", options);
    checkKnown(options, mergeOptions);
  }
  const rules = readRules(options);
  const outputs = mapNamed<unknown, Contributor>(contributions, "contributions", "output", (name, result) => {
    if (result != null || !rules.allowNothing) checkOutput(result, name, base instanceof Map);
    return { name, result };
  });
  const merge = new Merge(base as Output, rules);
  merge.add(outputs, () => base as Output);
  const collisions = merge.check().map(({ collision }) => collision);
  return { value: merge.value as Merged<Base, R>, collisions };
}
