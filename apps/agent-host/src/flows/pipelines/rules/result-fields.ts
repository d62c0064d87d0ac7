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
  const name = isJoin(step) ? "output_schema" : "input_schema";
  const schema = isJoin(step) ? step.outputSchema : step.inputSchema;
  for (const { matcher } of step.onResult) {
    if (matcher.kind !== "field") continue;
    if (schema === undefined)
      report.addStep(step, `looks at the field "${matcher.path}" in on_result, which needs an ${name}`, [
        "on_result",
      ]);
    else if (!knows(schema.source, matcher.path.split(".")))
      report.addStep(step, `looks at the field "${matcher.path}" in on_result, which is not in its ${name}`, [
        "on_result",
      ]);
  }
}

function knows(schema: unknown, [first, ...rest]: readonly string[]): boolean {
  const object = schemaObject(schema);
  if (first === undefined || object === undefined) return first === undefined;
  const { properties = {} } = object;
  if (Object.hasOwn(properties, first)) return knows(properties[first], rest);
  return rest.length === 0 && requiredOf(object).includes(first);
}
