import { type HostSchemas, validatorAt } from "../definition/schema-refs.js";
import type { FlowDefinition } from "../definition/definition.js";
import { errorFields, type StepRecord } from "./records.js";
import { SchemaValidationError } from "./step-errors.js";

/** A record of what failed beside the steps. */
export function recordOfFlow({ name }: FlowDefinition, index: number, error: Error): StepRecord {
  return { ...ofNoStep, step_index: index, flow_name: name, ...errorFields(error) };
}

/** A record of what is wrong with a value by the schema that the flow names for it, if something is. */
export function recordIfUnfit(
  which: "input" | "output" | "context",
  value: unknown,
  index: number,
  ref: string | null,
  { flow, schemas }: { readonly flow: FlowDefinition; readonly schemas: HostSchemas },
): StepRecord | undefined {
  const errors = validatorAt(flow, ref, schemas)?.errors(value) ?? [];
  if (errors.length === 0) return undefined;
  return recordOfFlow(flow, index, new SchemaValidationError(null, which, errors));
}

const ofNoStep = {
  step_id: null,
  tool_name: null,
  level: null,
  status: "failed",
  success: false,
  inputs: null,
  outputs: null,
  launched_at: null,
  started_at: null,
  completed_at: null,
  duration_ms: null,
  barrier_ms: null,
  worker_slot: null,
  retry_count: 0,
  retry_errors: [],
  skipped: false,
  cached: false,
  fallback_used: false,
  fallback_tool_name: null,
} as const satisfies Partial<StepRecord>;
