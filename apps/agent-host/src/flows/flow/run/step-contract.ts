import type { Step } from "../definition/definition.js";
import { validatorAt } from "../definition/schema-refs.js";
import { ContractError } from "./step-errors.js";
import type { StepSettings } from "./step-settings.js";

/** Throws `ContractError` if a step's input or output is not what it promises. */
export function checkContract(
  which: "input" | "output",
  value: unknown,
  step: Step,
  { flow, schemas }: StepSettings,
): void {
  const errors = validatorAt(flow, step[`${which}_contract`], schemas)?.errors(value) ?? [];
  if (errors.length > 0) throw new ContractError(which, errors);
}
