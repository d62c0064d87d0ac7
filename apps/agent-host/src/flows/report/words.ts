import prettyMs from "pretty-ms";
import { type Ending, isWait, type Report, type Row, type RowStatus, type SpanKind } from "./report.js";

/** What it is called, and a sign that does without colour. */
interface Word {
  readonly word: string;
  readonly sign: string;
}

export const statusWords: Readonly<Record<RowStatus, Word>> = {
  done: { word: "done", sign: "✓" },
  done_before: { word: "done before", sign: "✓" },
  failed: { word: "failed", sign: "✕" },
  excused: { word: "failed, went on", sign: "!" },
  cancelled: { word: "cancelled", sign: "⊘" },
  skipped: { word: "skipped", sign: "↷" },
  open: { word: "not over", sign: "…" },
  not_reached: { word: "not reached", sign: "–" },
};

export const endingWords: Readonly<Record<Ending["status"], Word>> = {
  completed: { word: "Completed", sign: "✓" },
  break: { word: "Ended early", sign: "✓" },
  failed: { word: "Failed", sign: "✕" },
  cancelled: { word: "Cancelled", sign: "⊘" },
  open: { word: "Not over", sign: "…" },
};

export const spanWords: Readonly<Record<SpanKind, string>> = {
  dependencies: "waiting for other steps",
  slot: "waiting for a free place",
  exclusive: "waiting for an exclusive key",
  retry: "pause before the next attempt",
  cache: "waiting for the same result of another step",
  human: "waiting for a human",
  work: "running",
  attempt: "failed attempt",
  stopping: "being stopped",
};

export function duration(ms: number): string {
  return prettyMs(ms, { secondsDecimalDigits: 2 });
}

/** A tick of the axis, which has one digit after the point at most. */
export function tickLabel(ms: number): string {
  return prettyMs(ms);
}

/** To the second, in a time zone that does not depend on who looks. */
export function moment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Whether it ever began to work. */
export function hasWorked({ spans }: Row): boolean {
  return spans.some(({ kind }) => !isWait(kind));
}

/** Milliseconds that a step worked, or was being stopped. */
export function worked({ spans }: Row): number {
  return sum(spans.filter(({ kind }) => !isWait(kind)));
}

export function waited({ spans }: Row): number {
  return sum(spans.filter(({ kind }) => isWait(kind)));
}

function sum(spans: Row["spans"]): number {
  return spans.reduce((total, { from, to }) => total + to - from, 0);
}

/** How many steps of the file ended in each way. */
export function counts({ rows }: Report): ReadonlyMap<RowStatus, number> {
  const found = new Map<RowStatus, number>();
  for (const { depth, status } of rows) if (depth === 0) found.set(status, (found.get(status) ?? 0) + 1);
  return found;
}
