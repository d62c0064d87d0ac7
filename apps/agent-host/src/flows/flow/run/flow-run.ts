import {
  type BranchRecord,
  JoinError,
  joinGraphMerge,
  type JoinReport,
  KeyCollisionError,
  ReducerError,
} from "@holdfast/join-merge";
import { dependenciesOf } from "../check/order.js";
import { validatorAt } from "../definition/schema-refs.js";
import { type Cancellation, FlowCancelledError } from "./cancellation.js";
import type { CheckpointStore, Snapshot } from "./checkpoint.js";
import { Checkpointer } from "./checkpointer.js";
import type { Announcer, EventParts, FlowCollision } from "./events.js";
import { mergeRulesOf } from "./merge-rules.js";
import { costOf, errorFields, type RunResult, type StepRecord } from "./records.js";
import { CheckpointWriteError, SchemaValidationError } from "./step-errors.js";
import { StepLog } from "./step-log.js";
import { type StepContext, StepRunner, type StepSettings } from "./step-runner.js";

/** All that belongs to one run, and to no other. */
export interface RunScope {
  readonly traceId: string;
  readonly settings: StepSettings;
  readonly announcer: Announcer;
  readonly cancellation: Cancellation;
  /** How many steps run at a time. */
  readonly concurrency: number;
  readonly params: Readonly<Record<string, unknown>>;
  /** What the run starts from: nothing done yet, or as far as an earlier process came. */
  readonly snapshot: Snapshot;
  readonly resumed: boolean;
  readonly store: CheckpointStore | undefined;
  /** Whether a step counts as failed when it cannot be written down that it is done. */
  readonly checkpointRequired: boolean;
  readonly keepCheckpoint: boolean;
}

/** Runs a flow once. */
export class FlowRun {
  readonly #scope: RunScope;
  readonly #log: StepLog;
  readonly #began: number;
  readonly #collisions: FlowCollision[] = [];
  readonly #checkpointer: Checkpointer | undefined;
  #branches: readonly BranchRecord[] = [];

