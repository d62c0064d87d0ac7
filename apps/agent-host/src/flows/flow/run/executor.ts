import { AsyncLocalStorage } from "node:async_hooks";
import { IdReservations, IdTakenError } from "@holdfast/id-reservation";
import { KeyedMutex } from "@holdfast/keyed-mutex";
import { RwLock } from "@holdfast/rw-lock";
import { compile } from "../check/compile.js";
import { isError } from "../check/finding.js";
import { linkSignals } from "../../../session/linked-signal.js";
import { preflight } from "../check/preflight.js";
import type { FlowDefinition } from "../definition/definition.js";
import { definitionDigest } from "../definition/definition-digest.js";
import { hashesOf } from "../definition/tool-hashes.js";
import type { HostSchemas } from "../definition/schema-refs.js";
import type { Toolset } from "../tools/tool.js";
import type { StepCache } from "./cache.js";
import { Cancellation, type CancelOptions } from "./cancellation.js";
import { type CheckpointStore, type Snapshot, snapshotFormat } from "./checkpoint.js";
import { Announcer, type FlowEvent, type FlowMiddleware, type ReportHookFailure } from "./events.js";
import { FlowRun } from "./flow-run.js";
import type { Ports } from "./ports.js";
import type { RunResult } from "./records.js";
import {
  AlreadyRunningError,
  CheckpointDriftError,
  CheckpointerNotConfiguredError,
  CheckpointNotFoundError,
  CheckpointVersionError,
  FlowCompileError,
  FlowStatusError,
  FlowUnsupportedError,
  MissingParameterError,
  UnknownParameterError,
} from "./refusals.js";

/** What runs are made with. A run keeps what it started with, whatever is changed meanwhile. */
export interface Configuration {
  readonly tools: Toolset;
  readonly ports: Ports;
  readonly schemas?: HostSchemas;
  /** Told in this order, before those of a single run. */
  readonly middleware?: readonly FlowMiddleware[];
  readonly onHookFailure?: ReportHookFailure;
  readonly cache?: StepCache | undefined;
  readonly checkpoints?: CheckpointStore | undefined;
  /** Default `"required"`: a step that cannot be written down as done has failed. */
  readonly checkpointPolicy?: "required" | "best_effort";
  /** Default: a run that succeeds leaves no checkpoint. */
  readonly keepCheckpoints?: boolean;
  /** How many steps of a run go at a time, if the flow allows as many. Default 1. */
  readonly maxConcurrency?: number;
  /** For tools that have no limit of their own. Default: none. */
  readonly toolTimeoutMs?: number;
  /** Default 10 MiB. */
  readonly maxOutputBytes?: number;
}

export interface ExecutorOptions {
  /** Whether a change of the configuration waits until no run is under way, and holds back those that come later. */
  readonly strictReconfiguration?: boolean;
}

export interface RunOptions extends CancelOptions {
  /** Values for the flow's dynamic_params. They are in no record, no checkpoint and no output. */
  readonly params?: Readonly<Record<string, unknown>>;
  readonly middleware?: readonly FlowMiddleware[];
  /** Runs a flow that is not active. */
  readonly force?: boolean;
  /** Runs a flow whatever can be said against it beforehand; what is wrong fails a step. */
  readonly unchecked?: boolean;
  /** Default: one that nobody else has. */
  readonly traceId?: string;
}

/** Runs flows, several at a time. */
export class FlowExecutor {
  readonly #running = new IdReservations<string>({ label: "runs", onCommit: "forget" });
  readonly #exclusive = new KeyedMutex<string>({ label: "exclusive" });
  readonly #computing = new KeyedMutex<string>({ label: "cache" });
  readonly #changes: RwLock | undefined;
  /** Set within a run that holds back changes, so that a run within it does not wait for a change that waits for the outer one. */
  readonly #isWithin = new AsyncLocalStorage<boolean>();
  #configuration: Configuration;

  constructor(configuration: Configuration, { strictReconfiguration = false }: ExecutorOptions = {}) {
    this.#configuration = checked(configuration);
    if (strictReconfiguration) this.#changes = new RwLock({ label: "configuration" });
  }

  get configuration(): Configuration {
    return this.#configuration;
  }

  /** Changes what later runs are made with. */
  async reconfigure(change: Partial<Configuration>): Promise<void> {
    using _alone = await this.#changes?.write();
    this.#configuration = checked({ ...this.#configuration, ...change });
  }

