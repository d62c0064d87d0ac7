import type { Problem } from "../../file/problem.js";
import type { Path, SourceFile } from "../../file/source-file.js";

export type Severity = "error" | "warning" | "note";

/** What each kind of finding is: an error keeps the flow from running. */
export const severities = {
  missing_tool: "error",
  missing_fallback_tool: "error",
  unknown_schema: "error",
  unknown_target_key: "error",
  missing_mapping_key: "error",
  type_mismatch: "error",
  missing_required_input: "error",
  unknown_output_key: "error",
  output_schema_gap: "error",
  output_type_mismatch: "error",
  fallback_unknown_target_key: "error",
  fallback_type_mismatch: "error",
  fallback_missing_required_input: "error",
  fallback_output_missing_mapped_key: "error",
  sibling_collision: "error",
  context_collision: "warning",
  shadowed_key: "warning",
  unsafe_retry: "warning",
  fallback_output_shape_divergence: "warning",
  fallback_output_type_mismatch: "warning",
  unknown_contribution: "note",
} as const satisfies Record<string, Severity>;

export type IssueType = keyof typeof severities;

/** Something about a flow that can be seen without running it. */
export interface Finding {
  /** The number of steps for what is about the whole flow. */
  readonly step_index: number;
  readonly tool_name: string | null;
  readonly field_name: string | null;
  readonly issue_type: IssueType;
  readonly detail: string;
  /** Where in the file. */
  readonly path: Path;
}

export function isError({ issue_type }: Finding): boolean {
  return severities[issue_type] === "error";
}

/** The same with file, line and column. */
export function toProblem({ issue_type, detail, path }: Finding, file: SourceFile): Problem {
  return file.problem(`flow/${issue_type}`, `${severities[issue_type]}: ${detail}`, path);
}
