import { dirname, resolve } from "node:path";
import { FileProblemsError, type Problem } from "../../flows/file/problem.js";
import { SourceFile } from "../../flows/file/source-file.js";
import type { Unread } from "../../flows/file/unread.js";
import { compile } from "../../flows/flow/check/compile.js";
import { isError, type IssueType, toProblem } from "../../flows/flow/check/finding.js";
import { preflight } from "../../flows/flow/check/preflight.js";
import type { FlowDefinition } from "../../flows/flow/definition/definition.js";
import { readFlow } from "../../flows/flow/definition/load-flow.js";
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
  const { flow, problems: found, unread } = readFlow(file);
  const problems = [
    ...found,
    ...preflight(flow).map(({ feature, reason, path: at }) =>
      file.problem("flow/unsupported", `"${feature}" is not supported: ${reason}`, at, "key"),
    ),
  ];
  if (problems.length > 0)
    throw new FileProblemsError([
      ...problems,
      ...(await certainProblems(flow, file, unread)).filter((each) => !isTold(each, problems)),
    ]);
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

/** Findings that hold whatever else is wrong with a flow. Of the others one cannot tell before that is mended. */
async function certainProblems(flow: FlowDefinition, file: SourceFile, unread: Unread): Promise<Problem[]> {
  if ((["tools", "mcp_servers", "schemas"] as const).some((key) => unread.has([key]))) return [];
  let toolbox: Toolbox;
  try {
    toolbox = await openToolbox(flow, dirname(resolve(file.path)), { servers: false });
  } catch {
    return [];
  }
  await using tools = toolbox;
  return compile(flow, tools.tools)
    .filter(({ issue_type, path }) => certain.has(issue_type) && !unread.has(path))
    .map((each) => toProblem(each, file));
}

/** A schema of the file that is not there is told as such before. */
function isTold({ line, column }: Problem, problems: readonly Problem[]): boolean {
  return problems.some((each) => each.line === line && each.column === column);
}

const certain: ReadonlySet<IssueType> = new Set([
  "missing_tool",
  "missing_fallback_tool",
  "unknown_schema",
  "unknown_target_key",
  "unknown_output_key",
  "fallback_unknown_target_key",
  "fallback_output_missing_mapped_key",
]);

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