  /**
   * Runs a flow. What fails in the run is in the result.
   *
   * @throws By rejecting, before anything has run: `FlowStatusError`, `FlowUnsupportedError`, `FlowCompileError`,
   * `UnknownParameterError`, `AlreadyRunningError`. `FlowCancelledError` if it is ended from outside.
   */
  execute(
    flow: FlowDefinition,
    input: Readonly<Record<string, unknown>>,
    options: RunOptions = {},
  ): Promise<RunResult> {
    return this.#admitted(async (configuration) => {
      admit(flow, configuration, options);
      const { ports } = configuration;
      const { params = {}, traceId = ports.newTraceId() } = options;
      await using _claim = await this.#claim(traceId, configuration.checkpoints);
      const snapshot: Snapshot = {
        format_version: snapshotFormat,
        trace_id: traceId,
        sequence: 0,
        flow_name: flow.name,
        flow_version: flow.version,
        definition_digest: definitionDigest(flow),
        tool_hashes: hashesOf(flow, configuration.tools),
        started_at: new Date(ports.wallTime()).toISOString(),
        initial_input: structuredClone(input),
        param_names: Object.keys(params),
        steps: {},
      };
      return await this.#run(flow, snapshot, false, configuration, options);
    });
  }

  /**
   * Goes on with a run that another one has left unfinished. `find` gives the flow of exactly that name and version.
   *
   * @throws By rejecting, before anything has run: as `execute`, and `CheckpointerNotConfiguredError`,
   * `CheckpointNotFoundError`, `CheckpointVersionError`, `CheckpointDriftError`, `MissingParameterError`.
   */
  resume(
    traceId: string,
    find: (name: string, version: string) => FlowDefinition | Promise<FlowDefinition>,
    options: Omit<RunOptions, "traceId"> = {},
  ): Promise<RunResult> {
    return this.#admitted(async (configuration) => {
      const { checkpoints, tools } = configuration;
      if (checkpoints === undefined) throw new CheckpointerNotConfiguredError();
      if ((await checkpoints.load(traceId)) === undefined) throw new CheckpointNotFoundError(traceId);
      await using _claim = await this.#claim(traceId, checkpoints);
      // What stands there by now, as nobody else writes it any more.
      const snapshot = await checkpoints.load(traceId);
      if (snapshot === undefined) throw new CheckpointNotFoundError(traceId);
      checkFormat(snapshot);
      const flow = await find(snapshot.flow_name, snapshot.flow_version);
      checkDrift(snapshot, flow, tools);
      admit(flow, configuration, options);
      const missing = snapshot.param_names.filter((name) => !Object.hasOwn(options.params ?? {}, name));
      if (missing.length > 0) throw new MissingParameterError(traceId, missing);
      return await this.#run(flow, snapshot, true, configuration, options);
    });
  }

  /** Runs a flow and gives its events as they come. Whoever leaves early ends the run, and waits for that. */
  async *stream(
    flow: FlowDefinition,
    input: Readonly<Record<string, unknown>>,
    options: RunOptions = {},
  ): AsyncGenerator<FlowEvent, RunResult, void> {
    // The end is a place of its own.
    const events: (FlowEvent | undefined)[] = [];
    let wake = (): void => undefined;
    const put = (event: FlowEvent | undefined): void => {
      events.push(event);
      wake();
    };
    const left = new AbortController();
    const { signal, unlink } = linkSignals([options.signal, left.signal]);
    const run = this.execute(flow, input, {
      ...options,
      signal,
      middleware: [...(options.middleware ?? []), { name: "stream", event: put }],
    });
    const over = run
      .catch(() => undefined)
      .then(() => {
        put(undefined);
      });
    try {
      for (;;) {
        if (events.length === 0)
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        const event = events.shift();
        if (event === undefined) return await run;
        yield event;
      }
    } finally {
      left.abort(new Error("Nobody reads the events of the run any more"));
      await over;
      unlink();
    }
  }

  /** Runs with what is configured now. */
  async #admitted(run: (configuration: Configuration) => Promise<RunResult>): Promise<RunResult> {
    if (this.#changes === undefined || this.#isWithin.getStore() === true)
      return await run(this.#configuration);
    using _shared = await this.#changes.read();
    return await this.#isWithin.run(true, () => run(this.#configuration));
  }

  /** The right to run what has this id: nobody else in this process or another has it. */
  async #claim(traceId: string, store: CheckpointStore | undefined): Promise<AsyncDisposable> {
    const reservation = this.#reserve(traceId);
    try {
      const lease = await store?.claim?.(traceId);
      return {
        async [Symbol.asyncDispose]() {
          try {
            await lease?.[Symbol.asyncDispose]();
          } finally {
            reservation.release();
          }
        },
      };
    } catch (error) {
      reservation.release();
      throw error;
    }
  }

  #reserve(traceId: string): { release(): void } {
    try {
      return this.#running.reserve(traceId, { label: "a run in this process" });
    } catch (error) {
      if (error instanceof IdTakenError) throw new AlreadyRunningError(traceId, error.label ?? "somebody");
      throw error;
    }
  }

  async #run(
    flow: FlowDefinition,
    snapshot: Snapshot,
    resumed: boolean,
    configuration: Configuration,
    options: RunOptions,
  ): Promise<RunResult> {
    const { ports, middleware = [], onHookFailure = () => undefined } = configuration;
    const { params = {} } = options;
    using cancellation = new Cancellation(options, ports);
    const own = flow.type === "Flow" ? 1 : (flow.max_concurrency ?? Infinity);
    const run = new FlowRun({
      traceId: snapshot.trace_id,
      settings: {
        flow,
        tools: configuration.tools,
        schemas: configuration.schemas ?? {},
        ports,
        params: new Set(Object.keys(params)),
        cache: configuration.cache,
        computing: this.#computing,
        exclusive: this.#exclusive,
        toolTimeoutMs: configuration.toolTimeoutMs,
        maxOutputBytes: configuration.maxOutputBytes ?? 10 * 1024 * 1024,
      },
      announcer: new Announcer([...middleware, ...(options.middleware ?? [])], onHookFailure),
      cancellation,
      concurrency: Math.min(own, configuration.maxConcurrency ?? 1),
      params: structuredClone(params),
      snapshot,
      resumed,
      store: configuration.checkpoints,
      checkpointRequired: configuration.checkpointPolicy !== "best_effort",
      keepCheckpoint: configuration.keepCheckpoints ?? false,
    });
    return await run.execute();
  }
}

