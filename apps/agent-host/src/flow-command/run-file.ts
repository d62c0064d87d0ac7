import { kindOf } from "../flows/file/file-kind.js";
import { SourceFile } from "../flows/file/source-file.js";
import { UsageError } from "../usage-error.js";
import type { RunFlowOptions } from "./flow/run-flow.js";
import type { ReportFile } from "./report-file.js";
import type { RunOptions } from "./run.js";

export type RunAnyOptions = RunOptions & RunFlowOptions & { readonly report?: string | undefined };

/** Runs a file of either kind; resolves to the exit code. Throws `UsageError` before anything runs. */
export async function runAnyFile(
  path: string,
  command: readonly string[],
  options: RunAnyOptions,
): Promise<number> {
  const report = await openReport(path, options);
  if (kindOf(SourceFile.read(path)) === "flow") {
    if (command.length > 0 || options.control === true || options.disable.length > 0)
      throw new UsageError("a flow asks no agent: --control, --disable and a command are for pipelines.");
    const { runFlowFile } = await import("./flow/run-flow.js");
    return await runFlowFile(path, options, report);
  }
  if (options.cache !== undefined || options.force === true)
    throw new UsageError("--cache and --force are for flows.");
  const { runFile } = await import("./run.js");
  return await runFile(path, command, options, report);
}

async function openReport(path: string, { report, log }: RunAnyOptions): Promise<ReportFile | undefined> {
  if (report === undefined) return undefined;
  // What makes the page takes a while to load.
  const { ReportFile } = await import("./report-file.js");
  return await ReportFile.open(report, [path, log]);
}
