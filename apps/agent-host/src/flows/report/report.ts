/** What a run came to, as one can look at it afterwards. Times are milliseconds since 1970. */
export interface Report {
  readonly kind: "pipeline" | "flow";
  readonly title: string;
  readonly runId: string;
  readonly ending: Ending;
  readonly startedAt: number;
  readonly endedAt: number;
  /** What a step consists of comes after it. */
  readonly rows: readonly Row[];
  readonly facts: readonly Fact[];
  /** What happened beside the steps. */
  readonly notes: readonly Note[];
  /** What went in, and what came out. */
  readonly texts: readonly Text[];
}

export interface Ending {
  /** `open`: nobody said how it ended. */
  readonly status: "completed" | "break" | "failed" | "cancelled" | "open";
  readonly message: string | undefined;
  readonly others: readonly string[];
}

/** One step. */
export interface Row {
  readonly name: string;
  /** The name without that of the step that it is a part of. */
  readonly label: string;
  /** How many steps it is within. */
  readonly depth: number;
  /** What it does, if that is known. */
  readonly kind: string | undefined;
  readonly status: RowStatus;
  readonly dependsOn: readonly string[];
  /** What it did or waited for, in the order of time. They do not overlap. */
  readonly spans: readonly Span[];
  readonly endedAt: number | undefined;
  readonly notes: readonly Note[];
  readonly facts: readonly Fact[];
  readonly error: Text | undefined;
  readonly texts: readonly Text[];
}

export type RowStatus =
  | "done"
  /** In an earlier run that this one goes on with. */
  | "done_before"
  | "failed"
  /** It failed, and the run went on without it. */
  | "excused"
  | "cancelled"
  | "skipped"
  /** It had begun when the report was written. */
  | "open"
  | "not_reached";

/** What a step waits for, or does. */
export type SpanKind =
  | "dependencies"
  | "slot"
  | "exclusive"
  | "retry"
  | "cache"
  | "human"
  | "work"
  /** It worked, failed, and was tried again. */
  | "attempt"
  /** From when it was told to stop until it had. */
  | "stopping";

export interface Span {
  readonly kind: SpanKind;
  readonly from: number;
  readonly to: number;
}

export function isWait(kind: SpanKind): boolean {
  return kind !== "work" && kind !== "attempt" && kind !== "stopping";
}

export interface Note {
  readonly at: number | undefined;
  readonly text: string;
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

/** A text of a file, a tool or an agent. */
export interface Text {
  readonly name: string;
  readonly text: string;
  /** How many characters are left out at its end. */
  readonly omitted: number;
}

/** A step of the file, whether it runs or not. */
export interface Outline {
  readonly name: string;
  readonly kind: string;
  readonly dependsOn: readonly string[];
}

/** Hears what happens in a run, and has a report of it at any time. */
export interface Reporter {
  /** Nothing, if it has not begun. */
  report(): Report | undefined;
}
