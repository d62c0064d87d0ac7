import type { Toolset } from "../tools/tool.js";
import { fallbackOf, type FlowDefinition, type ToolHashes } from "./definition.js";

/** The schemas of the tools that a flow uses. */
export function hashesOf(flow: FlowDefinition, tools: Toolset): ToolHashes {
  const names = new Set(flow.steps.flatMap((step) => [step.tool_name, fallbackOf(step)]));
  const used = [...tools.values()].filter(({ name }) => names.has(name));
  return Object.fromEntries(used.map(({ name, schemaHash }) => [name, schemaHash]));
}
