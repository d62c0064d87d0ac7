import { resolve } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { Tool as McpTool } from "@modelcontextprotocol/sdk/types.js";
import type {
  McpServerDeclaration,
  McpToolDeclaration,
  SideEffects,
  ToolTraits,
} from "../definition/definition.js";
import { Tool, ToolDefinitionError, type ToolContext } from "./tool.js";

/** An MCP server that a flow's file names: a process that runs as long as the flow does. */
export class McpServer implements AsyncDisposable {
  /** Starts it. Rejects if it does not answer. */
  static async start(name: string, declaration: McpServerDeclaration, base: string): Promise<McpServer> {
    const [command, ...args] = declaration.command;
    const { env } = declaration;
    const cwd = resolve(base, declaration.cwd ?? ".");
    const client = new Client({ name: "agent-host", version: "0.1.0" });
    const transport = new StdioClientTransport({
      command,
      args,
      cwd,
      env: { ...getDefaultEnvironment(), ...env },
      stderr: "ignore",
    });
    try {
      await client.connect(transport);
      const tools: McpTool[] = [];
      for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
        const page = await client.listTools(cursor === undefined ? {} : { cursor });
        tools.push(...page.tools);
        cursor = page.nextCursor;
      }
      return new McpServer(name, client, tools, { command: declaration.command, cwd, env });
    } catch (error) {
      await client.close();
      throw new Error(`the MCP server ${JSON.stringify(name)} cannot be used: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  readonly #name: string;
  readonly #client: Client;
  readonly #tools: readonly McpTool[];
  /** What was started. */
  readonly #launch: object;

  private constructor(name: string, client: Client, tools: readonly McpTool[], launch: object) {
    this.#name = name;
    this.#client = client;
    this.#tools = tools;
    this.#launch = launch;
  }

  /** One of its tools. What the file says of it counts before what the server says. Throws `ToolDefinitionError`. */
  tool(name: string, declaration: McpToolDeclaration & ToolTraits): Tool {
    const remote = declaration.tool ?? name;
    const found = this.#tools.find((each) => each.name === remote);
    if (found === undefined) {
      const names = this.#tools.map((each) => each.name).join(", ");
      throw new ToolDefinitionError(
        name,
        `is to be ${JSON.stringify(remote)} of the MCP server ${JSON.stringify(this.#name)}, which has: ${names}`,
      );
    }
    const traits = { ...traitsOf(found), ...declaration };
    const make = { server: this.#launch, tool: remote };
    return new Tool(name, traits, (input, context) => this.#call(remote, input, context), make);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }

  async #call(name: string, input: Record<string, unknown>, { signal }: ToolContext): Promise<unknown> {
    const result = await this.#client.callTool({ name, arguments: input }, undefined, {
      signal,
      // How long it may take is for the flow to say.
      timeout: 2 ** 31 - 1,
    });
    const content = Array.isArray(result.content)
      ? (result.content as { type: string; text?: string }[])
      : [];
    const text = content.flatMap((each) => (each.type === "text" ? [each.text ?? ""] : [])).join("\n");
    if (result.isError === true) throw new Error(text === "" ? "it says no more than that" : text);
    return result.structuredContent ?? { text };
  }
}

/** What a server says of a tool of its own. Whether it may be cached is not for it to say. */
function traitsOf({ inputSchema, outputSchema, annotations = {}, description }: McpTool): ToolTraits {
  const { readOnlyHint, destructiveHint, idempotentHint } = annotations;
  const effects: SideEffects =
    readOnlyHint === true ? "read" : destructiveHint === false ? "write" : "destructive";
  return {
    input_schema: inputSchema,
    ...(outputSchema !== undefined && { output_schema: outputSchema }),
    ...(description !== undefined && { description }),
    ...(idempotentHint !== undefined && { idempotent: idempotentHint }),
    // Without annotations nothing is known.
    ...(Object.keys(annotations).length > 0 && { side_effects: effects }),
  };
}
