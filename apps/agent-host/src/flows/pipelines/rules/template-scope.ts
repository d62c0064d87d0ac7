import { didYouMean } from "../../file/suggestion.js";
import type { Unread } from "../../file/unread.js";
import type { Step } from "../definition/model.js";
import type { Report } from "../definition/report.js";
import { invocationPrompt, referencesOf } from "../definition/template.js";
import { type Use, usesIn } from "../definition/uses.js";
import type { StepGraph } from "./step-graph.js";

/** Templates that name a step which they cannot see, or which is not there. */
export function checkTemplates(graph: StepGraph, report: Report): void {
  for (const step of graph.scope.steps)
    for (const use of usesIn(step)) {
      for (const reference of referencesOf(use.template)) {
        if (reference.kind !== "step" || reference.name === invocationPrompt) continue;
        const message = problemWith(reference.id, step, use, graph, report);
        if (message !== undefined)
          report.add(`step "${step.id}" uses {{ ${reference.name} }}, but ${message}`, use.at, {
            code: "template/unresolved-variable",
          });
      }
    }
}

function problemWith(
  id: string,
  step: Step,
  { isAfter }: Use,
  graph: StepGraph,
  { unread }: Report,
): string | undefined {
  const found = graph.step(id) ?? followUpOf(id, graph, unread);
  if (found === undefined) {
    if (graph.scope.hasUnnamed) return undefined;
    const ids = graph.scope.steps.map((each) => each.id);
    return `there is no step "${id}" in ${graph.scope.label}${didYouMean(id, ids)}`;
  }
  if (found === step) return isAfter ? undefined : `"${id}" is this step itself, which has no result yet`;
  if (found.index > step.index)
    // Where it is a dependency, that is told there.
    return step.dependsOn.includes(found.id) ? undefined : `"${id}" is declared later; move "${found.id}" up`;
  if (graph.isOver(found, step)) return undefined;
  return `"${id}" is async and nothing between them waits for it: name "${found.id}" in depends_on of "${step.id}", or put a join before it`;
}

const suffix = "__on_result";

/** The record of a pipeline that `on_result` of a step has called. */
function followUpOf(id: string, graph: StepGraph, unread: Unread): Step | undefined {
  const step = id.endsWith(suffix) ? graph.step(id.slice(0, -suffix.length)) : undefined;
  if (step === undefined) return undefined;
  const calls = step.onResult.some(({ action }) => action.kind === "pipeline");
  return calls || unread.has([...step.at, "on_result"]) ? step : undefined;
}
