import { cut, excerpt } from "./excerpt.js";
import {
  type Fact,
  isWait,
  type Note,
  type Row,
  type RowStatus,
  type Span,
  type SpanKind,
  type Text,
} from "./report.js";

type Phase = Pick<Span, "kind" | "from">;

/** A row of which not everything is known yet. A step is in one phase at a time: it waits for something, or works. */
export class RowDraft {
  readonly name: string;
  kind: string | undefined;
  dependsOn: readonly string[];
  status: RowStatus = "not_reached";
  endedAt: number | undefined;
  error: Text | undefined;
  readonly notes: Note[] = [];
  readonly facts: Fact[] = [];
  readonly texts: Text[] = [];
  readonly #spans: Span[] = [];
  #phase: Phase | undefined;

  constructor(name: string, kind?: string, dependsOn: readonly string[] = []) {
    this.name = name;
    this.kind = kind;
    this.dependsOn = dependsOn;
  }

  /** What it does or waits for right now. */
  get phase(): SpanKind | undefined {
    return this.#phase?.kind;
  }

  /** Goes on to something else. */
  enter(kind: SpanKind, at: number): void {
    this.leave(at);
    this.#phase = { kind, from: at };
    if (kind === "work") this.status = "open";
  }

  /** Has done with what it did, which may turn out to have been something else. */
  leave(at: number, as?: SpanKind): void {
    const phase = this.#phase;
    if (phase === undefined) return;
    this.#phase = undefined;
    this.#spans.push(...spanOf({ kind: as ?? phase.kind, from: phase.from }, at));
  }

  /** It turns out that it neither waited nor worked. */
  forget(): void {
    this.#phase = undefined;
  }

  end(status: RowStatus, at: number): void {
    this.leave(at);
    this.status = status;
    this.endedAt = at;
  }

  note(text: string, at?: number): void {
    this.notes.push({ at, text: cut(text) });
  }

  fact(name: string, value: string | number | null | undefined): void {
    if (value !== null && value !== undefined) this.facts.push({ name, value: String(value) });
  }

  text(name: string, text: string | null): void {
    if (text !== null && text !== "") this.texts.push(excerpt(name, text));
  }

  /** As it is now; what goes on ends there for the report. */
  row(parents: readonly string[], now: number): Row {
    const { name, kind, status, dependsOn, endedAt, notes, facts, error, texts } = this;
    const parent = parents.at(-1);
    const phase = this.#phase;
    const spans = phase === undefined ? this.#spans : [...this.#spans, ...spanOf(phase, now)];
    return {
      name,
      label: parent === undefined ? name : name.slice(parent.length + separator),
      depth: parents.length,
      kind,
      status,
      dependsOn,
      spans,
      endedAt,
      notes,
      facts,
      error,
      texts,
    };
  }
}

/** That it waited for no time is not worth a word. */
function spanOf({ kind, from }: Phase, at: number): Span[] {
  return at > from || !isWait(kind) ? [{ kind, from, to: Math.max(from, at) }] : [];
}

/** Between the name of a step and that of its part stand two characters: `::` or `__`. */
const separator = 2;
