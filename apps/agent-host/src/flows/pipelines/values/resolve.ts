import { invocationPrompt, type Reference, type Template } from "../definition/template.js";
import { Envelope } from "./envelope.js";
import { jsonTextOf, type StepRecord, textOf } from "./record.js";
import { StepError } from "./step-error.js";
import type { View } from "./view.js";

/** What templates can name besides steps. */
export interface Surroundings {
  readonly runId: string;
  /** What the run was asked for. */
  readonly invocation: string;
  readonly inputs: ReadonlyMap<string, string>;
}

/** The text of a template. Throws `StepError` for what cannot be resolved. */
export function resolveTemplate({ parts }: Template, view: View, around: Surroundings): string {
  return parts
    .map((part) => (typeof part === "string" ? part : resolveReference(part, view, around)))
    .join("");
}

/** What a reference stands for. Throws `StepError` if that is nothing. */
export function resolveReference(reference: Reference, view: View, around: Surroundings): string {
  const value = lookUp(reference, view, around);
  if (typeof value === "string") return value;
  throw new StepError(
    "template/unresolved-variable",
    `{{ ${reference.name} }} cannot be resolved: ${value.why}`,
  );
}

type StepReference = Extract<Reference, { kind: "step" }>;

interface Unresolved {
  readonly why: string;
}

function lookUp(reference: Reference, view: View, around: Surroundings): string | Unresolved {
  switch (reference.kind) {
    case "last_response":
      return (view.last && textOf(view.last)) ?? { why: "no step before this one has a response" };
    case "run_id":
      return around.runId;
    case "input":
      return around.inputs.get(reference.key) ?? { why: `give it with --set ${reference.key}=…` };
    case "step":
      return lookUpStep(reference, view, around);
  }
}

function lookUpStep(
  { name, id, path }: StepReference,
  view: View,
  { invocation }: Surroundings,
): string | Unresolved {
  const record = view.find(id);
  if (record === undefined) {
    if (name === invocationPrompt) return invocation;
    return { why: `step "${id}" has no result: it was skipped, failed, or is not over` };
  }
  const [field = ""] = path;
  if (path.length === 1 && reserved.has(field))
    return fieldOf(record, field) ?? { why: `step "${id}" has no ${field}` };
  return lookUpJson(record, path);
}

const reserved = new Set([
  ...["prompt", "response", "result", "stdout", "stderr", "exit_code"],
  ...["modified", "index", "items", "tool_calls"],
]);

function fieldOf(record: StepRecord, field: string): string | null {
  switch (field) {
    case "prompt":
      return record.prompt;
    case "response":
      return record.response;
    case "result":
      return textOf(record);
    case "stdout":
      return record.stdout;
    case "stderr":
      return record.stderr;
    case "exit_code":
      return record.exitCode === null ? null : String(record.exitCode);
    case "items":
      return itemsOf(record);
    case "tool_calls":
      return JSON.stringify(record.toolEvents);
    default:
      return null;
  }
}

function itemsOf(record: StepRecord): string | null {
  const value = parsed(jsonTextOf(record));
  return Array.isArray(value) ? JSON.stringify(value) : null;
}

function lookUpJson(record: StepRecord, path: readonly string[]): string | Unresolved {
  const { stepId, join } = record;
  const entries = join?.entries;
  // Of a structured join the first segment is a dependency, and "response" after that is all of its output.
  if (entries !== undefined) {
    const [dependency = "", ...inner] = path;
    if (!entries.has(dependency)) return { why: `"${dependency}" is no dependency of the join "${stepId}"` };
    const output = entries.get(dependency);
    const hasFailed = output instanceof Envelope;
    const isWhole = inner.length === 0 || (inner.length === 1 && inner[0] === "response");
    const found = isWhole ? output : valueAt(output, inner);
    if (hasFailed && (isWhole || found === undefined)) return { why: `"${dependency}" has failed` };
    return shown(found, path, stepId);
  }
  const value = parsed(jsonTextOf(record));
  if (value === undefined) return { why: `the output of step "${stepId}" is no JSON` };
  return shown(valueAt(value, path), path, stepId);
}

function shown(found: unknown, path: readonly string[], stepId: string): string | Unresolved {
  if (found === undefined) return { why: `the output of step "${stepId}" has no ${path.join(".")}` };
  return typeof found === "string" ? found : JSON.stringify(found);
}

/** What stands there, or `undefined`. Only what the data itself has; elements of a list by their number. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const segment of path) {
    if (typeof at !== "object" || at === null) return undefined;
    // The length of a list is its own, too, and is no data.
    if (!Object.prototype.propertyIsEnumerable.call(at, segment)) return undefined;
    at = (at as Record<string, unknown>)[segment];
  }
  return at;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
