import type { JsonSchema } from "../../json-schema.js";
import type { Step } from "../definition/model.js";
import { jsonTextOf } from "../values/record.js";
import { type ErrorType, StepError } from "../values/step-error.js";
import type { View } from "../values/view.js";
import type { Made } from "./place.js";

/** What a step goes on with as data, if it says what that must be. Throws `StepError` if it is something else. */
export function checkInput({ id, inputSchema }: Step, { last }: View): unknown {
  if (inputSchema === undefined) return undefined;
  const type = "schema/input-validation-failed";
  const what = "does not get what its input_schema says";
  if (last === undefined)
    throw new StepError(type, `step "${id}" ${what}: no step before it has a response`, { stepId: id });
  return check(jsonTextOf(last), inputSchema, id, type, what);
}

/** Throws `StepError` if a step has made something else than it says. A join has its own rules for that, and has followed them. */
export function checkOutput({ id, outputSchema }: Step, { response, stdout, join }: Made): void {
  if (outputSchema === undefined || join !== undefined) return;
  const text = response ?? stdout ?? "";
  check(
    text,
    outputSchema,
    id,
    "schema/output-validation-failed",
    "has not made what its output_schema says",
  );
}

function check(text: string, schema: JsonSchema, stepId: string, type: ErrorType, what: string): unknown {
  const wrong = (why: string): StepError =>
    new StepError(type, `step "${stepId}" ${what}: ${why}`, { stepId });
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch (error) {
    throw wrong(`it is no JSON (${(error as Error).message})`);
  }
  const errors = schema.errors(value);
  if (errors.length > 0) throw wrong(errors.join("; "));
  return value;
}
