import { cycleIn } from "../../cycle.js";
import { didYouMean } from "../../file/suggestion.js";
import type { Report } from "../definition/report.js";
import { isJoin, type Step } from "../definition/model.js";
import type { StepGraph } from "./step-graph.js";

/** Async steps that nobody waits for. */
export function checkOrphans(graph: StepGraph, report: Report): void {
  const { steps } = graph.scope;
  const named = new Set(steps.flatMap((step) => graph.names(step).filter((id) => id !== step.id)));
  for (const step of steps)
    if (step.async && !named.has(step.id))
      report.addStep(
        step,
        "is async and not named in any step's depends_on; let a join or another step wait for it",
        ["async"],
        { at: "key" },
      );
}

export function checkJoins(graph: StepGraph, report: Report): void {
  for (const step of graph.scope.steps)
    if (isJoin(step) && graph.names(step).length === 0 && !report.unread.has([...step.at, "depends_on"]))
      report.addStep(step, "is a join and has no depends_on list; name the steps whose results it joins", [
        "action",
      ]);
}

/** Names in `depends_on` that mean no earlier step. */
export function checkReferences(graph: StepGraph, report: Report): void {
  const cycle = cycleOf(graph);
  for (const step of graph.scope.steps)
    for (const [at, id] of step.dependsOn.entries()) {
      const path = ["depends_on", at];
      if (report.unread.has([...step.at, ...path])) continue;
      const wrong = (message: string): void => {
        report.addStep(step, message, path);
      };
      const found = graph.step(id);
      if (step.dependsOn.indexOf(id) < at) wrong(`names "${id}" twice in depends_on`);
      else if (id === step.id) wrong("depends on itself; take it out");
      else if (found === undefined) {
        if (!graph.scope.hasUnnamed)
          wrong(
            `depends on "${id}", which is not declared in ${graph.scope.label}${didYouMean(id, graph.idsBefore(step))}`,
          );
      } else if (found.index > step.index)
        wrong(`depends on "${id}", which is declared later${remedy(step, found, cycle)}`);
    }
}

/** To move it up helps only if it can stand there. */
function remedy(step: Step, found: Step, cycle: readonly string[]): string {
  const isInCycle = cycle.some((id, at) => id === step.id && cycle[at + 1] === found.id);
  if (!isInCycle) return `; move "${found.id}" up`;
  return `, and they depend on each other: ${cycle.join(" needs ")}; take one of these out of depends_on`;
}

/** A circle, if there is one, among the steps whose names mean one step. */
function cycleOf(graph: StepGraph): readonly string[] {
  const steps = graph.scope.steps.filter((step) => graph.step(step.id) === step);
  const known = (step: Step): string[] =>
    [...new Set(step.dependsOn)].filter((id) => id !== step.id && graph.step(id) !== undefined);
  return cycleIn(steps.map((step) => [step.id, known(step)])) ?? [];
}
