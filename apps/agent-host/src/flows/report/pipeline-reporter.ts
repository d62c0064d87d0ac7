import { basename } from "node:path";
import type { RunEvent } from "../pipelines/run/events.js";
import { type StepRecord, textOf } from "../pipelines/values/record.js";
import type { StepError } from "../pipelines/values/step-error.js";
import type { Fact, Outline, Report, Reporter, RowStatus } from "./report.js";
import { excerpt } from "./excerpt.js";
import { RowDraft } from "./row-draft.js";
import { RowTree } from "./row-tree.js";
import { endingOf } from "./pipeline-ending.js";

type EventOf<T extends RunEvent["type"]> = Extract<RunEvent, { readonly type: T }>;

/** Reads the events of a pipeline. The same events give the same report. */
export class PipelineReporter implements Reporter {
  readonly #tree = new RowTree();
  readonly #totals = { retries: 0, inputTokens: 0, outputTokens: 0, costUsd: 0 };
  #started: EventOf<"run_started"> | undefined;
  #finished: EventOf<"run_finished"> | undefined;
  #now = 0;

  /** `outline` are the steps of the file, in the order of declaration. */
  constructor(outline: readonly Outline[]) {
    for (const { name, kind, dependsOn } of outline) this.#tree.add(new RowDraft(name, kind, dependsOn));
  }

  /** Takes an event; never throws. */
  readonly tell = (event: RunEvent): void => {
    switch (event.type) {
      case "run_started":
        this.#started = event;
        this.#time(event.at);
        break;
      case "step_launched":
        this.#awaits(event.stepId, event.dependsOn, event.launchedAt);
        break;
      case "step_awaits":
        this.#awaits(event.stepId, event.dependsOn, event.at);
        break;
      case "step_queued":
        this.#row(event.stepId).enter("slot", this.#time(event.at));
        break;
      case "step_started":
        this.#begins(event);
        break;
      case "gate_reached":
        this.#row(event.stepId).enter("human", this.#time(event.at));
        if (event.message !== undefined)
          this.#row(event.stepId).note(`Asked a human: ${event.message}`, this.#time(event.at));
        break;
      case "gate_passed":
        this.#passes(event);
        break;
      case "runner_event":
        if (event.event.type === "warning") this.#row(event.stepId).note(event.event.text);
        break;
      case "step_completed":
        this.#completes(event);
        break;
      case "step_restored":
        this.#restores(event);
        break;
      case "step_failed":
        this.#fails(event);
        break;
      case "step_skipped":
        this.#row(event.stepId).end("skipped", this.#time(event.at));
        break;
      case "step_error":
        this.#isMendable(event);
        break;
      case "step_cancelled":
        this.#stops(event);
        break;
      case "run_finished":
        this.#finished = event;
        this.#time(event.at);
        break;
      default:
        // A new kind of event belongs into the report, or is left out on purpose.
        event satisfies never;
    }
  };

  report(): Report | undefined {
    const started = this.#started;
    if (started === undefined) return undefined;
    const response = this.#finished?.response ?? null;
    return {
      kind: "pipeline",
      title: basename(started.source),
      runId: started.runId,
      ending: endingOf(this.#finished),
      startedAt: Date.parse(started.at),
      endedAt: this.#now,
      rows: this.#tree.rows(this.#now),
      facts: this.#facts(started),
      notes: [],
      texts: response === null ? [] : [excerpt("What it said last", response)],
    };
  }

  /** Times never go back within a run. */
  #time(at: string): number {
    this.#now = Date.parse(at);
    return this.#now;
  }

