import { isDeepStrictEqual } from "node:util";
import type { Matcher, ResultAction, ResultRule } from "../definition/model.js";
import { holds } from "./evaluate.js";
import { type StepRecord, textOf } from "./record.js";
import { type Surroundings, valueAt } from "./resolve.js";
import type { View } from "./view.js";

/** What `on_result` looks at. */
export interface Result {
  readonly record: StepRecord;
  /** What `field` looks into: the output of a join, the input of any other step. */
  readonly fields: unknown;
  /** What `expression` can see: the record is in it. */
  readonly view: View;
}

/** What the first rule that matches says. Throws `StepError` for an expression that cannot be evaluated. */
export function actionFor(
  rules: readonly ResultRule[],
  result: Result,
  around: Surroundings,
): ResultAction | undefined {
  return rules.find(({ matcher }) => matches(matcher, result, around))?.action;
}

function matches(matcher: Matcher, { record, fields, view }: Result, around: Surroundings): boolean {
  switch (matcher.kind) {
    case "always":
      return true;
    case "contains":
      return (textOf(record) ?? "").toLowerCase().includes(matcher.text.toLowerCase());
    case "exit_code":
      return record.exitCode !== null && (matcher.code === "any" || matcher.code === record.exitCode);
    case "matches":
      return matcher.pattern.isIn(textOf(record) ?? "");
    case "expression":
      return holds(matcher.condition, view, around);
    case "field": {
      const found = valueAt(fields, matcher.path.split("."));
      return found !== undefined && isDeepStrictEqual(plain(found), plain(matcher.equals));
    }
  }
}

/** The same data, whatever made it: objects of a file have no prototype. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null)) as unknown;
}
