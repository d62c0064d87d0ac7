import { stringify } from "yaml";
import { sorted } from "../../canonical-json.js";
import type { FlowDefinition } from "./definition.js";

/** The text of a flow's file: keys sorted, so that equal flows give equal bytes. */
export function flowText(flow: FlowDefinition, format: "yaml" | "json"): string {
  const value = sorted(flow);
  return format === "json"
    ? `${JSON.stringify(value, undefined, 2)}\n`
    : // An alias would make a change in one place one in another.
      stringify(value, { aliasDuplicateObjects: false });
}
