import { demand } from "@holdfast/core";
import { mapNamed } from "./branches.js";
import { InvalidBranchOutputError, show } from "./errors.js";
import { suggestion } from "./names.js";
import { hasKey, type Output, valueOf } from "./store.js";

/**
 * Takes from an output what is to be merged, under the names that it is to have there: `keys` gives for each key of the
 * result the key of the output.
 *
 * @throws `InvalidBranchOutputError` for a key that the output does not have.
 *
 * @example
 * ```ts
 * import { project } from "@holdfast/join-merge";
 *
 * console.log({ ...project({ stdout: "ok", code: 0 }, { log: "stdout" }) }); // => { log: 'ok' }
 * ```
 */
export function project<O extends object, const K extends Readonly<Record<string, keyof O>>>(
  output: O,
  keys: K,
): { -readonly [To in keyof K]: O[K[To]] } {
  demand(Object(output) === output, "output must be an object", output);
  const result = Object.create(null) as Record<string, unknown>;
  mapNamed(keys as Readonly<Record<string, string>>, "keys", "key", (to, from) => {
    if (!hasKey(output as Output, from)) {
      const has = Object.keys(output);
      throw new InvalidBranchOutputError(
        `There is no key ${show(from)} in the output${suggestion(from, has) || `; it has ${has.map((each) => show(each)).join(", ") || "none"}`}`,
        output,
      );
    }
    result[to] = valueOf(output as Output, from);
  });
  return result as { -readonly [To in keyof K]: O[K[To]] };
}
