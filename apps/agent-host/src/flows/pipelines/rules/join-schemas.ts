import { isJoin } from "../definition/model.js";
import type { Report } from "../definition/report.js";
import { requiredOf, typeMismatch, type SchemaObject, schemaObject } from "./schema-object.js";
import type { StepGraph } from "./step-graph.js";

/** Joins with a schema whose dependencies do not all have one. */
export function checkMixedJoins(graph: StepGraph, report: Report): void {
  for (const step of graph.scope.steps) {
    if (!isJoin(step) || step.outputSchema === undefined || graph.isGuess(step)) continue;
    const plain = graph
      .dependencies(step)
      .find(
        ({ outputSchema, at }) => outputSchema === undefined && !report.unread.has([...at, "output_schema"]),
      );
    if (plain !== undefined)
      report.addStep(
        step,
        `has an output_schema, but its dependency "${plain.id}" does not declare output_schema; a structured join needs one of each`,
        ["output_schema"],
        { at: "key" },
      );
  }
}

/** What a structured join's schema says of its dependencies, beside what these say of themselves. */
export function checkJoinShapes(graph: StepGraph, report: Report): void {
  for (const step of graph.scope.steps) {
    const schema = isJoin(step) ? schemaObject(step.outputSchema) : undefined;
    const dependencies = graph.dependencies(step);
    if (schema === undefined || graph.isGuess(step)) continue;
    const wrong = (message: string, field: readonly string[]): void => {
      report.addStep(step, message, ["output_schema", ...field], { code: "schema/compatibility-failed" });
    };
    for (const each of dependencies) {
      const produced = schemaObject(each.outputSchema);
      const expected = schemaObject(schema.properties?.[each.id]);
      if (expected === undefined || produced === undefined) continue;
      const path = ["properties", each.id];
      const mismatch = typeMismatch(produced, expected);
      if (mismatch !== undefined)
        wrong(`expects ${mismatch[1]} from "${each.id}", whose output_schema says ${mismatch[0]}`, [
          ...path,
          "type",
        ]);
      for (const name of missing(produced, expected))
        wrong(`requires the field "${name}" of "${each.id}", which its output_schema does not list`, [
          ...path,
          "required",
        ]);
    }
    for (const name of requiredOf(schema))
      if (!graph.names(step).includes(name))
        wrong(`requires the field "${name}", which is none of its dependencies`, ["required"]);
    if (schema.additionalProperties === false)
      for (const { id } of dependencies)
        if (!Object.hasOwn(schema.properties ?? {}, id))
          wrong(`allows no additionalProperties and does not list its dependency "${id}"`, [
            "additionalProperties",
          ]);
  }
}

/** What is required of somebody who lists what there is, and is not on the list. */
export function missing(produced: SchemaObject, expected: SchemaObject): string[] {
  const { properties } = produced;
  if (properties === undefined) return [];
  return requiredOf(expected).filter((name) => !Object.hasOwn(properties, name));
}