function checked(configuration: Configuration): Configuration {
  const { maxConcurrency = 1 } = configuration;
  if (!(maxConcurrency >= 1) || (maxConcurrency !== Infinity && !Number.isInteger(maxConcurrency)))
    throw new RangeError(
      `maxConcurrency must be a whole number from 1, or Infinity, received ${maxConcurrency}`,
    );
  return Object.freeze({ ...configuration, tools: new Map(configuration.tools) });
}

/** Throws if a flow cannot run here. */
function admit(
  flow: FlowDefinition,
  { tools, schemas = {} }: Configuration,
  { force = false, unchecked = false, params = {} }: RunOptions,
): void {
  if (flow.status !== "active" && !force) throw new FlowStatusError(flow.name, flow.status);
  const unsupported = preflight(flow);
  if (unsupported.length > 0) throw new FlowUnsupportedError(flow.name, unsupported);
  const unknown = Object.keys(params).find((name) => !flow.dynamic_params.includes(name));
  if (unknown !== undefined) throw new UnknownParameterError(flow.name, unknown, flow.dynamic_params);
  const findings = unchecked ? [] : compile(flow, tools, schemas);
  if (findings.some(isError)) throw new FlowCompileError(flow.name, findings);
}

function checkFormat({ trace_id, flow_name, format_version }: Snapshot): void {
  if (format_version.split(".")[0] !== snapshotFormat.split(".")[0])
    throw new CheckpointVersionError(trace_id, flow_name, format_version, snapshotFormat);
}

/** Throws if what would run now is not what ran then. */
function checkDrift(snapshot: Snapshot, flow: FlowDefinition, tools: Toolset): void {
  const { trace_id, flow_name, flow_version, definition_digest, tool_hashes } = snapshot;
  const drift = (detail: string): CheckpointDriftError =>
    new CheckpointDriftError(trace_id, flow_name, detail);
  if (flow.name !== flow_name) throw drift(`this is the flow ${JSON.stringify(flow.name)}`);
  if (flow.version !== flow_version)
    throw drift(`it ran version ${flow_version}, and this is ${flow.version}`);
  if (definitionDigest(flow) !== definition_digest)
    throw drift(`the definition of version ${flow_version} has been changed since`);
  for (const [name, hash] of Object.entries(tool_hashes)) {
    const tool = tools.get(name);
    if (tool === undefined) throw drift(`the tool ${JSON.stringify(name)} is gone`);
    if (tool.schemaHash !== hash) throw drift(`the tool ${JSON.stringify(name)} has other schemas now`);
  }
}