  #row(name: string): RowDraft {
    return this.#tree.find(name) ?? this.#tree.add(new RowDraft(name));
  }

  #awaits(name: string, dependsOn: readonly string[], at: string): void {
    const row = this.#row(name);
    row.dependsOn = dependsOn;
    row.enter(dependsOn.length === 0 ? "slot" : "dependencies", this.#time(at));
  }

  #begins({ stepId, prompt, startedAt }: EventOf<"step_started">): void {
    const at = this.#time(startedAt);
    // Whose part works has its slot.
    const whole = this.#tree.parentOf(stepId);
    if (whole?.phase === "slot") whole.enter("work", at);
    const row = this.#row(stepId);
    if (row.phase !== "work") row.enter("work", at);
    row.text(asked.get(row.kind) ?? "Prompt", prompt);
  }

  #passes({ stepId, at }: EventOf<"gate_passed">): void {
    const row = this.#row(stepId);
    // What its result has asked for comes after its end.
    if (row.endedAt === undefined) row.enter("work", this.#time(at));
    else row.leave(this.#time(at));
  }

  #completes({ stepId, record, late }: EventOf<"step_completed">): void {
    const row = this.#row(stepId);
    const at = this.#time(record.completedAt);
    row.kind ??= kindOf(record);
    describe(row, record);
    this.#totals.inputTokens += record.inputTokens;
    this.#totals.outputTokens += record.outputTokens;
    this.#totals.costUsd += record.costUsd ?? 0;
    // It ends with its cancellation.
    if (late) row.note("Its answer came too late and is not used.", at);
    else row.end("done", at);
  }

  /** It was over before the run was resumed. */
  #restores({ stepId, outcome, record, error }: EventOf<"step_restored">): void {
    const row = this.#row(stepId);
    row.forget();
    row.status = restored[outcome];
    if (record !== undefined) {
      row.kind ??= kindOf(record);
      describe(row, record);
    }
    if (error !== undefined) row.error = errorText(error);
  }

  #fails({ stepId, error, completedAt, join }: EventOf<"step_failed">): void {
    const at = this.#time(completedAt);
    this.#end(stepId, "failed", at);
    const row = this.#row(stepId);
    row.error = errorText(error);
    if (join !== undefined) row.note(`It fails because of ${join.trigger} (fail_fast).`, at);
  }

  #isMendable({ stepId, error, action, attempt, maxRetries, at }: EventOf<"step_error">): void {
    const row = this.#row(stepId);
    const time = this.#time(at);
    if (action === "retry") {
      this.#totals.retries += 1;
      row.leave(time, "attempt");
      row.enter("work", time);
      row.note(`Tried again (${attempt ?? 0} of ${maxRetries ?? 0}), because: ${error.message}`, time);
      return;
    }
    this.#end(stepId, "excused", time);
    row.error = errorText(error);
  }

  #stops({ stepId, cancelledBy, reason, signalledAt, at, outcome }: EventOf<"step_cancelled">): void {
    const row = this.#row(stepId);
    const told = Date.parse(signalledAt);
    const cause = cancelledBy === null ? "" : ` because of ${cancelledBy}`;
    row.note(`Told to stop${cause} (${reason}): ${endings[outcome]}.`, told);
    if (row.phase === "work" || row.phase === "human") row.enter("stopping", told);
    this.#end(stepId, "cancelled", this.#time(at));
  }

  /** Ends a step with all that it consists of and that has not said so itself. */
  #end(name: string, status: "failed" | "excused" | "cancelled", at: number): void {
    const row = this.#row(name);
    row.end(status, at);
    for (const part of this.#tree.partsOf(row))
      if (part.phase !== undefined) this.#end(part.name, status, at);
  }

  #facts({ source }: EventOf<"run_started">): Fact[] {
    const { retries, inputTokens, outputTokens, costUsd } = this.#totals;
    return [
      { name: "File", value: source },
      ...(retries === 0 ? [] : [{ name: "Retries", value: String(retries) }]),
      ...(inputTokens + outputTokens === 0
        ? []
        : [{ name: "Tokens", value: `${inputTokens} in, ${outputTokens} out` }]),
      ...(costUsd === 0 ? [] : [{ name: "Cost", value: `$${costUsd.toFixed(4)}` }]),
    ];
  }
}

/** What a step was given, by its kind. Of a step of another file the kind is only known afterwards. */
const asked = new Map<string | undefined, string>([
  ["command", "Command"],
  ["human gate", "Question"],
  [undefined, "Prompt or command"],
]);

const restored = {
  completed: "done_before",
  absorbed: "excused",
  failed: "failed",
  cancelled: "cancelled",
} as const satisfies Record<EventOf<"step_restored">["outcome"], RowStatus>;

const endings = {
  not_started: "it had not started",
  cancelled: "it stopped",
  completed: "it was done all the same",
  failed: "it failed",
  forced: "it was stopped by force",
  unresponsive: "it did not stop, and was left alone",
} as const satisfies Record<EventOf<"step_cancelled">["outcome"], string>;

function kindOf({ join, exitCode }: StepRecord): string | undefined {
  if (join !== undefined) return "join";
  return exitCode === null ? undefined : "command";
}

function describe(row: RowDraft, record: StepRecord): void {
  const { response, stdout, stderr, exitCode, model, inputTokens, outputTokens, costUsd } = record;
  row.fact("Exit code", exitCode);
  row.fact("Model", model);
  if (inputTokens + outputTokens > 0) row.fact("Tokens", `${inputTokens} in, ${outputTokens} out`);
  row.fact("Cost", costUsd === null ? null : `$${costUsd.toFixed(4)}`);
  if (record.toolEvents.length > 0) row.fact("Tool events", record.toolEvents.length);
  row.fact("Conversation", record.contextInherited);
  if (record.join !== undefined) {
    row.fact("Joined as", record.join.mode === "structured" ? "one JSON object" : "text");
    if (record.join.failed.length > 0) row.fact("Failed", record.join.failed.join(", "));
    if (record.join.cancelled.length > 0) row.fact("Cancelled", record.join.cancelled.join(", "));
  }
  row.text("Answer", response);
  row.text("Output", stdout);
  row.text("Error output", stderr);
  row.text("Thinking", record.thinking);
  if (textOf(record) === "") row.note("It said nothing.");
}

function errorText({ type, message }: StepError): Report["texts"][number] {
  return excerpt(type, message);
}
