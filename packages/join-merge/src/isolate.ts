import { isPlain, type Output, storeOf } from "./store.js";

declare function structuredClone<T>(value: T): T;

/**
 * What keeps branches from seeing what others do to values that they share. `"none"` (default): nothing but that the
 * object that holds them is frozen. `"freeze"`: all objects and arrays in it are frozen, for good. `"clone"`: each branch has a
 * copy of its own, made by `structuredClone`.
 */
export type Isolation = "none" | "freeze" | "clone";

export const isolations: readonly Isolation[] = ["none", "freeze", "clone"];

/** What a branch is shown of `values`. A `Map` is copied, as it cannot be frozen. */
export function view(values: Output, isolation: Isolation): object {
  return seal(storeOf(isolation === "clone" ? structuredClone(values) : values).value, isolation);
}

/** The same without a copy, of values that nobody else has and that need not be cloned. */
export function seal(values: object, isolation: Isolation): object {
  if (isolation === "freeze") freeze(values);
  return Object.freeze(values);
}

/** Freezes objects and arrays all the way down, and leaves what has a class of its own. */
function freeze(value: object): void {
  const seen = new Set<unknown>([value]);
  for (const each of seen) {
    if (each instanceof Map) for (const inner of each.values()) seen.add(inner);
    else if (Array.isArray(each) || isPlain(each))
      for (const inner of Object.values(Object.freeze(each))) seen.add(inner);
  }
}
