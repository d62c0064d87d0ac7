import type { Path } from "../../file/source-file.js";
import type { Condition } from "./condition.js";
import type { Step } from "./model.js";
import type { Template } from "./template.js";

/** A template, and where it stands. */
export interface Use {
  readonly template: Template | undefined;
  /** Where it is in the file. */
  readonly at: Path;
  /** Whether the step itself is over by then. */
  readonly isAfter: boolean;
}

/** All templates of a step and of what runs as a part of it, with where they stand. */
export function usesIn(step: Step): Use[] {
  return [
    ...step.before.flatMap((each) => ownUses(each, false)),
    ...ownUses(step, false),
    ...step.then.flatMap((each) => ownUses(each, true)),
  ];
}

function ownUses(step: Step, isAfter: boolean): Use[] {
  const uses: Use[] = [];
  const add = (template: Template | undefined, place: Path, after = isAfter): void => {
    uses.push({ template, at: place, isAfter: after });
  };
  const addCondition = (condition: Condition, place: Path, after?: boolean): void => {
    if (condition.kind !== "comparison") return;
    add(condition.left, place, after);
    add(condition.right, place, after);
  };
  const { at, body, runner, gate } = step;
  if (body.kind === "prompt") add(body.prompt, [...at, "prompt"]);
  if (body.kind === "shell") add(body.command, [...at, "context", "shell"]);
  if (body.kind === "pipeline") {
    add(body.target, [...at, "pipeline"]);
    add(body.prompt, [...at, "prompt"]);
  }
  addCondition(step.condition, [...at, "condition"]);
  add(runner.systemPrompt, [...at, "system_prompt"]);
  for (const each of runner.appendSystemPrompt ?? [])
    add(each.kind === "text" ? each.text : each.command, each.at);
  add(gate.message, [...at, "message"]);
  for (const { matcher, action, matcherAt, actionAt } of step.onResult) {
    if (matcher.kind === "expression") addCondition(matcher.condition, [...matcherAt, "expression"], true);
    add(action.target, [...actionAt, "action"], true);
    add(action.prompt, [...actionAt, "prompt"], true);
    add(action.message, [...actionAt, "message"], true);
  }
  return uses;
}
