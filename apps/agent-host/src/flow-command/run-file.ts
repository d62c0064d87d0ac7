import { kindOf } from "../flows/file/file-kind.js";
import { SourceFile } from "../flows/file/source-file.js";
import { UsageError } from "../usage-error.js";
import type { RunFlowOptions } from "./flow/run-flow.js";
import type { RunOptions } from "./run.js";

/** Runs a file of either kind; resolves to the exit code. Throws `UsageError` before anything runs. */
export async function runAnyFile(
  path: string,
  command: readonly string[],
  options: RunOptions & RunFlowOptions,
): Promise<number> {
  if (kindOf(SourceFile.read(path)) === "flow") {
    if (command.length > 0 || options.control === true || options.disable.length > 0)
      throw new UsageError("a flow asks no agent: --control, --disable and a command are for pipelines.");
    const { runFlowFile } = await import("./flow/run-flow.js");
    return await runFlowFile(path, options);
  }
  if (options.cache !== undefined || options.force === true)
    throw new UsageError("--cache and --force are for flows.");
  const { runFile } = await import("./run.js");
  return await runFile(path, command, options);
}
