import { stringify } from "yaml";
import { sorted } from "../../canonical-json.js";
import type { FlowDefinition } from "./definition.js";

/** The text of a flow's file: keys sorted, so that equal flows give equal bytes. */
export function flowText(flow: FlowDefinition): string {
  return stringify(sorted(flow));
}
