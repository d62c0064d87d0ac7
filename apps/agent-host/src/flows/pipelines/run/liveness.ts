import type { Step } from "../definition/model.js";
import type { StepRun } from "./step-run.js";

/** Async steps that are to be stopped, in the order of declaration. */
export interface Doomed {
  readonly run: StepRun;
  readonly reason: "dependency_failed" | "fail_fast";
}

/**
 * Who need not go on now that some steps have failed: those who wait for one that failed, and those of whom nobody who can still run
 * needs anything. `runs` are all steps in the order of declaration.
 */
export function findDoomed(runs: readonly StepRun[]): Doomed[] {
  // Those who will not do what they are for, and those of them whose failure goes on to who depends on them.
  const dead = new Set<StepRun>();
  const lost = new Set(runs.filter(({ isLost }) => isLost).map(({ step }) => step.id));
  for (const run of runs) {
    const { step, outcome } = run;
    if (outcome !== undefined || outlivesFailures(step)) continue;
    if (!step.dependsOn.some((id) => lost.has(id))) continue;
    dead.add(run);
    if (step.onError.kind !== "continue") lost.add(step.id);
  }

  const live = runs.filter((run) => run.outcome === undefined && !dead.has(run));
  // Whoever is stopped needs nobody any more, and then this is asked again.
  const needed = new Set(live.flatMap(({ step }) => step.dependsOn));

  return runs.flatMap((run): Doomed[] => {
    if (!run.step.async || run.outcome !== undefined || !run.launched) return [];
    // Others end by themselves when all that they wait for has ended: joins with an error of their own.
    if (lost.has(run.step.id) && run.step.body.kind !== "join") return [{ run, reason: "dependency_failed" }];
    return needed.has(run.step.id) ? [] : [{ run, reason: "fail_fast" }];
  });
}

function outlivesFailures({ body }: Step): boolean {
  return body.kind === "join" && body.onError === "wait_for_all";
}
