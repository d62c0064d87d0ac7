import { isJoin, type Step } from "../definition/model.js";
import type { Report } from "../definition/report.js";
import { requiredOf, schemaObject } from "./schema-object.js";
import type { StepGraph } from "./step-graph.js";

/** Fields that `on_result` looks at, and that no schema knows. */
export function checkResultFields({ scope }: StepGraph, report: Report): void {
  for (const step of scope.steps)
    for (const each of [...step.before, step, ...step.then]) checkStep(each, report);
}

function checkStep(step: Step, report: Report): void {
  const { unread } = report;
  // It may be a join.
  if (unread.has([...step.at, "action"])) return;
  const name = isJoin(step) ? "output_schema" : "input_schema";
  const schema = isJoin(step) ? step.outputSchema : step.inputSchema;
  for (const { matcher, matcherAt } of step.onResult) {
    if (matcher.kind !== "field" || unread.has([...step.at, name])) continue;
    const wrong = (what: string): void => {
      report.add(`step "${step.id}" looks at the field "${matcher.path}" in on_result, which ${what}`, [
        ...matcherAt,
        "field",
      ]);
    };
    if (schema === undefined) wrong(`needs an ${name}`);
    else if (!knows(schema.source, matcher.path.split("."))) wrong(`is not in its ${name}`);
  }
}

function knows(schema: unknown, [first, ...rest]: readonly string[]): boolean {
  const object = schemaObject(schema);
  if (first === undefined || object === undefined) return first === undefined;
  const { properties = {} } = object;
  if (Object.hasOwn(properties, first)) return knows(properties[first], rest);
  return rest.length === 0 && requiredOf(object).includes(first);
}
