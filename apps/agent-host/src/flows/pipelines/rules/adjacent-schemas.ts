import type { Step } from "../definition/model.js";
import type { Report } from "../definition/report.js";
import { missing } from "./join-schemas.js";
import { schemaObject, typeMismatch } from "./schema-object.js";
import type { StepGraph } from "./step-graph.js";

/** What a step expects of the response before it, beside what whoever gives that says of it. */
export function checkAdjacentSchemas(graph: StepGraph, report: Report): void {
  for (const step of graph.scope.steps) {
    const producer = graph.predecessor(step);
    if (!isSure(step, producer, report)) continue;
    const produced = schemaObject(producer?.outputSchema);
    const expected = schemaObject(step.inputSchema);
    if (producer === undefined || produced === undefined || expected === undefined) continue;
    const wrong = (message: string, field: string): void => {
      report.addStep(step, message, ["input_schema", field], { code: "schema/compatibility-failed" });
    };
    const mismatch = typeMismatch(produced, expected);
    if (mismatch !== undefined)
      wrong(
        `expects ${mismatch[1]}, but the output_schema of "${producer.id}" before it says ${mismatch[0]}`,
        "type",
      );
    for (const name of missing(produced, expected))
      wrong(
        `requires the field "${name}", which the output_schema of "${producer.id}" before it does not list`,
        "required",
      );
  }
}

/** Whether one can tell who comes before a step. */
function isSure(step: Step, producer: Step | undefined, { unread }: Report): boolean {
  const { at } = step;
  return ![
    [...at, "depends_on"],
    [...at, "action"],
    [...(producer?.at ?? at), "async"],
  ].some((path) => unread.has(path));
}
