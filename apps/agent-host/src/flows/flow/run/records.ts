import { errorCodes } from "./error-codes.js";
import type { FlowCollision } from "./events.js";

export type StepStatus = "succeeded" | "failed" | "cancelled" | "not_started";

/** What became of one step. Plain data, which JSON gives back as it was. */
export interface StepRecord {
  /** Where it was declared; −1 is the check of the flow's input, the number of steps the check of its output. */
  readonly step_index: number;
  readonly step_id: string | null;
  readonly flow_name: string;
  /** The step's own tool, also where another one ran in its place. */
  readonly tool_name: string | null;
  readonly level: number | null;
  readonly status: StepStatus;
  readonly success: boolean;
  readonly inputs: Readonly<Record<string, unknown>> | null;
  /** As the tool made it, before output_mapping. */
  readonly outputs: Readonly<Record<string, unknown>> | null;
  readonly error_type: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  /** When all that it depends on was done. */
  readonly launched_at: string | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly duration_ms: number | null;
  /** How long it could have run and waited for steps of its level that it does not depend on. */
  readonly barrier_ms: number | null;
  /** The lowest number that no other step had while it ran. */
  readonly worker_slot: number | null;
  readonly retry_count: number;
  readonly retry_errors: readonly string[];
  /** It failed, and the flow goes on without it. */
  readonly skipped: boolean;
  readonly cached: boolean;
  readonly fallback_used: boolean;
  readonly fallback_tool_name: string | null;
}

/** What came of a run. */
export interface RunResult {
  readonly trace_schema_version: "1.1";
  readonly trace_id: string;
  readonly flow_name: string;
  readonly flow_version: string;
  readonly success: boolean;
  readonly initial_input: Readonly<Record<string, unknown>>;
  readonly final_output: Readonly<Record<string, unknown>> | null;
  /** In the order in which the steps would run one at a time; all of them, also those that never started. */
  readonly execution_log: readonly StepRecord[];
  /** The step that the run failed of. */
  readonly failed_step: number | null;
  readonly collisions: readonly FlowCollision[];
  readonly started_at: string;
  readonly ended_at: string;
  /** Of a run that was resumed, the part since then. */
  readonly total_duration_ms: number;
  readonly cost_report: CostReport;
}

export interface CostReport {
  /** How often a tool was called, retries and fallbacks included. */
  readonly tool_calls: number;
  readonly retries: number;
  readonly cache_hits: number;
  /** Time that steps waited only because of their level; `scheduling: ready` would save it. */
  readonly barrier_ms: number;
}

/** A name and a code of an error, as records have them. */
export function errorFields(error: unknown): Pick<StepRecord, "error_type" | "error_code" | "error_message"> {
  if (!(error instanceof Error))
    return { error_type: typeof error, error_code: null, error_message: String(error) };
  const codes: Readonly<Record<string, string>> = errorCodes;
  return {
    error_type: error.name,
    error_code: codes[error.name] ?? null,
    error_message: error.message,
  };
}

export function costOf(records: readonly StepRecord[], toolCalls: number): CostReport {
  const sum = (of: (record: StepRecord) => number): number =>
    records.reduce((total, record) => total + of(record), 0);
  return {
    tool_calls: toolCalls,
    retries: sum(({ retry_count }) => retry_count),
    cache_hits: sum(({ cached }) => Number(cached)),
    barrier_ms: sum(({ barrier_ms }) => barrier_ms ?? 0),
  };
}
