import pc from "picocolors";
import type { RunResult } from "../../flows/flow/run/records.js";
import { printable } from "../../session-command/describe-outcome.js";
import { nameOf } from "./flow-progress.js";

interface ConclusionOptions {
  /** What to type to go on with the run. */
  readonly goOn: string;
  readonly isCancelled: boolean;
  /** Where a step is in the file. */
  readonly placeOf: (step: number) => string;
}

/** The end of a run, for people. */
export function flowConclusion(result: RunResult, { goOn, isCancelled, placeOf }: ConclusionOptions): string {
  const { success, final_output, execution_log, failed_step } = result;
  if (success) return `${pc.green("completed:")}\n${printable(JSON.stringify(final_output, undefined, 2))}`;
  const failed = execution_log.find(({ step_index }) => step_index === failed_step);
  const where =
    failed === undefined || failed.tool_name === null
      ? ""
      : `${placeOf(failed.step_index)}: ${nameOf(failed)}: `;
  const why =
    failed === undefined
      ? ""
      : `${where}${printable(failed.error_message ?? "")} (${failed.error_code ?? failed.error_type ?? ""})`;
  const head = isCancelled && failed === undefined ? pc.yellow("cancelled") : `${pc.red("failed:")} ${why}`;
  // Before its first step there is nothing to go on with.
  return failed_step === -1 ? head : `${head}\n${goOn}`;
}
