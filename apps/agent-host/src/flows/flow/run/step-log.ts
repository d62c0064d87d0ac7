import type { BranchRecord } from "@holdfast/join-merge";
import { collisionsInWords } from "./collisions.js";
import type { EventParts } from "./events.js";
import { ReadySteps } from "./ready-steps.js";
import { errorFields, type StepRecord, type StepStatus } from "./records.js";
import { StepPlaces } from "./step-places.js";
import type { StepOutcome } from "./step-outcome.js";
import type { StepSettings } from "./step-settings.js";
import type { StepListener } from "./step-waits.js";

/** What is known of a step while a run goes on. */
interface StepState {
  queuedAt?: number;
  launched_at?: string;
  startedAt?: number;
  started_at?: string;
  endedAt?: number;
  completed_at?: string;
  duration_ms?: number;
  slot?: number;
  outcome?: StepOutcome;
  /** It was done before this run was resumed, or has its final record. */
  record?: StepRecord | undefined;
}

/** Notes what becomes of the steps of a run, and tells of it. */
export class StepLog {
  readonly places: StepPlaces;
  readonly #settings: Pick<StepSettings, "flow" | "params" | "ports">;
  readonly #tell: (event: EventParts) => void;
  readonly #ready: ReadySteps;
  readonly #states: StepState[];
  readonly #slots = new Set<number>();

  constructor(
    settings: Pick<StepSettings, "flow" | "params" | "ports">,
    done: ReadonlyMap<string, StepRecord>,
    tell: (event: EventParts) => void,
  ) {
    const { flow } = settings;
    this.#settings = settings;
    this.#tell = tell;
    this.#ready = new ReadySteps(flow);
    this.places = new StepPlaces(flow, this.#ready.levels);
    this.#states = flow.steps.map((_, index) => ({ record: done.get(this.places.nameOf(index)) }));
  }

  get toolCalls(): number {
    return this.#states.reduce((sum, { outcome }) => sum + (outcome?.toolCalls ?? 0), 0);
  }

  begin(): void {
    this.#queue(this.#ready.first());
  }

  started(name: string): void {
    const state = this.#stateOf(this.places.indexOf(name));
    let slot = 0;
    while (this.#slots.has(slot)) slot += 1;
    this.#slots.add(slot);
    Object.assign(state, { slot, startedAt: this.#settings.ports.elapsed(), started_at: this.#now() });
  }

  /** Told how the work of a step gets on. */
  listener(index: number): StepListener {
    const place = this.places.ofStep(index);
    return {
      started: (inputs) => {
        this.#tell({ kind: "step_start", inputs, ...place });
      },
      waiting: (waits_for) => {
        this.#tell({ kind: "step_waiting", waits_for, ...place });
      },
      working: () => {
        this.#tell({ kind: "step_working", ...place });
      },
      cacheFailed: (error) => {
        this.#tell({ kind: "cache_failed", error, ...place });
      },
    };
  }

  /** The work of a step is done; what counts as its end is for the graph to say. Returns its record as one that succeeded. */
  worked(index: number, outcome: StepOutcome): StepRecord {
    const state = this.#stateOf(index);
    const endedAt = this.#settings.ports.elapsed();
    const duration_ms = endedAt - (state.startedAt ?? endedAt);
    Object.assign(state, { outcome, endedAt, completed_at: this.#now(), duration_ms });
    return this.#record(index, "succeeded", outcome.error);
  }

  /** The graph says how a step has ended. */
  settled(branch: BranchRecord): void {
    const index = this.places.indexOf(branch.name);
    const state = this.#stateOf(index);
    if (state.slot !== undefined) this.#slots.delete(state.slot);
    // What the graph knows of an error, such as that it cannot be written down that the step is done, or else what was skipped.
    const { error = state.outcome?.error } = branch as { readonly error?: unknown };
    const record = this.#record(index, statusOf(branch), error);
    state.record = record;
    const { launched_at, started_at, completed_at } = record;
    this.#tell({
      kind: "step_end",
      record,
      launched_at,
      started_at,
      completed_at,
      ...this.places.ofStep(index),
    });
    if (record.skipped)
      this.#tell({ kind: "step_skipped", reason: record.error_message, ...this.places.ofStep(index) });
    if (record.success) this.#queue(this.#ready.after(index));
  }

  /** Everything is over: the records in the order of the graph. Tells of those that turn out to have failed or never ran. */
  close(branches: readonly BranchRecord[], reason: string): StepRecord[] {
    return branches.map((branch) => {
      const index = this.places.indexOf(branch.name);
      const { record } = this.#stateOf(index);
      if (record === undefined) {
        this.#tell({ kind: "step_cancelled", reason, ...this.places.ofStep(index) });
        return this.#record(index, "not_started", undefined);
      }
      if (branch.status !== "failed" || !record.success) return record;
      const refused = {
        ...record,
        status: "failed",
        success: false,
        outputs: null,
        ...errorFields(branch.error),
        ...collisionsInWords(branch, this.#settings, this.places),
      } as const;
      this.#tell({ kind: "merge_failed", record: refused, ...this.places.ofStep(index) });
      return refused;
    });
  }

  #queue(steps: readonly number[]): void {
    for (const index of steps) {
      const state = this.#stateOf(index);
      if (state.record !== undefined) this.#queue(this.#ready.after(index));
      else {
        Object.assign(state, { queuedAt: this.#settings.ports.elapsed(), launched_at: this.#now() });
        this.#tell({ kind: "step_queued", ...this.places.ofStep(index) });
      }
    }
  }

  #record(index: number, status: StepStatus, error: unknown): StepRecord {
    const state = this.#stateOf(index);
    const { outcome } = state;
    return {
      ...this.places.placeOf(index),
      flow_name: this.#settings.flow.name,
      level: this.places.levelOf(index),
      status,
      success: status === "succeeded",
      inputs: outcome?.inputs?.shown ?? null,
      // A copy: what the context holds goes on to other steps.
      outputs: outcome?.skipped === true ? {} : structuredClone(outcome?.outputs ?? null),
      ...(error === undefined ? noError : errorFields(error)),
      launched_at: state.launched_at ?? null,
      started_at: state.started_at ?? null,
      completed_at: state.completed_at ?? null,
      duration_ms: state.duration_ms ?? null,
      barrier_ms: this.#barrierOf(index),
      worker_slot: state.slot ?? null,
      retry_count: Math.max(0, (outcome?.attempts ?? 0) - 1),
      retry_errors: outcome?.retryErrors ?? [],
      skipped: outcome?.skipped ?? false,
      cached: outcome?.cached ?? false,
      fallback_used: outcome?.fallback !== undefined,
      fallback_tool_name: outcome?.fallback ?? null,
    };
  }

  /** From when all that it depends on was done to when its level began. */
  #barrierOf(index: number): number | null {
    const { queuedAt } = this.#stateOf(index);
    const ends = (this.#ready.dependencies[index] ?? []).map((each) => this.#stateOf(each).endedAt);
    if (queuedAt === undefined || ends.length === 0) return null;
    const known = ends.filter((each) => each !== undefined);
    return known.length < ends.length ? null : queuedAt - Math.max(...known);
  }

  #stateOf(index: number): StepState {
    return this.#states[index] ?? {};
  }

  #now(): string {
    return new Date(this.#settings.ports.wallTime()).toISOString();
  }
}

const noError = { error_type: null, error_code: null, error_message: null } as const;

function statusOf({ status }: BranchRecord): StepStatus {
  return status === "succeeded" || status === "failed" ? status : "cancelled";
}
