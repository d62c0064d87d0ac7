import { type StepRecord, textOf } from "./record.js";

/**
 * What a flow of steps can see: the records before it and the conversations that are its own. A view never changes, so whoever keeps
 * one sees nothing of what comes later.
 */
export class View {
  static readonly empty: View = new View([], undefined, new Map());

  readonly records: readonly StepRecord[];
  /** Whose text is `last_response`. */
  readonly last: StepRecord | undefined;
  /** The latest conversation with each runner, of this flow itself and not of branches that it has collected. */
  readonly sessions: ReadonlyMap<string, string>;

  private constructor(
    records: readonly StepRecord[],
    last: StepRecord | undefined,
    sessions: ReadonlyMap<string, string>,
  ) {
    this.records = records;
    this.last = last;
    this.sessions = sessions;
  }

  find(stepId: string): StepRecord | undefined {
    return this.records.findLast((record) => record.stepId === stepId);
  }

  /** With one more step of this flow, which spoke to this runner. */
  after(record: StepRecord, runner: string): View {
    const sessions =
      record.sessionId === null ? this.sessions : new Map([...this.sessions, [runner, record.sessionId]]);
    return new View([...this.records, record], textOf(record) === null ? this.last : record, sessions);
  }

  /** With the records of others, each once, and with the last of `speakers` that has said something as the last response. */
  collecting(records: readonly StepRecord[], speakers: readonly (StepRecord | undefined)[]): View {
    const known = new Set(this.records);
    const last = speakers.findLast((each) => each !== undefined && textOf(each) !== null);
    return new View(
      [...this.records, ...new Set(records.filter((each) => !known.has(each)))],
      last ?? this.last,
      this.sessions,
    );
  }
}
