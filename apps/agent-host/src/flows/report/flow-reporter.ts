import type { FlowEvent } from "../flow/run/events.js";
import type { RunResult, StepRecord } from "../flow/run/records.js";
import { cut, excerpt } from "./excerpt.js";
import type { Ending, Fact, Note, Outline, Report, Reporter, RowStatus, Text } from "./report.js";
import { RowDraft } from "./row-draft.js";
import { RowTree } from "./row-tree.js";
import { hideParameters } from "./secrets.js";

type EventOf<K extends FlowEvent["kind"]> = Extract<FlowEvent, { readonly kind: K }>;

/** Reads the events of a flow. The same events give the same report, and no value of a parameter is in it. */
export class FlowReporter implements Reporter {
  readonly #tree = new RowTree();
  readonly #rows: readonly RowDraft[];
  readonly #params: Readonly<Record<string, string>>;
  readonly #notes: Note[] = [];
  #started: EventOf<"flow_start"> | undefined;
  #result: RunResult | undefined;
  #now = 0;

  /** `outline` are the steps of the file, in the order of declaration. */
  constructor(outline: readonly Outline[], params: Readonly<Record<string, string>>) {
    this.#params = params;
    this.#rows = outline.map(({ name, kind, dependsOn }) =>
      this.#tree.add(new RowDraft(name, kind, dependsOn)),
    );
  }

  readonly tell = (event: FlowEvent): void => {
    this.#now = Date.parse(event.ts);
    switch (event.kind) {
      case "flow_start":
        this.#begins(event);
        break;
      case "step_queued":
        this.#at(event).enter("slot", this.#now);
        break;
      case "step_start":
        this.#at(event).enter("work", this.#now);
        this.#at(event).texts.push(this.#json("Input", event.inputs));
        break;
      case "step_waiting":
        this.#waits(event);
        break;
      case "step_working":
        this.#at(event).enter("work", this.#now);
        break;
      case "step_end":
        this.#ends(event);
        break;
      case "merge_failed":
        this.#refuses(event);
        break;
      case "collision":
        this.#collides(event);
        break;
      case "checkpoint":
        if (event.error !== undefined) this.#note(this.#notes, `Checkpoint: ${event.error}`);
        break;
      case "flow_end":
        this.#result = event.result;
        for (const record of event.result.execution_log) this.#settle(record);
        break;
    }
  };

  report(): Report | undefined {
    const started = this.#started;
    if (started === undefined) return undefined;
    const output = this.#result?.final_output ?? null;
    return {
      kind: "flow",
      title: started.flow,
      runId: started.run,
      ending: this.#ending(),
      startedAt: Date.parse(started.ts),
      endedAt: this.#now,
      rows: this.#tree.rows(this.#now),
      facts: this.#facts(started),
      notes: this.#notes,
      texts: [
        this.#json("Input", started.input),
        ...(output === null ? [] : [this.#json("Final output", output)]),
      ],
    };
  }

  #at({ step_index }: { readonly step_index: number }): RowDraft {
    const row = this.#rows[step_index];
    if (row === undefined) throw new RangeError(`there is no step ${step_index}`);
    return row;
  }

  #begins(event: EventOf<"flow_start">): void {
    this.#started = event;
    for (const row of this.#rows) if (row.dependsOn.length > 0) row.enter("dependencies", this.#now);
  }

  #waits(event: EventOf<"step_waiting">): void {
    const { waits_for } = event;
    const row = this.#at(event);
    if (waits_for.for === "retry") row.leave(this.#now, "attempt");
    row.enter(waits_for.for, this.#now);
    if (waits_for.for === "retry") {
      const { retry, max_retries, error } = waits_for;
      this.#note(row.notes, `Tried again (${retry} of ${max_retries}), because: ${error}`);
    } else if (waits_for.for === "exclusive")
      this.#note(row.notes, `Waited until nobody else had: ${waits_for.keys.join(", ")}`);
  }

  #ends({ ts, record, completed_at }: EventOf<"step_end">): void {
    const row = this.#at(record);
    const barrierMs = Math.round(record.barrier_ms ?? 0);
    // It has begun, and could not be given its input.
    if (row.phase === "slot") row.enter("work", this.#now);
    row.end(statusOf(record), Date.parse(completed_at ?? ts));
    if (barrierMs > 0) row.note(`Waited ${barrierMs} ms for steps of its level that it does not depend on.`);
    this.#describe(row, record);
  }

  #describe(row: RowDraft, record: StepRecord): void {
    const { outputs, fallback_tool_name, cached } = record;
    if (cached) row.note("From the cache.");
    if (fallback_tool_name !== null) row.note(`${fallback_tool_name} ran in its place.`);
    if (fallback_tool_name !== null || record.skipped)
      for (const error of record.retry_errors) this.#note(row.notes, `Failed before: ${error}`);
    if (record.status === "succeeded" && !record.skipped) row.texts.push(this.#json("Output", outputs));
    this.#setError(row, record);
  }

  #setError(row: RowDraft, { status, error_code, error_type, error_message }: StepRecord): void {
    if (error_message === null) return;
    if (status === "cancelled") this.#note(row.notes, error_message);
    else row.error = this.#text(error_code ?? error_type ?? "error", error_message);
  }

  /** Its output cannot be merged, so that it counts as failed. */
  #refuses({ record }: EventOf<"merge_failed">): void {
    const row = this.#at(record);
    row.status = "failed";
    this.#setError(row, record);
  }

  #collides({ severity, collision: { key, by, over } }: EventOf<"collision">): void {
    if (severity === "debug") return;
    const whose = over === "initial" ? "the input" : this.#at(over).name;
    this.#note(this.#notes, `${this.#at(by).name} overwrites ${JSON.stringify(key)} of ${whose}.`);
  }

  /** What only the end tells: who was done before this run. */
  #settle(record: StepRecord): void {
    const row = this.#rows[record.step_index];
    if (row === undefined || row.endedAt !== undefined || record.status === "not_started") return;
    row.forget();
    row.status = "done_before";
    this.#describe(row, record);
  }

  #ending(): Ending {
    const result = this.#result;
    if (result === undefined) return { status: "open", message: undefined, others: [] };
    if (result.success) return { status: "completed", message: undefined, others: [] };
    if (result.failed_step === null) return { status: "cancelled", message: undefined, others: [] };
    const failed = result.execution_log.find(({ step_index }) => step_index === result.failed_step);
    const name = this.#rows[result.failed_step]?.name;
    const where = name === undefined ? "" : `${name}: `;
    return {
      status: "failed",
      message: cut(this.#hide(`${where}${failed?.error_message ?? ""}`)),
      others: [],
    };
  }

  #facts({ version, resumed }: EventOf<"flow_start">): Fact[] {
    const facts = [{ name: "Version", value: version }];
    if (resumed) facts.push({ name: "Resumed", value: "yes" });
    if (this.#result !== undefined) {
      const { tool_calls, retries, cache_hits } = this.#result.cost_report;
      facts.push({ name: "Tool calls", value: String(tool_calls) });
      if (retries > 0) facts.push({ name: "Retries", value: String(retries) });
      if (cache_hits > 0) facts.push({ name: "From the cache", value: String(cache_hits) });
    }
    return facts;
  }

  #note(notes: Note[], text: string): void {
    notes.push({ at: this.#now, text: cut(this.#hide(text)) });
  }

  #json(name: string, value: unknown): Text {
    return this.#text(name, JSON.stringify(value, undefined, 2));
  }

  #text(name: string, text: string): Text {
    return excerpt(name, this.#hide(text));
  }

  #hide(text: string): string {
    return hideParameters(text, this.#params);
  }
}

function statusOf({ status, skipped }: StepRecord): RowStatus {
  if (skipped) return "excused";
  return status === "succeeded" ? "done" : status === "failed" ? "failed" : "cancelled";
}
