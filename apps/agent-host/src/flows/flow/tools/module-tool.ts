import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ToolTraits } from "../definition/definition.js";
import { Tool, ToolDefinitionError, type ToolFunction } from "./tool.js";

/**
 * The tool that a module in `folder` exports: a function as default, the schemas as `input` and `output`, and what else
 * there is to say about it as `traits`. `undefined` if there is no such module. The module is imported, so its code runs.
 *
 * @throws `ToolDefinitionError`, by rejecting, if it is no tool.
 */
export async function moduleTool(name: string, folder: string): Promise<Tool | undefined> {
  // A name is a name, and no way out of the folder.
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(name)) return undefined;
  for (const ending of [".mjs", ".js"]) {
    const path = join(folder, name + ending);
    if (await exists(path)) return toolOf(name, path);
  }
  return undefined;
}

interface ToolModule {
  readonly default?: unknown;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly traits?: unknown;
}

async function toolOf(name: string, path: string): Promise<Tool> {
  const { text, exported } = await load(name, path);
  const { default: run, input, output, traits = {} } = exported;
  if (typeof run !== "function")
    throw new ToolDefinitionError(name, `must export a function as default (${path})`);
  for (const [what, schema] of Object.entries({ input, output }))
    if (!isSchema(schema))
      throw new ToolDefinitionError(name, `must export a JSON Schema as "${what}", or nothing (${path})`);
  if (typeof traits !== "object" || traits === null)
    throw new ToolDefinitionError(name, `must export an object as "traits", or nothing (${path})`);
  const schemas = {
    ...(input !== undefined && { input_schema: input as object }),
    ...(output !== undefined && { output_schema: output as object }),
  };
  return new Tool(name, { ...(traits as ToolTraits), ...schemas }, run as ToolFunction, { path, text });
}

async function load(
  name: string,
  path: string,
): Promise<{ readonly text: string; readonly exported: ToolModule }> {
  try {
    const text = await readFile(path, "utf8");
    return { text, exported: (await import(pathToFileURL(path).href)) as ToolModule };
  } catch (error) {
    throw new ToolDefinitionError(name, `cannot be loaded from ${path}: ${(error as Error).message}`);
  }
}

function isSchema(value: unknown): boolean {
  return value === undefined || typeof value === "boolean" || (typeof value === "object" && value !== null);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
