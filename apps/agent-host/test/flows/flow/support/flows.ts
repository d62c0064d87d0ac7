import { SourceFile } from "../../../../src/flows/file/source-file.js";
import type { FlowDefinition } from "../../../../src/flows/flow/definition/definition.js";
import { flowOf } from "../../../../src/flows/flow/definition/load-flow.js";
import { Tool, type ToolFunction, type Toolset } from "../../../../src/flows/flow/tools/tool.js";
import type { ToolTraits } from "../../../../src/flows/flow/definition/definition.js";

type Fields = Readonly<Record<string, unknown>>;

/** A flow whose steps go one after another, as if from a file. */
export function list(steps: readonly Fields[], fields: Fields = {}): FlowDefinition {
  return from({ type: "Flow", name: "list", description: "d", steps, ...fields });
}

/** A graph: steps by id. A step that names no tool runs the one of its own name. */
export function dag(steps: Readonly<Record<string, Fields>>, fields: Fields = {}): FlowDefinition {
  const entries = Object.entries(steps).map(([id, step]) => ({ step_id: id, tool_name: id, ...step }));
  return from({
    type: "DAGFlow",
    name: "graph",
    version: "1.0.0",
    description: "d",
    steps: entries,
    ...fields,
  });
}

function from(value: object): FlowDefinition {
  return flowOf(SourceFile.parse("a.flow.json", JSON.stringify(value)));
}

/** The schema of an object with these properties, all of them required. */
export function object(properties: Readonly<Record<string, string | object>>, more: object = {}): object {
  return {
    type: "object",
    required: Object.keys(properties),
    properties: Object.fromEntries(
      Object.entries(properties).map(([key, type]) => [key, typeof type === "string" ? { type } : type]),
    ),
    ...more,
  };
}

/** A tool that makes what `run` returns. */
export function tool(name: string, run: ToolFunction = () => ({}), traits: ToolTraits = {}): Tool {
  return new Tool(name, traits, run);
}

/** A tool that never runs, of which only the schemas matter. */
export function typed(
  name: string,
  input_schema: object,
  output_schema: object,
  traits: ToolTraits = {},
): Tool {
  return new Tool(name, { input_schema, output_schema, ...traits }, () => ({}));
}

export function toolset(...tools: readonly Tool[]): Toolset {
  return new Map(tools.map((each) => [each.name, each]));
}
