import type { StepRecord } from "../values/record.js";
import type { StepError } from "../values/step-error.js";
import type { CancelOutcome } from "../run/events.js";
import { readBody, readEnd, type SavedJournal, savedBody, savedEnd } from "./saved.js";

/** What came of a body: a record, or a failure that the pipeline goes on after. */
export type BodyNote =
  | { readonly record: StepRecord; readonly error?: undefined }
  | { readonly record?: undefined; readonly error: StepError };

/** How a step ended, as the how-manieth. */
export type EndNote = { readonly sequence: number } & (
  | {
      readonly kind: "completed";
      /** It had been told to stop, because nobody needed it any more. */
      readonly late: boolean;
      /** It ended its pipeline early, and successfully. */
      readonly breaks: boolean;
    }
  | { readonly kind: "absorbed" | "failed"; readonly error: StepError }
  | { readonly kind: "cancelled"; readonly error: StepError; readonly how: CancelOutcome }
);

/** One thing that a journal takes down. */
export type JournalChange =
  | { readonly kind: "body"; readonly key: string; readonly note: BodyNote }
  | { readonly kind: "answer"; readonly key: string }
  | { readonly kind: "end"; readonly id: string; readonly note: EndNote }
  | { readonly kind: "group"; readonly from: string; readonly group: string }
  | { readonly kind: "forget_call"; readonly key: string }
  | { readonly kind: "forget"; readonly id: string };

/** Told of each change; `within`: the bodies that call the pipeline whose journal it is, from the outside in. */
export type OnJournalChange = (change: JournalChange, within: readonly string[]) => void;

/**
 * What one pipeline has done so far, so that another process can go on. Bodies go by the id of their step, private steps are
 * called `ID::…` after the step that they are a part of.
 */
export class Journal {
  readonly #onChange: OnJournalChange;
  readonly #bodies = new Map<string, BodyNote>();
  readonly #answers = new Set<string>();
  readonly #ends = new Map<string, EndNote>();
  /** The groups of branches, by the step after which they were launched. */
  readonly #groups = new Map<string, string>();
  /** Of pipelines that are called and are not over. */
  readonly #called = new Map<string, Journal>();

  constructor(onChange: OnJournalChange = () => undefined, saved?: SavedJournal) {
    this.#onChange = onChange;
    for (const [key, body] of saved?.bodies ?? []) this.#bodies.set(key, readBody(body));
    for (const key of saved?.answers ?? []) this.#answers.add(key);
    for (const [id, end] of saved?.ends ?? []) this.#ends.set(id, readEnd(end));
    for (const [from, group] of saved?.groups ?? []) this.#groups.set(from, group);
    for (const [key, journal] of saved?.called ?? []) this.#calledAt(key, journal);
  }

  get ends(): ReadonlyMap<string, EndNote> {
    return this.#ends;
  }

  body(key: string): BodyNote | undefined {
    return this.#bodies.get(key);
  }

  /** A body is done; what it has called is over with that. */
  noteBody(key: string, note: BodyNote): void {
    this.#change({ kind: "body", key, note });
  }

  /** All that a step and its private steps have made, in that order. */
  recordsOf(id: string): StepRecord[] {
    return [...this.#bodies].flatMap(([key, { record }]) =>
      isOf(key, id) && record !== undefined ? [record] : [],
    );
  }

  isAnswered(key: string): boolean {
    return this.#answers.has(key);
  }

  /** A human has answered what the result of a step made us ask. */
  noteAnswer(key: string): void {
    this.#change({ kind: "answer", key });
  }

  noteEnd(id: string, note: EndNote): void {
    this.#change({ kind: "end", id, note });
  }

  groupAt(from: string): string | undefined {
    return this.#groups.get(from);
  }

  noteGroup(from: string, group: string): void {
    this.#change({ kind: "group", from, group });
  }

  /** Of the pipeline that this body calls. */
  called(key: string): Journal {
    return this.#called.get(key) ?? this.#calledAt(key);
  }

  /** What this body has called is to be done from its beginning. */
  forgetCall(key: string): void {
    if (this.#called.has(key)) this.#change({ kind: "forget_call", key });
  }

  /** A step is to be done again, with all that is a part of it. */
  forget(id: string): void {
    this.#change({ kind: "forget", id });
  }

  /** Takes down what another journal was told, and tells nobody. */
  replay(change: JournalChange, within: readonly string[]): void {
    const [key, ...rest] = within;
    if (key === undefined) this.#apply(change);
    else this.called(key).replay(change, rest);
  }

  #change(change: JournalChange): void {
    this.#apply(change);
    this.#onChange(change, []);
  }

  #apply(change: JournalChange): void {
    switch (change.kind) {
      case "body":
        this.#bodies.set(change.key, change.note);
        this.#called.delete(change.key);
        break;
      case "answer":
        this.#answers.add(change.key);
        break;
      case "end":
        this.#ends.set(change.id, change.note);
        break;
      case "group":
        this.#groups.set(change.from, change.group);
        break;
      case "forget_call":
        this.#called.delete(change.key);
        break;
      case "forget":
        for (const notes of [this.#bodies, this.#answers, this.#ends, this.#called])
          for (const key of notes.keys()) if (isOf(key, change.id)) notes.delete(key);
    }
  }

  #calledAt(key: string, saved?: SavedJournal): Journal {
    const journal: Journal = new Journal((change, within) => {
      // One that is forgotten may still be told something.
      if (this.#called.get(key) === journal) this.#onChange(change, [key, ...within]);
    }, saved);
    this.#called.set(key, journal);
    return journal;
  }

  /** All groups, of called pipelines too. */
  get groups(): string[] {
    return [...this.#groups.values(), ...[...this.#called.values()].flatMap(({ groups }) => groups)];
  }

  /** All records, of called pipelines too. Those of one conversation are in its order. */
  get records(): StepRecord[] {
    const own = [...this.#bodies.values()].flatMap(({ record }) => record ?? []);
    return [...own, ...[...this.#called.values()].flatMap(({ records }) => records)];
  }

  saved(): SavedJournal {
    return {
      bodies: [...this.#bodies].map(([key, body]) => [key, savedBody(body)]),
      answers: [...this.#answers],
      ends: [...this.#ends].map(([id, end]) => [id, savedEnd(end)]),
      groups: [...this.#groups],
      called: [...this.#called].map(([key, journal]) => [key, journal.saved()]),
    };
  }
}

/** No id of a step has a colon in it. */
function isOf(key: string, id: string): boolean {
  return key === id || key.startsWith(`${id}::`);
}
