import type { Path } from "../../file/source-file.js";
import { didYouMean } from "../../file/suggestion.js";
import type { Unread } from "../../file/unread.js";
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
        const message = problemWith(reference.id, step, use, graph, report);
        if (message !== undefined)
          report.add(`step "${step.id}" uses {{ ${reference.name} }}, but ${message}`, use.at, {
            code: "template/unresolved-variable",
          });
      }
    }
}

interface Use {
  readonly template: Template | undefined;
  /** Where it is in the file. */
  readonly at: Path;
  /** Whether the step itself is over by then. */
  readonly isAfter: boolean;
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
    return step.dependsOn.includes(id) ? undefined : `"${id}" is declared later; move "${id}" up`;
  if (graph.isOver(found, step)) return undefined;
  return `"${id}" is async and nothing between them waits for it: name "${id}" in depends_on of "${step.id}", or put a join before it`;
}

/** The record of a pipeline that `on_result` of a step has called. */
function followUpOf(id: string, graph: StepGraph, unread: Unread): Step | undefined {
  const [, caller] = /^(.*)__on_result$/.exec(id) ?? [];
  const step = caller === undefined ? undefined : graph.step(caller);
  if (step === undefined) return undefined;
  const calls = step.onResult.some(({ action }) => action.kind === "pipeline");
  return calls || unread.has([...step.at, "on_result"]) ? step : undefined;
}

/** All templates of a step and of what runs as a part of it, with where they stand. */
function usesIn(step: Step): Use[] {
  return [
    ...step.before.flatMap((each) => ownUses(each, false)),
    ...ownUses(step, false),
    ...step.then.flatMap((each) => ownUses(each, true)),
  ];
}

function ownUses(step: Step, isAfter: boolean): Use[] {
  const uses: Use[] = [];
  const add = (template: Template | undefined, field: Path, after = isAfter): void => {
    uses.push({ template, at: [...step.at, ...field], isAfter: after });
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
  for (const { matcher, action, at } of step.onResult) {
    const field = at.slice(step.at.length);
    if (matcher.kind === "expression") addCondition(matcher.condition, field, true);
    add(action.target, field, true);
    add(action.prompt, field, true);
    add(action.message, field, true);
  }
  return uses;
}
