import { AsyncLocalStorage } from "node:async_hooks";
import { KeyedMutex } from "@holdfast/keyed-mutex";
import { RwLock } from "@holdfast/rw-lock";
import type { FlowDefinition } from "../definition/definition.js";
import { definitionDigest } from "../definition/definition-digest.js";
import { hashesOf } from "../definition/tool-hashes.js";
import { admit, checkDrift, checkFormat, checkParameters } from "./admission.js";
import { Cancellation } from "./cancellation.js";
import { type Snapshot, snapshotFormat } from "./checkpoint.js";
import { checked, type Configuration, type RunOptions } from "./configuration.js";
import { Announcer, type FlowEvent } from "./events.js";
import { FlowRun } from "./flow-run.js";
import type { RunResult } from "./records.js";
import { CheckpointerNotConfiguredError, CheckpointNotFoundError } from "./refusals.js";
import { RunClaims } from "./run-claims.js";
import { streamedRun } from "./streamed-run.js";

export interface ExecutorOptions {
  /** Whether a change of the configuration waits until no run is under way, and holds back those that come later. */
  readonly strictReconfiguration?: boolean;
}

/** Runs flows, several at a time. */
export class FlowExecutor {
  readonly #claims = new RunClaims();
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
      await using _claim = await this.#claims.claim(traceId, configuration.checkpoints);
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
   * `CheckpointNotFoundError`, `CheckpointUnusableError`, `CheckpointVersionError`, `CheckpointDriftError`, `MissingParameterError`.
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
      await using _claim = await this.#claims.claim(traceId, checkpoints);
      // What stands there by now, as nobody else writes it any more.
      const snapshot = await checkpoints.load(traceId);
      if (snapshot === undefined) throw new CheckpointNotFoundError(traceId);
      checkFormat(snapshot);
      const flow = await find(snapshot.flow_name, snapshot.flow_version);
      checkDrift(snapshot, flow, tools);
      admit(flow, configuration, options);
      checkParameters(snapshot, options.params ?? {});
      return await this.#run(flow, snapshot, true, configuration, options);
    });
  }

  /** Runs a flow and gives its events as they come. Whoever leaves early ends the run, and waits for that. */
  stream(
    flow: FlowDefinition,
    input: Readonly<Record<string, unknown>>,
    options: RunOptions = {},
  ): AsyncGenerator<FlowEvent, RunResult, void> {
    return streamedRun(options, (all) => this.execute(flow, input, all));
  }

  /** Runs with what is configured now. */
  async #admitted(run: (configuration: Configuration) => Promise<RunResult>): Promise<RunResult> {
    if (this.#changes === undefined || this.#isWithin.getStore() === true)
      return await run(this.#configuration);
    using _shared = await this.#changes.read();
    return await this.#isWithin.run(true, () => run(this.#configuration));
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
        graceMs: configuration.graceMs,
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
