import type { Journal } from "../checkpoint/journal.js";
import type { Step } from "../definition/model.js";
import type { Callable } from "../library.js";
import { holds } from "../values/evaluate.js";
import type { StepError } from "../values/step-error.js";
import type { Surroundings } from "../values/resolve.js";
import type { View } from "../values/view.js";
import type { OfStep, RunStatus } from "./events.js";
import type { RunContext } from "./run-context.js";
import type { Order } from "./slots.js";
import type { StepRun } from "./step-run.js";

/** One pipeline that runs once, as all that work for it know it. */
export interface RunningScope {
  readonly context: RunContext;
  readonly called: Callable;
  readonly around: Surroundings;
  /** What stands before the names of steps in events. */
  readonly prefix: string;
  /** The indexes of the steps that have called it, from the outside in. */
  readonly order: Order;
  /** How many pipelines this one is within. */
  readonly depth: number;
  /** Of the branch that it runs in. */
  readonly group: string | undefined;
  /** What it has done so far. */
  readonly journal: Journal;
}

/** How a pipeline ended. */
export interface ScopeResult {
  readonly status: RunStatus;
  readonly error: StepError | undefined;
  /** The step that ended it early, and successfully. */
  readonly breakAt: string | undefined;
  /** What its main flow saw at the end. */
  readonly view: View;
}

/** What events say of a step, or of a private one that is a part of it. */
export function namedIn(
  { prefix, called }: RunningScope,
  { step, group }: StepRun,
  id: string = step.id,
): OfStep {
  return { stepId: `${prefix}${id}`, index: step.index, totalSteps: called.scope.steps.length, group };
}

/** Whether the caller has switched the step off. */
export function isDisabled({ context, prefix }: RunningScope, { id }: Step): boolean {
  return context.disabled.has(`${prefix}${id}`);
}

/** Whether what the step is to run for is so. Throws `StepError` if that cannot be told. */
export function holdsIn({ around }: RunningScope, { condition }: Step, view: View): boolean {
  return holds(condition, view, around);
}