  constructor(scope: RunScope) {
    const { settings, snapshot, store } = scope;
    this.#scope = scope;
    this.#began = settings.ports.elapsed();
    const done = new Map(Object.entries(snapshot.steps).map(([name, { record }]) => [name, record]));
    const tell = (event: EventParts): void => {
      this.#tell(event);
    };
    this.#log = new StepLog(settings.flow, done, settings.ports, tell);
    if (store !== undefined)
      this.#checkpointer = new Checkpointer(store, snapshot, (sequence) => {
        this.#tell({ kind: "checkpoint", sequence });
      });
  }

  /**
   * What fails in the run is in the result. Whatever happens, `flow_end` is the last event, once, and nothing of the run
   * goes on afterwards.
   *
   * @throws `FlowCancelledError`, by rejecting, if it is ended from outside.
   */
  async execute(): Promise<RunResult> {
    const { settings, snapshot, resumed, cancellation } = this.#scope;
    const { flow } = settings;
    const input = snapshot.initial_input;
    this.#tell({ kind: "flow_start", flow: flow.name, version: flow.version, input, resumed });
    const invalid = resumed
      ? undefined
      : (this.#check("flow input", flow.input_schema_ref, input, -1) ?? (await this.#writeFirst()));
    if (invalid !== undefined) return this.#end([invalid], null, -1);

    let context: Readonly<Record<string, unknown>> | undefined;
    let failure: unknown;
    try {
      this.#log.begin();
      context = await this.#joined();
    } catch (error) {
      failure = error;
    }
    const records = this.#log.close(this.#branches, reasonOf(failure));
    if (context === undefined) {
      const isCancelled = cancellation.signal.aborted && failure === cancellation.reason;
      const result = this.#end(records, null, isCancelled ? null : this.#failedStep(failure));
      if (isCancelled) throw new FlowCancelledError(result, nextStep(records), cancellation);
      if (result.failed_step === null) throw failure;
      return result;
    }
    return await this.#succeed(context, records);
  }

  #joined(): Promise<Readonly<Record<string, unknown>>> {
    const { settings, snapshot, params, concurrency, cancellation } = this.#scope;
    const { flow } = settings;
    const names = flow.steps.map((_, index) => this.#log.nameOf(index));
    const dependencies = dependenciesOf(flow);
    const tasks = names.map((name, index) => {
      const dependsOn = dependencies[index]?.map((each) => names[each] ?? "") ?? [];
      return [name, { dependsOn, run: (context: StepContext) => this.#step(index, context) }] as const;
    });
    const completed = new Map(
      Object.entries(snapshot.steps).map(([name, { contribution }]) => [name, contribution]),
    );
    return joinGraphMerge(tasks, {
      ...mergeRulesOf(flow, Object.keys(params)),
      base: { ...snapshot.initial_input, ...params },
      schedule: flow.type === "Flow" ? "levels" : flow.scheduling,
      concurrency,
      completed,
      signal: cancellation.signal,
      label: flow.name,
      report: (report: JoinReport) => {
        this.#heard(report);
      },
    });
  }

  #heard(report: JoinReport): void {
    switch (report.type) {
      case "start":
        this.#log.started(report.name);
        break;
      case "settle":
        this.#log.settled(report.record);
        break;
      case "collision":
        this.#collided(report);
        break;
      case "end":
        this.#branches = report.records;
    }
  }

  #collided({ collision, level, unordered }: JoinReport & { readonly type: "collision" }): void {
    const { key, kind, policy, by, over } = collision;
    const owner = Object.hasOwn(this.#scope.params, key) ? "params" : "initial";
    const told: FlowCollision = {
      key,
      kind,
      policy,
      by: this.#log.placeOf(this.#log.indexOf(by)),
      over: over === null ? owner : this.#log.placeOf(this.#log.indexOf(over)),
      unordered,
    };
    this.#collisions.push(told);
    this.#tell({ kind: "collision", severity: level, collision: told });
  }

  async #step(index: number, context: StepContext): Promise<object | undefined> {
    const { settings } = this.#scope;
    const step = settings.flow.steps[index];
    if (step === undefined) throw new RangeError(`there is no step ${index}`);
    const runner = new StepRunner(settings, step, index, context, (inputs) => {
      this.#log.inputsKnown(index, inputs);
    });
    const outcome = await runner.run();
    const record = this.#log.worked(index, outcome);
    if (!outcome.succeeded) throw outcome.error;
    await this.#writeDown(index, record, outcome.contribution);
    return outcome.contribution;
  }

  /** So that a run can be resumed whatever happens to its first step. A record of the failure, if that is one. */
  async #writeFirst(): Promise<StepRecord | undefined> {
    const { settings, snapshot, store } = this.#scope;
    try {
      await store?.save(snapshot);
      return undefined;
    } catch (error) {
      const failed = new CheckpointWriteError({ tool: settings.flow.name, stepIndex: -1 }, error);
      return this.#notWritten(failed) ? this.#ofFlow(-1, failed) : undefined;
    }
  }

  /** Whether the run fails of it. */
  #notWritten(error: CheckpointWriteError): boolean {
    if (!this.#scope.checkpointRequired)
      this.#tell({ kind: "checkpoint", sequence: -1, error: error.message });
    return this.#scope.checkpointRequired;
  }

  async #writeDown(index: number, record: StepRecord, contribution: object | undefined): Promise<void> {
    const completed = {
      record,
      contribution: (contribution ?? null) as Readonly<Record<string, unknown>> | null,
    };
    try {
      await this.#checkpointer?.completed(this.#log.nameOf(index), completed);
    } catch (error) {
      const failed = new CheckpointWriteError({ tool: record.tool_name ?? "", stepIndex: index }, error);
      if (this.#notWritten(failed)) throw failed;
    }
  }

  async #succeed(context: Readonly<Record<string, unknown>>, records: StepRecord[]): Promise<RunResult> {
    const { settings, store, traceId, keepCheckpoint, params } = this.#scope;
    const { flow } = settings;
    const output = structuredClone(
      Object.fromEntries(Object.entries(context).filter(([key]) => !Object.hasOwn(params, key))),
    );
    const after = flow.steps.length;
    const invalid =
      this.#check("flow context", flow.context_schema_ref, { ...context }, after) ??
      this.#check("flow output", flow.output_schema_ref, output, after);
    if (invalid !== undefined) return this.#end([...records, invalid], null, after);
    if (!keepCheckpoint)
      try {
        await store?.delete(traceId);
      } catch (error) {
        this.#tell({
          kind: "checkpoint",
          sequence: -1,
          error: `it could not be deleted: ${reasonOf(error)}`,
        });
      }
    return this.#end(records, output, null);
  }

  /** A record of what is wrong with a value, if something is. */
  #check(
    context: SchemaValidationError["context"],
    ref: string | null,
    value: unknown,
    index: number,
  ): StepRecord | undefined {
    const { flow, schemas } = this.#scope.settings;
    const errors = validatorAt(flow, ref, schemas)?.errors(value) ?? [];
    if (errors.length === 0) return undefined;
    return this.#ofFlow(
      index,
      new SchemaValidationError({ tool: flow.name, stepIndex: index }, context, errors),
    );
  }

  /** A record of what failed beside the steps. */
  #ofFlow(index: number, error: Error): StepRecord {
    const { name } = this.#scope.settings.flow;
    return { ...ofNoStep, step_index: index, flow_name: name, ...errorFields(error) };
  }

  #end(records: readonly StepRecord[], output: RunResult["final_output"], failed: number | null): RunResult {
    const { settings, snapshot, traceId } = this.#scope;
    const { flow, ports } = settings;
    const result: RunResult = {
      trace_schema_version: "1.1",
      trace_id: traceId,
      flow_name: flow.name,
      flow_version: flow.version,
      success: output !== null,
      initial_input: structuredClone(snapshot.initial_input),
      final_output: output,
      execution_log: records,
      failed_step: failed,
      collisions: this.#collisions,
      started_at: snapshot.started_at,
      ended_at: new Date(ports.wallTime()).toISOString(),
      total_duration_ms: ports.elapsed() - this.#began,
      cost_report: costOf(records, this.#log.toolCalls),
    };
    this.#tell({ kind: "flow_end", result });
    return result;
  }

  /** The step that a run has failed of; `null` if it is not a step's fault. */
  #failedStep(error: unknown): number | null {
    if (error instanceof JoinError) return this.#log.indexOf(error.branch);
    if (error instanceof ReducerError) return this.#log.indexOf(error.branch);
    if (!(error instanceof KeyCollisionError)) return null;
    // The first in order of those whose keys were taken.
    const names = error.collisions.map(({ by }) => by);
    const first = this.#branches.find(({ name }) => names.includes(name));
    return first === undefined ? null : this.#log.indexOf(first.name);
  }

  #tell(event: EventParts): void {
    const { announcer, traceId, settings } = this.#scope;
    const ts = new Date(settings.ports.wallTime()).toISOString();
    announcer.tell({ run: traceId, parent_run: null, ts, ...event });
  }
}

const ofNoStep = {
  step_id: null,
  tool_name: null,
  level: null,
  status: "failed",
  success: false,
  inputs: null,
  outputs: null,
  launched_at: null,
  started_at: null,
  completed_at: null,
  duration_ms: null,
  barrier_ms: null,
  worker_slot: null,
  retry_count: 0,
  retry_errors: [],
  skipped: false,
  cached: false,
  fallback_used: false,
  fallback_tool_name: null,
} as const satisfies Partial<StepRecord>;

function nextStep(records: readonly StepRecord[]): number {
  const next = records.find(({ success }) => !success);
  return next?.step_index ?? records.length;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
