import type { StepError } from "../values/step-error.js";
import type { Outcome, StepRun, StepRuns } from "./step-run.js";

/** The first to fail by itself of those whose failure has come to it, one way or another. */
export function rootOf(run: StepRun, runs: StepRuns): StepRun | undefined {
  const all = new Set(runs.dependenciesOf(run));
  // What is added on the way is visited too. Whoever is not lost passes no failure on.
  for (const each of all)
    if (each.isLost) for (const dependency of runs.dependenciesOf(each)) all.add(dependency);
  return inOrder([...all])[0];
}

/** Those that failed by themselves, in the order in which they did. */
export function inOrder(runs: readonly StepRun[]): StepRun[] {
  return runs.filter(({ outcome }) => outcome?.kind === "failed").sort((a, b) => a.sequence - b.sequence);
}

/** Whether its failure has reached the main flow, through whoever depends on it. */
export function isConsumed(run: StepRun, runs: StepRuns): boolean {
  return runs.all.some((each) => {
    if (!each.step.dependsOn.includes(run.step.id)) return false;
    if (each.outcome === undefined || each.outcome.kind === "skipped") return false;
    const passesOn = each.step.async && each.isLost;
    return !passesOn || isConsumed(each, runs);
  });
}

export function errorOf({ outcome }: StepRun): StepError {
  return (outcome as Outcome & { error: StepError }).error;
}
