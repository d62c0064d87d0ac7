import { FileProblemsError } from "./problem.js";
import type { SourceFile } from "./source-file.js";

export type FileKind = "pipeline" | "flow";

/**
 * What a file describes: what its `kind` says; without one, a flow if it has the `type` that a flow has, and else a pipeline if it
 * has the list `pipeline`.
 *
 * @throws `FileProblemsError` if that cannot be told.
 */
export function kindOf(file: SourceFile): FileKind {
  const { value } = file;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw unknown(file, "the file must be a mapping (name: value)", []);
  const { kind, type } = value as Record<string, unknown>;
  if (kind === "pipeline" || kind === "flow") return kind;
  if (kind !== undefined) throw unknown(file, '"kind" must be "pipeline" or "flow"', ["kind"]);
  if (type === "Flow" || type === "DAGFlow") return "flow";
  if ("pipeline" in value) return "pipeline";
  throw unknown(file, 'this is neither a pipeline nor a flow: say "kind: pipeline" or "kind: flow"', []);
}

function unknown(file: SourceFile, message: string, path: readonly string[]): FileProblemsError {
  return new FileProblemsError([file.problem("config/validation-failed", message, path)]);
}
