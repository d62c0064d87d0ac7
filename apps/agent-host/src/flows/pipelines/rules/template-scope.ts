import type { Path } from "../../file/source-file.js";
import { didYouMean } from "../../file/suggestion.js";
import type { Condition } from "../definition/condition.js";
import type { Step } from "../definition/model.js";
import type { Report } from "../definition/report.js";
import { referencesOf, type Template } from "../definition/template.js";
import type { StepGraph } from "./step-graph.js";

/** Templates that name a step which they cannot see, or which is not there. */
export function checkTemplates(graph: StepGraph, report: Report): void {
  for (const step of graph.scope.steps)
    for (const use of usesIn(step)) {
      for (const reference of referencesOf(use.template)) {
        if (reference.kind !== "step" || reference.id === "invocation") continue;
        const message = problemWith(reference.id, step, use, graph);
        if (message !== undefined)
          report.addStep(step, `uses {{ ${reference.name} }}, but ${message}`, use.field, {
            code: "template/unresolved-variable",
          });
      }
    }
}

interface Use {
  readonly template: Template | undefined;
  readonly field: Path;
  /** Whether the step itself is over by then. */
  readonly isAfter: boolean;
}

function problemWith(id: string, step: Step, { isAfter }: Use, graph: StepGraph): string | undefined {
  const found = graph.step(id) ?? followUpOf(id, graph);
  if (found === undefined) {
    const ids = graph.scope.steps.map((each) => each.id);
    return `there is no step "${id}" in ${graph.scope.label}${didYouMean(id, ids)}`;
  }
  if (found === step) return isAfter ? undefined : `"${id}" is this step itself, which has no result yet`;
  if (found.index > step.index) return `"${id}" is declared later; move "${id}" up`;
  if (graph.isOver(found, step)) return undefined;
  return `"${id}" is async and nothing between them waits for it: name "${id}" in depends_on of "${step.id}", or put a join before it`;
}

/** The record of a pipeline that `on_result` of a step has called. */
function followUpOf(id: string, graph: StepGraph): Step | undefined {
  const [, caller] = /^(.*)__on_result$/.exec(id) ?? [];
  const step = caller === undefined ? undefined : graph.step(caller);
  return step?.onResult.some(({ action }) => action.kind === "pipeline") === true ? step : undefined;
}

/** All templates of a step and of what runs as a part of it, with where they stand. */
function usesIn(step: Step): Use[] {
  return [
    ...step.before.flatMap((each, index) => within(["before", index], ownUses(each, false))),
    ...ownUses(step, false),
    ...step.then.flatMap((each, index) => within(["then", index], ownUses(each, true))),
  ];
}

function within(path: Path, uses: readonly Use[]): Use[] {
  return uses.map((use) => ({ ...use, field: [...path, ...use.field] }));
}

function ownUses(step: Step, isAfter: boolean): Use[] {
  const uses: Use[] = [];
  const add = (template: Template | undefined, field: Path, after = isAfter): void => {
    uses.push({ template, field, isAfter: after });
  };
  const addCondition = (condition: Condition, field: Path, after?: boolean): void => {
    if (condition.kind !== "comparison") return;
    add(condition.left, field, after);
    add(condition.right, field, after);
  };
  const { body, runner, gate } = step;
  if (body.kind === "prompt") add(body.prompt, ["prompt"]);
  if (body.kind === "shell") add(body.command, ["context", "shell"]);
  if (body.kind === "pipeline") {
    add(body.target, ["pipeline"]);
    add(body.prompt, ["prompt"]);
  }
  addCondition(step.condition, ["condition"]);
  add(runner.systemPrompt, ["system_prompt"]);
  for (const each of runner.appendSystemPrompt ?? [])
    add(each.kind === "text" ? each.text : each.command, ["append_system_prompt"]);
  add(gate.message, ["message"]);
  for (const [index, { matcher, action }] of step.onResult.entries()) {
    const field = ["on_result", index];
    if (matcher.kind === "expression") addCondition(matcher.condition, field, true);
    add(action.target, field, true);
    add(action.prompt, field, true);
    add(action.message, field, true);
  }
  return uses;
}
