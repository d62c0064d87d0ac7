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
  /** The step that has called it; none for the run's own. */
  readonly caller: StepRun | undefined;
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

/** The name of a step in events. */
export function nameIn({ prefix }: RunningScope, id: string): string {
  return `${prefix}${id}`;
}

/** What events say of a step, or of a private one that is a part of it. */
export function namedIn(scope: RunningScope, { step, group }: StepRun, id: string = step.id): OfStep {
  const totalSteps = scope.called.scope.steps.length;
  return { stepId: nameIn(scope, id), index: step.index, totalSteps, group };
}

/** Whether the caller has switched the step off. */
export function isDisabled(scope: RunningScope, { id }: Step): boolean {
  return scope.context.disabled.has(nameIn(scope, id));
}

/** Whether what the step is to run for is so. Throws `StepError` if that cannot be told. */
export function holdsIn({ around }: RunningScope, { condition }: Step, view: View): boolean {
  return holds(condition, view, around);
}
