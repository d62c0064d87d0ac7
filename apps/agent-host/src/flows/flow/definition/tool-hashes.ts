import type { Toolset } from "../tools/tool.js";
import { fallbackOf, type FlowDefinition, type ToolHashes } from "./definition.js";

/** The schemas of the tools that a flow uses. */
export function hashesOf(flow: FlowDefinition, tools: Toolset): ToolHashes {
  const names = flow.steps.flatMap((step) => [step.tool_name, fallbackOf(step)]);
  const hashes = new Map<string, string>();
  for (const name of names) {
    const tool = name === undefined ? undefined : tools.get(name);
    if (tool !== undefined) hashes.set(tool.name, tool.schemaHash);
  }
  return Object.fromEntries(hashes);
}
