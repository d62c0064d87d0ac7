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
