import { Envelope } from "../values/envelope.js";
import type { StepRecord } from "../values/record.js";
import { type ErrorType, StepError } from "../values/step-error.js";
import type { BodyNote, EndNote, JournalChange } from "./journal.js";

/** A journal as JSON: lists of pairs, since an object would change the order of ids that look like numbers. */
export interface SavedJournal {
  readonly bodies: readonly (readonly [string, SavedBody])[];
  readonly answers: readonly string[];
  readonly ends: readonly (readonly [string, SavedEnd])[];
  readonly groups: readonly (readonly [string, string])[];
  readonly called: readonly (readonly [string, SavedJournal])[];
}

/** A change of a journal as JSON, with where it is: the bodies that call the pipeline whose journal it is. */
export type SavedChange = { readonly within: readonly string[] } & (
  | { readonly kind: "body"; readonly key: string; readonly note: SavedBody }
  | { readonly kind: "end"; readonly id: string; readonly note: SavedEnd }
  | Exclude<JournalChange, { readonly kind: "body" | "end" }>
);

interface SavedError {
  readonly type: ErrorType;
  readonly message: string;
  readonly step_id: string | undefined;
}

type SavedBody = { readonly record: SavedRecord } | { readonly error: SavedError };
type SavedRecord = Omit<StepRecord, "join"> & { readonly join: SavedJoin | undefined };
type Join = NonNullable<StepRecord["join"]>;
type SavedJoin = Omit<Join, "entries"> & { readonly entries: readonly SavedEntry[] | undefined };
type SavedEntry = readonly [string, { readonly value: unknown } | { readonly error: SavedError }];
type SavedEnd = Omit<EndNote, "error"> & { readonly error?: SavedError };

export function savedChange(change: JournalChange, within: readonly string[]): SavedChange {
  switch (change.kind) {
    case "body":
      return { within, ...change, note: savedBody(change.note) };
    case "end":
      return { within, ...change, note: savedEnd(change.note) };
    default:
      return { within, ...change };
  }
}

export function readChange(saved: SavedChange): JournalChange {
  switch (saved.kind) {
    case "body":
      return { ...saved, note: readBody(saved.note) };
    case "end":
      return { ...saved, note: readEnd(saved.note) };
    default:
      return saved;
  }
}

export function savedBody({ record, error }: BodyNote): SavedBody {
  return record === undefined ? { error: savedError(error) } : { record: savedRecord(record) };
}

export function readBody(saved: SavedBody): BodyNote {
  return "error" in saved ? { error: readError(saved.error) } : { record: readRecord(saved.record) };
}

export function savedEnd(end: EndNote): SavedEnd {
  return end.kind === "completed" ? end : { ...end, error: savedError(end.error) };
}

export function readEnd(saved: SavedEnd): EndNote {
  const { error, ...end } = saved;
  return (error === undefined ? end : { ...end, error: readError(error) }) as EndNote;
}

function savedError({ type, message, stepId }: StepError): SavedError {
  return { type, message, step_id: stepId };
}

function readError({ type, message, step_id: stepId }: SavedError): StepError {
  return new StepError(type, message, { stepId });
}

function savedRecord({ join, ...record }: StepRecord): SavedRecord {
  const entries = join?.entries && [...join.entries].map(savedEntry);
  return { ...record, join: join && { ...join, entries } };
}

function readRecord({ join, ...record }: SavedRecord): StepRecord {
  const entries = join?.entries && new Map(join.entries.map(readEntry));
  return { ...record, join: join && { ...join, entries } };
}

/** What stands there for a failure is no value. */
function savedEntry([id, value]: readonly [string, unknown]): SavedEntry {
  if (!(value instanceof Envelope)) return [id, { value }];
  return [id, { error: { type: value.error_type, message: value.error, step_id: undefined } }];
}

function readEntry([id, entry]: SavedEntry): [string, unknown] {
  return [id, "error" in entry ? new Envelope(readError(entry.error)) : entry.value];
}
