import { FileProblemsError } from "../../file/problem.js";
import type { Journal } from "../checkpoint/journal.js";
import type { Callable } from "../library.js";
import { textOf } from "../values/record.js";
import { StepError } from "../values/step-error.js";
import type { Made } from "./place.js";
import type { RunningScope, ScopeResult } from "./running-scope.js";
import { ScopeRun } from "./scope-run.js";
import type { StepRun } from "./step-run.js";

const maxDepth = 16;

interface Call {
  /** The step that calls. */
  readonly id: string;
  readonly target: string;
  readonly prompt: string | undefined;
  readonly journal: Journal;
}

/** Runs another pipeline to its end, as a part of a step. Only its last response comes back. */
export async function callPipeline(
  scope: RunningScope,
  { step, slot, signal, group }: StepRun,
  { id, target, prompt, journal }: Call,
): Promise<Made> {
  const { context, around, prefix, depth } = scope;
  if (depth >= maxDepth)
    throw new StepError(
      "pipeline/circular-reference",
      `step "${id}" calls "${target}" more than ${maxDepth} pipelines deep`,
      { stepId: id },
    );
  const child = new ScopeRun({
    context,
    called: resolve(scope, id, target),
    around: { ...around, invocation: prompt ?? around.invocation },
    prefix: `${prefix}${id}::`,
    order: [...scope.order, step.index],
    depth: depth + 1,
    journal,
    signal,
    group,
  });
  const run = (): Promise<ScopeResult> => child.run();
  const { status, error, view } = await (slot?.lend(run) ?? run());
  if (status === "killed") throw signal.reason;
  if (error !== undefined) {
    const message = `step "${id}": in ${target}: ${error.message}`;
    const failure = new StepError(error.type, message, { stepId: id, cause: error });
    failure.secondary.push(...error.secondary);
    throw failure;
  }
  return { response: view.last === undefined ? null : textOf(view.last) };
}

function resolve({ context, called }: RunningScope, id: string, target: string): Callable {
  try {
    return context.library.resolve(called.pipeline, target);
  } catch (error) {
    if (!(error instanceof FileProblemsError)) throw error;
    throw new StepError(
      "config/validation-failed",
      `step "${id}" cannot call "${target}": ${error.message}`,
      {
        stepId: id,
        cause: error,
      },
    );
  }
}
