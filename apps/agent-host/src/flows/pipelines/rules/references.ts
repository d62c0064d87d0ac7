import { didYouMean } from "../../file/suggestion.js";
import type { Report } from "../definition/report.js";
import { isJoin, type Step } from "../definition/model.js";
import type { StepGraph } from "./step-graph.js";

/** Async steps that nobody waits for. */
export function checkOrphans({ scope }: StepGraph, report: Report): void {
  const named = new Set(scope.steps.flatMap((step) => step.dependsOn));
  for (const step of scope.steps)
    if (step.async && !named.has(step.id))
      report.addStep(
        step,
        "is async and not named in any step's depends_on; let a join or another step wait for it",
        ["async"],
        { at: "key" },
      );
}

export function checkJoins({ scope }: StepGraph, report: Report): void {
  for (const step of scope.steps)
    if (isJoin(step) && step.dependsOn.length === 0)
      report.addStep(step, "is a join and has no depends_on list; name the steps whose results it joins", [
        "action",
      ]);
}

/** Names in `depends_on` that mean no earlier step. */
export function checkReferences(graph: StepGraph, report: Report): void {
  for (const step of graph.scope.steps)
    for (const [at, id] of step.dependsOn.entries()) {
      const path = ["depends_on", at];
      const wrong = (message: string): void => {
        report.addStep(step, message, path);
      };
      const found = graph.step(id);
      if (step.dependsOn.indexOf(id) < at) wrong(`names "${id}" twice in depends_on`);
      else if (id === step.id) wrong(`depends on itself`);
      else if (found === undefined)
        wrong(
          `depends on "${id}", which is not declared in ${graph.scope.label}${didYouMean(id, others(graph, step))}`,
        );
      else if (found.index > step.index)
        wrong(`depends on "${id}", which is declared later; move "${id}" up`);
    }
}

function others({ scope }: StepGraph, step: Step): string[] {
  return scope.steps.filter((each) => each.index < step.index).map(({ id }) => id);
}
