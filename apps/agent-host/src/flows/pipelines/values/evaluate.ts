import type { Condition } from "../definition/condition.js";
import { Pattern } from "../definition/pattern.js";
import { resolveTemplate, type Surroundings } from "./resolve.js";
import { StepError } from "./step-error.js";
import type { View } from "./view.js";

/** Whether a condition holds. Throws `StepError` if it names what is not there. */
export function holds(condition: Condition, view: View, around: Surroundings): boolean {
  if (condition.kind !== "comparison") return condition.kind === "always";
  const { left, right, operator, pattern, source } = condition;
  try {
    const actual = resolveTemplate(left, view, around);
    const expected = resolveTemplate(right, view, around);
    switch (operator) {
      case "==":
        return actual === expected;
      case "!=":
        return actual !== expected;
      case "contains":
        return actual.includes(expected);
      case "starts_with":
        return actual.startsWith(expected);
      case "ends_with":
        return actual.endsWith(expected);
      case "matches":
        return (pattern ?? new Pattern(expected)).isIn(actual);
    }
  } catch (error) {
    throw new StepError(
      "condition/invalid",
      `the condition ${source} is not valid: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}
