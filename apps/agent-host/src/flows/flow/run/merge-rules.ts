import type { KeyRule, MergeOptions } from "@holdfast/join-merge";
import type { FlowDefinition } from "../definition/definition.js";
import { reducers } from "./reducers.js";

/** How the outputs of steps are merged, as the file says. */
export function mergeRulesOf(flow: FlowDefinition, params: Iterable<string>): MergeOptions {
  const keys = new Map<string, KeyRule>();
  for (const [key, name] of Object.entries(flow.merge))
    keys.set(
      key,
      name === "first" || name === "last"
        ? { sibling: name }
        : { base: reducers[name], sibling: reducers[name] },
    );
  if (flow.type === "DAGFlow")
    for (const [key, sibling] of Object.entries(flow.on_sibling_collision))
      keys.set(key, { ...(keys.get(key) as object), sibling });
  // A parameter is the caller's word: no step overwrites it.
  for (const name of params) keys.set(name, "error");
  return {
    onBaseCollision: flow.on_context_collision,
    keys: Object.fromEntries(keys),
    // A step that is skipped adds nothing.
    allowNothing: true,
  };
}
