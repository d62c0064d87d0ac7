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

/**
 * What one pipeline has done so far, so that another process can go on. Bodies go by the id of their step, private steps are
 * called `ID::…` after the step that they are a part of.
 */
export class Journal {
  readonly #onChange: () => void;
  readonly #bodies = new Map<string, BodyNote>();
  readonly #answers = new Set<string>();
  readonly #ends = new Map<string, EndNote>();
  /** The groups of branches, by the step after which they were launched. */
  readonly #groups = new Map<string, string>();
  /** Of pipelines that are called and are not over. */
  readonly #called = new Map<string, Journal>();

  constructor(onChange: () => void = () => undefined, saved?: SavedJournal) {
    this.#onChange = onChange;
    for (const [key, body] of saved?.bodies ?? []) this.#bodies.set(key, readBody(body));
    for (const key of saved?.answers ?? []) this.#answers.add(key);
    for (const [id, end] of saved?.ends ?? []) this.#ends.set(id, readEnd(end));
    for (const [from, group] of saved?.groups ?? []) this.#groups.set(from, group);
    for (const [key, journal] of saved?.called ?? []) this.#called.set(key, new Journal(onChange, journal));
  }

  get ends(): ReadonlyMap<string, EndNote> {
    return this.#ends;
  }

  body(key: string): BodyNote | undefined {
    return this.#bodies.get(key);
  }

  /** A body is done; what it has called is over with that. */
  noteBody(key: string, note: BodyNote): void {
    this.#bodies.set(key, note);
    this.#called.delete(key);
    this.#onChange();
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
    this.#answers.add(key);
    this.#onChange();
  }

  noteEnd(id: string, end: EndNote): void {
    this.#ends.set(id, end);
    this.#onChange();
  }

  groupAt(from: string): string | undefined {
    return this.#groups.get(from);
  }

  noteGroup(from: string, group: string): void {
    this.#groups.set(from, group);
    this.#onChange();
  }

  /** Of the pipeline that this body calls. */
  called(key: string): Journal {
    const journal = this.#called.get(key) ?? new Journal(this.#onChange);
    this.#called.set(key, journal);
    return journal;
  }

  /** What this body has called is to be done from its beginning. */
  forgetCall(key: string): void {
    if (this.#called.delete(key)) this.#onChange();
  }

  /** A step is to be done again, with all that is a part of it. */
  forget(id: string): void {
    for (const notes of [this.#bodies, this.#answers, this.#ends, this.#called])
      for (const key of notes.keys()) if (isOf(key, id)) notes.delete(key);
    this.#onChange();
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
