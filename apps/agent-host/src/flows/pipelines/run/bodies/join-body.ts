import type { JoinPolicy, Step } from "../../definition/model.js";
import { type Contribution, joinEntries, joinJson, joinText, objectOf } from "../../values/join-outputs.js";
import { jsonTextOf, type StepRecord, textOf } from "../../values/record.js";
import { StepError } from "../../values/step-error.js";
import type { Made } from "../place.js";
import type { StepRun } from "../step-run.js";

/** Merges what the dependencies of a join have come to. Throws `StepError` if that is not what its schema says. */
export function joinOutputs(
  step: Step,
  policy: JoinPolicy,
  dependencies: readonly StepRun[],
  strict: boolean,
): Made {
  // Known before a run, so that a failure cannot turn one into the other.
  const isStructured = dependencies.every((run) => run.step.outputSchema !== undefined);
  const contributions = dependencies.map((run) => contributionOf(run, isStructured));
  const ids = (kind: string): string[] =>
    dependencies.filter(({ outcome }) => outcome?.kind === kind).map((run) => run.step.id);
  const join = {
    onError: policy,
    failed: [...ids("failed"), ...ids("absorbed")],
    cancelled: ids("cancelled"),
  };
  if (!isStructured)
    return { response: joinText(contributions), join: { ...join, mode: "text", entries: undefined } };
  const entries = joinEntries(contributions);
  checkJoined(step, contributions, entries, strict);
  return { response: joinJson(contributions), join: { ...join, mode: "structured", entries } };
}

function contributionOf({ step: { id }, outcome }: StepRun, isStructured: boolean): Contribution {
  switch (outcome?.kind) {
    case "completed":
      return isStructured ? valueOf(id, outcome.record) : said(id, outcome.record);
    case "absorbed":
    case "failed":
    case "cancelled":
      return { kind: "failed", id, error: outcome.error };
    default:
      return { kind: "skipped", id };
  }
}

function said(id: string, record: StepRecord): Contribution {
  const text = textOf(record);
  return text === null ? { kind: "skipped", id } : { kind: "text", id, text };
}

function valueOf(id: string, record: StepRecord): Contribution {
  const text = jsonTextOf(record);
  const value = JSON.parse(text) as unknown;
  // What a join has made is compact, and has its keys in an order that an object might not keep.
  return { kind: "value", id, value, json: record.join === undefined ? JSON.stringify(value) : text };
}

function checkJoined(
  { id, outputSchema }: Step,
  contributions: readonly Contribution[],
  entries: ReadonlyMap<string, unknown>,
  strict: boolean,
): void {
  // What stands there for a failure is for on_result to look at.
  const excused = strict
    ? []
    : contributions.filter(({ kind }) => kind === "failed" || kind === "skipped").map((each) => each.id);
  const errors = outputSchema?.errors(objectOf(entries), excused) ?? [];
  if (errors.length === 0) return;
  const message = `the join "${id}" has made something else than its output_schema says: ${errors.join("; ")}`;
  throw new StepError("schema/output-validation-failed", message, { stepId: id });
}
