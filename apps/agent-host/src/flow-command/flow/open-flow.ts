import { dirname, resolve } from "node:path";
import { FileProblemsError } from "../../flows/file/problem.js";
import { SourceFile } from "../../flows/file/source-file.js";
import { compile } from "../../flows/flow/check/compile.js";
import { isError, toProblem } from "../../flows/flow/check/finding.js";
import { preflight } from "../../flows/flow/check/preflight.js";
import type { FlowDefinition } from "../../flows/flow/definition/definition.js";
import { flowOf } from "../../flows/flow/definition/load-flow.js";
import { ToolDefinitionError } from "../../flows/flow/tools/tool.js";
import { openToolbox, type Toolbox } from "../../flows/flow/tools/toolbox.js";
import { UsageError } from "../../usage-error.js";

/** A flow that can run, with its tools. Whoever has it disposes of it. */
export interface OpenFlow extends AsyncDisposable {
  readonly flow: FlowDefinition;
  readonly toolbox: Toolbox;
  /** What there is to say about it, with places; it can run all the same. */
  readonly warnings: readonly string[];
  /** Where a step is declared, as messages begin. */
  readonly placeOf: (step: number) => string;
}

/**
 * Reads a flow's file, finds its tools, and checks the whole.
 *
 * @param servers Whether to start the MCP servers that it names; without them their tools are taken as the file describes them.
 * @throws By rejecting: `FileProblemsError` with everything that is wrong, `UsageError` for a tool that cannot be had.
 */
export async function openFlow(path: string, { servers }: { readonly servers: boolean }): Promise<OpenFlow> {
  const file = SourceFile.read(path);
  const flow = flowOf(file);
  const unsupported = preflight(flow);
  if (unsupported.length > 0)
    throw new FileProblemsError(
      unsupported.map(({ feature, reason, path: at }) =>
        file.problem("flow/unsupported", `"${feature}" is not supported: ${reason}`, at, "key"),
      ),
    );
  const toolbox = await toolboxOf(flow, path, servers);
  const findings = compile(flow, toolbox.tools);
  const errors = findings.filter(isError);
  if (errors.length > 0) {
    await toolbox[Symbol.asyncDispose]();
    throw new FileProblemsError(errors.map((each) => toProblem(each, file)));
  }
  const warnings = findings.map((each) => toProblem(each, file));
  return {
    flow,
    toolbox,
    warnings: warnings.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`),
    placeOf: (step) => file.placeOf(["steps", step]),
    [Symbol.asyncDispose]: () => toolbox[Symbol.asyncDispose](),
  };
}

async function toolboxOf(flow: FlowDefinition, path: string, servers: boolean): Promise<Toolbox> {
  try {
    return await openToolbox(flow, dirname(resolve(path)), { servers });
  } catch (error) {
    if (error instanceof ToolDefinitionError) throw new UsageError(`${path}: ${error.message}.`);
    throw new UsageError(
      `${path}: ${(error as Error).message}. Check "mcp_servers" and that its command runs.`,
    );
  }
}
