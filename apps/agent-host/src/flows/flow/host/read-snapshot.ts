import { UnusableCheckpointError } from "../../checkpoints/unusable-checkpoint.js";
import { JsonSchema } from "../../json-schema.js";
import { checkFormat } from "../run/admission.js";
import { advanced, type Progress, type Snapshot } from "../run/checkpoint.js";

/**
 * Reads the lines of a checkpoint: a snapshot, and what has been done since. `path` is where they stand.
 *
 * @throws `UnusableCheckpointError` if they are something else, `CheckpointVersionError` if another version wrote them.
 */
export function readSnapshot([first, ...rest]: readonly string[], traceId: string, path: string): Snapshot {
  const damaged = (why: string): UnusableCheckpointError =>
    UnusableCheckpointError.damaged(traceId, `it is damaged (${why})`, path);
  const checked = (line: string, number: number, schema: JsonSchema): unknown => {
    const value = parsed(line, (why) => damaged(`line ${number}: ${why}`));
    const [error] = schema.errors(value);
    if (error !== undefined) throw damaged(`line ${number}: ${error}`);
    return value;
  };
  if (first === undefined) throw damaged("it has no whole line");
  const head = parsed(first, (why) => damaged(`line 1: ${why}`));
  if ((Object(head) as { kind?: unknown }).kind !== undefined)
    throw UnusableCheckpointError.otherKind(traceId, "flow");
  // Another version may have another shape.
  checkFormat(checked(first, 1, formatSchema) as Snapshot);
  const snapshot = checked(first, 1, snapshotSchema) as Snapshot;
  if (snapshot.trace_id !== traceId) throw damaged(`it is one of run ${snapshot.trace_id}`);
  const later = rest.map((line, index) => checked(line, index + 2, progressSchema) as Progress);
  return advanced(snapshot, later);
}

function parsed(line: string, refused: (why: string) => Error): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw refused(`it is no JSON (${(error as Error).message})`);
  }
}

const text = { type: "string" } as const;
const texts = { type: "object", additionalProperties: text } as const;

const progress = {
  sequence: { type: "integer", minimum: 0 },
  steps: {
    type: "object",
    additionalProperties: {
      type: "object",
      required: ["contribution", "record"],
      properties: {
        contribution: { type: ["object", "null"] },
        record: {
          type: "object",
          required: ["step_index", "status", "success", "skipped", "cached", "retry_count"],
          properties: { step_index: { type: "integer" }, success: { const: true } },
        },
      },
    },
  },
} as const;

const format = { trace_id: text, flow_name: text, format_version: text } as const;

const whole = {
  ...format,
  ...progress,
  flow_version: text,
  definition_digest: text,
  tool_hashes: texts,
  started_at: text,
  initial_input: { type: "object" },
  param_names: { type: "array", items: text },
} as const;

const formatSchema = schemaOf(format);
const progressSchema = schemaOf(progress);
const snapshotSchema = schemaOf(whole);

function schemaOf(properties: object): JsonSchema {
  return new JsonSchema({ type: "object", required: Object.keys(properties), properties });
}
