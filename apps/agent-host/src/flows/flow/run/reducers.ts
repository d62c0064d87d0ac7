import type { ReducerName } from "../definition/definition.js";
import { canonicalJson } from "../../canonical-json.js";

/** How two values of one key become one, by the names that files use. Each throws for values that it cannot join. */
export const reducers: Readonly<Record<ReducerName, (existing: unknown, incoming: unknown) => unknown>> = {
  append: (existing, incoming) => [...list(existing), ...list(incoming)],
  union: (existing, incoming) => {
    const all = [...list(existing), ...list(incoming)];
    return [...new Map(all.map((each) => [canonicalJson(each), each])).values()];
  },
  sum: (existing, incoming) => number(existing) + number(incoming),
  min: (existing, incoming) => Math.min(number(existing), number(incoming)),
  max: (existing, incoming) => Math.max(number(existing), number(incoming)),
  shallow_merge: (existing, incoming) => ({ ...mapping(existing), ...mapping(incoming) }),
};

function list(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong("a list", value);
}

function number(value: unknown): number {
  if (typeof value === "number") return value;
  throw wrong("a number", value);
}

function mapping(value: unknown): object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw wrong("an object", value);
}

function wrong(expected: string, value: unknown): TypeError {
  return new TypeError(`each value must be ${expected}, and one is ${JSON.stringify(value)}`);
}
