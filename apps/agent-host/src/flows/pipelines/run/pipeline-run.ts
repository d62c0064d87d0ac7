import { createHash, randomBytes, randomUUID } from "node:crypto";
import { resolve } from "node:path";
import { IdReservations } from "@holdfast/id-reservation";
import type { Runner } from "../../runners/runner.js";
import type { Callable, Library } from "../library.js";
import type { StepError } from "../values/step-error.js";
import { textOf } from "../values/record.js";
import type { View } from "../values/view.js";
import { defaultGraces, type Graces } from "./call.js";
import { type Clock, Stamps, systemClock } from "./clock.js";
import { Conversations } from "./conversations.js";
import type { EventSink, RunStatus } from "./events.js";
import type { Human } from "./human.js";
import { Keeping } from "./keeping.js";
import { Pause } from "./pause.js";
import { noCheckpoint, type RunCheckpoint } from "./run-checkpoint.js";
import { ScopeRun } from "./scope-run.js";
import { Slots } from "./slots.js";

export interface PipelineRunOptions {
  readonly library: Library;
  readonly called: Callable;
  readonly runners: ReadonlyMap<string | undefined, Runner>;
  readonly events: EventSink;
  /** What `{{ input.NAME }}` stands for; `prompt` is what the run is asked for. */
  readonly inputs?: ReadonlyMap<string, string> | undefined;
  /** Kills the run. */
  readonly signal?: AbortSignal | undefined;
  /** Where it notes what it has done, and maybe what an earlier process has. Default: nowhere. */
  readonly checkpoint?: RunCheckpoint | undefined;
  readonly resumed?: boolean | undefined;
  readonly human?: Human | undefined;
  readonly pause?: Pause | undefined;
  readonly disabled?: ReadonlySet<string> | undefined;
  /** How many steps may run at a time, in all pipelines together. What their files say holds besides. */
  readonly maxConcurrency?: number | undefined;
  readonly cwd?: string | undefined;
  readonly clock?: Clock | undefined;
  readonly graces?: Graces | undefined;
  readonly strictJoins?: boolean | undefined;
  readonly newRunId?: (() => string) | undefined;
  readonly newGroupId?: (() => string) | undefined;
}

/** How a run ended. */
export interface RunResult {
  readonly runId: string;
  readonly status: RunStatus;
  readonly error: StepError | undefined;
  /** The step that ended it early, and successfully. */
  readonly breakAt: string | undefined;
  /** What was said last. */
  readonly response: string | null;
  /** What the main flow saw at the end. */
  readonly view: View;
}

/** Ids of runs in this process. */
const runs = new IdReservations<string>({ label: "run", onCommit: "forget" });

/** Runs a pipeline once, from `run_started` to `run_finished`. Whatever goes wrong in it is in the result. */
export async function runPipeline(options: PipelineRunOptions): Promise<RunResult> {
  const { newRunId = () => randomUUID() } = options;
  return runs.withFirst(newRunId, ({ id }) => new PipelineRun(id, options).run());
}

class PipelineRun {
  readonly #id: string;
  readonly #options: PipelineRunOptions;
  readonly #stamps: Stamps;
  readonly #checkpoint: RunCheckpoint;
  readonly #keeping: Keeping;

  constructor(id: string, options: PipelineRunOptions) {
    this.#id = id;
    this.#options = options;
    this.#stamps = new Stamps(options.clock ?? systemClock);
    this.#checkpoint = options.checkpoint ?? noCheckpoint();
    this.#keeping = new Keeping(options.events, this.#checkpoint);
  }

  async run(): Promise<RunResult> {
    const { events, called, cwd = process.cwd(), signal = new AbortController().signal } = this.#options;
    const { resumed = false } = this.#options;
    events.tell({
      type: "run_started",
      runId: this.#id,
      source: called.pipeline.source,
      projectHash: createHash("sha256").update(resolve(cwd)).digest("hex"),
      totalSteps: called.scope.steps.length,
      resumed,
      at: this.#stamps.next(),
    });
    const scope = this.#scope(cwd, signal);
    const { status, error, breakAt, view } = await scope.run();
    const response = view.last === undefined ? null : textOf(view.last);
    const result = { runId: this.#id, status, error, breakAt, response, view };
    events.tell({ type: "run_finished", status, error, breakAt, response, at: this.#stamps.next() });
    const failure = await this.#keeping.failure();
    // What it came to is known all the same; what was to be kept is not.
    return failure === undefined ? result : { ...result, status: "failed", error: error ?? failure };
  }

  #scope(cwd: string, signal: AbortSignal): ScopeRun {
    const { called, library, runners, events, human, inputs = new Map<string, string>() } = this.#options;
    const { clock = systemClock, graces = defaultGraces, pause = new Pause() } = this.#options;
    const { disabled = new Set<string>(), strictJoins = false, newGroupId = randomGroupId } = this.#options;
    const around = { runId: this.#id, invocation: inputs.get("prompt") ?? "", inputs };
    const { journal } = this.#checkpoint;
    // Eight digits are few: that no two are the same is for the registry to see to.
    const groups = new IdReservations<string>({ label: "group" });
    for (const group of journal.groups) groups.tryReserve(group)?.commit();
    return new ScopeRun({
      context: {
        library,
        runners,
        conversations: this.#conversations(),
        clock,
        stamps: this.#stamps,
        graces,
        groups,
        newGroupId,
        events,
        keeping: this.#keeping,
        human,
        pause,
        slots: new Slots(this.#options.maxConcurrency),
        disabled,
        cwd,
        strictJoins,
      },
      called,
      around,
      prefix: "",
      order: [],
      caller: undefined,
      depth: 0,
      journal,
      signal,
      group: undefined,
    });
  }

  /** As far as an earlier process came with them. */
  #conversations(): Conversations {
    const conversations = new Conversations();
    for (const { sessionId, sessionBefore, prompt, response } of this.#checkpoint.journal.records)
      if (sessionId !== null && response !== null)
        conversations.add(sessionId, sessionBefore, prompt, response);
    for (const runner of new Set(this.#options.runners.values()))
      for (const [sessionId, said] of conversations.all) runner.recall?.(sessionId, said);
    return conversations;
  }
}

function randomGroupId(): string {
  return `cg-${randomBytes(4).toString("hex")}`;
}
