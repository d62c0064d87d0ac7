import { join } from "node:path";
import { fallbackOf, type FlowDefinition } from "../definition/definition.js";
import { commandTool } from "./command-tool.js";
import { McpServer } from "./mcp-server.js";
import { moduleTool } from "./module-tool.js";
import { Tool, type Toolset } from "./tool.js";

/** The tools of one flow, and the servers behind them. */
export interface Toolbox extends AsyncDisposable {
  readonly tools: Toolset;
}

/**
 * Finds the tools that a flow uses: those that its file declares, and modules in the folder `tools` beside it.
 *
 * @param servers Whether to start the MCP servers. Without them their tools have only the schemas that the file gives them.
 * @throws `ToolDefinitionError` or what a server has to say, by rejecting; no server runs then.
 */
export async function openToolbox(
  flow: FlowDefinition,
  folder: string,
  { servers }: { readonly servers: boolean },
): Promise<Toolbox> {
  const started = new Map<string, McpServer>();
  const close = async (): Promise<void> => {
    await Promise.all([...started.values()].map((each) => each[Symbol.asyncDispose]()));
  };
  try {
    const tools = new Map<string, Tool>();
    for (const name of namesOf(flow)) {
      const tool = await find(name, flow, folder, servers ? started : undefined);
      if (tool !== undefined) tools.set(name, tool);
    }
    return { tools, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function namesOf(flow: FlowDefinition): ReadonlySet<string> {
  return new Set(
    flow.steps.flatMap((step) => [step.tool_name, fallbackOf(step)]).filter((name) => name !== undefined),
  );
}

async function find(
  name: string,
  flow: FlowDefinition,
  folder: string,
  started: Map<string, McpServer> | undefined,
): Promise<Tool | undefined> {
  const declaration = Object.hasOwn(flow.tools, name) ? flow.tools[name] : undefined;
  if (declaration === undefined) return await moduleTool(name, join(folder, "tools"));
  if ("command" in declaration) return commandTool(name, declaration, folder);
  if (started === undefined) return new Tool(name, declaration, notStarted);
  return (await serverFor(declaration.mcp, flow, folder, started)).tool(name, declaration);
}

async function serverFor(
  name: string,
  flow: FlowDefinition,
  folder: string,
  started: Map<string, McpServer>,
): Promise<McpServer> {
  const running = started.get(name);
  if (running !== undefined) return running;
  const declaration = flow.mcp_servers[name];
  if (declaration === undefined) throw new TypeError(`there is no MCP server ${JSON.stringify(name)}`);
  const server = await McpServer.start(name, declaration, folder);
  started.set(name, server);
  return server;
}

function notStarted(): never {
  throw new Error("its MCP server has not been started");
}
