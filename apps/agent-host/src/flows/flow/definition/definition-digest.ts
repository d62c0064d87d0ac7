import { digest } from "../../canonical-json.js";
import type { FlowDefinition } from "./definition.js";

/** Tells two definitions apart that have one version. What the registry changes about a flow is no part of it. */
export function definitionDigest(flow: FlowDefinition): string {
  return digest({ ...flow, status: null, tool_schema_hashes: null });
}
