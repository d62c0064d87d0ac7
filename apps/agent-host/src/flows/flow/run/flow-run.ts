import { type BranchRecord, joinGraphMerge, type JoinReport } from "@holdfast/join-merge";
import { messageOf } from "../../../session/message-of.js";
import { dependenciesOf } from "../check/order.js";
import type { Step } from "../definition/definition.js";
import { type Cancellation, FlowCancelledError } from "./cancellation.js";
import { collisionOf } from "./collisions.js";
import type { Announcer, EventParts, FlowCollision } from "./events.js";
import { recordIfUnfit, recordOfFlow } from "./flow-record.js";
import { mergeRulesOf } from "./merge-rules.js";
import { costOf, type RunResult, type StepRecord } from "./records.js";
import { RunCheckpoint, type RunCheckpointOptions } from "./run-checkpoint.js";
import type { CheckpointWriteError } from "./step-errors.js";
import { StepLog } from "./step-log.js";
import { StepRunner } from "./step-runner.js";
import type { StepContext, StepSettings } from "./step-settings.js";

/** All that belongs to one run, and to no other. */
export interface RunScope extends RunCheckpointOptions {
  readonly traceId: string;
  readonly settings: StepSettings;
  readonly announcer: Announcer;
  readonly cancellation: Cancellation;
  /** How many steps run at a time. */
  readonly concurrency: number;
  readonly params: Readonly<Record<string, unknown>>;
  readonly resumed: boolean;
}

/** Runs a flow once. */
export class FlowRun {
  readonly #scope: RunScope;
  readonly #log: StepLog;
  readonly #began: number;
  readonly #collisions: FlowCollision[] = [];
  readonly #checkpoint: RunCheckpoint;
  #branches: readonly BranchRecord[] = [];

  constructor(scope: RunScope) {
    const { settings, snapshot } = scope;
    this.#scope = scope;
    this.#began = settings.ports.elapsed();
    const done = new Map(Object.entries(snapshot.steps).map(([name, { record }]) => [name, record]));
    const tell = (event: EventParts): void => {
      this.#tell(event);
    };
    this.#log = new StepLog(settings, done, tell);
    this.#checkpoint = new RunCheckpoint(scope, tell);
  }

  /**
   * What fails in the run is in the result. Whatever happens, `flow_end` is the last event, once, and nothing of the run
   * goes on afterwards but tools that were left alone.
   *
   * @throws `FlowCancelledError`, by rejecting, if it is ended from outside.
   */
  async execute(): Promise<RunResult> {
    const { settings, snapshot, resumed, cancellation } = this.#scope;
    const { flow } = settings;
    const input = snapshot.initial_input;
    this.#tell({
      kind: "flow_start",
      flow: flow.name,
      version: flow.version,
      input,
      resumed,
      total_steps: flow.steps.length,
      done_steps: Object.keys(snapshot.steps).length,
    });
    const invalid = resumed ? undefined : await this.#begin();
    if (invalid !== undefined) return this.#end([invalid], null, -1);

    let context: Readonly<Record<string, unknown>> | undefined;
    let failure: unknown;
    try {
      this.#log.begin();
      context = await this.#joined();
    } catch (error) {
      failure = error;
    }
    const records = this.#log.close(this.#branches, messageOf(failure));
    if (context === undefined) {
      const isCancelled = cancellation.signal.aborted && failure === cancellation.reason;
      const result = this.#end(records, null, isCancelled ? null : failedStep(records));
      if (isCancelled) throw new FlowCancelledError(result, nextStep(records), cancellation);
      if (result.failed_step === null) throw failure;
      return result;
    }
    return await this.#succeed(context, records);
  }

  /** A record of what keeps the run from its first step, if something does. */
  async #begin(): Promise<StepRecord | undefined> {
    const { settings, snapshot } = this.#scope;
    const { flow } = settings;
    const unfit = recordIfUnfit("input", snapshot.initial_input, -1, flow.input_schema_ref, settings);
    if (unfit !== undefined) return unfit;
    try {
      await this.#checkpoint.begin();
      return undefined;
    } catch (error) {
      return recordOfFlow(flow, -1, error as CheckpointWriteError);
    }
  }

  #joined(): Promise<Readonly<Record<string, unknown>>> {
    const { settings, snapshot, params, concurrency, cancellation } = this.#scope;
    const { flow } = settings;
    const { places } = this.#log;
    const dependencies = dependenciesOf(flow);
    const tasks = flow.steps.map((step, index) => {
      const dependsOn = (dependencies[index] ?? []).map((each) => places.nameOf(each));
      const run = (context: StepContext): Promise<object | undefined> => this.#step(step, index, context);
      return [places.nameOf(index), { dependsOn, run }] as const;
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
      case "collision": {
        const collision = collisionOf(report, this.#log.places);
        this.#collisions.push(collision);
        this.#tell({ kind: "collision", severity: report.level, collision });
        break;
      }
      case "end":
        this.#branches = report.records;
    }
  }

  async #step(step: Step, index: number, context: StepContext): Promise<object | undefined> {
    const { settings } = this.#scope;
    const outcome = await new StepRunner(settings, step, context, this.#log.listener(index)).run();
    const record = this.#log.worked(index, outcome);
    if (!outcome.succeeded) throw outcome.error;
    const { contribution } = outcome;
    await this.#checkpoint.completed(this.#log.places.nameOf(index), {
      record,
      contribution: contribution ?? null,
    });
    return contribution;
  }

  async #succeed(context: Readonly<Record<string, unknown>>, records: StepRecord[]): Promise<RunResult> {
    const { settings, params } = this.#scope;
    const { flow } = settings;
    const output = structuredClone(
      Object.fromEntries(Object.entries(context).filter(([key]) => !Object.hasOwn(params, key))),
    );
    const after = flow.steps.length;
    const invalid =
      recordIfUnfit("context", { ...context }, after, flow.context_schema_ref, settings) ??
      recordIfUnfit("output", output, after, flow.output_schema_ref, settings);
    if (invalid !== undefined) return this.#end([...records, invalid], null, after);
    await this.#checkpoint.end();
    return this.#end(records, output, null);
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

  #tell(event: EventParts): void {
    const { announcer, traceId, settings } = this.#scope;
    const ts = new Date(settings.ports.wallTime()).toISOString();
    announcer.tell({ run: traceId, parent_run: null, ts, ...event });
  }
}

/** The step that a run has failed of: the first in order. `null` if it is not a step's fault. */
function failedStep(records: readonly StepRecord[]): number | null {
  return records.find(({ status }) => status === "failed")?.step_index ?? null;
}

function nextStep(records: readonly StepRecord[]): number {
  const next = records.find(({ success }) => !success);
  return next?.step_index ?? records.length;
}
