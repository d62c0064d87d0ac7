import type { HostSchemas } from "../definition/schema-refs.js";
import type { Toolset } from "../tools/tool.js";
import type { StepCache } from "./cache.js";
import type { CancelOptions } from "./cancellation.js";
import type { CheckpointStore } from "./checkpoint.js";
import type { FlowMiddleware, ReportHookFailure } from "./events.js";
import type { Ports } from "./ports.js";

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
  /** For how long a tool that was told to stop is waited for. Default: until it ends, so that nothing goes on after a run. */
  readonly graceMs?: number;
  /** Default 10 MiB. */
  readonly maxOutputBytes?: number;
}

/** What a single run is made with besides. */
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

/** A copy that nobody changes. Throws `RangeError`. */
export function checked(configuration: Configuration): Configuration {
  const { maxConcurrency = 1 } = configuration;
  if (!(maxConcurrency >= 1) || (maxConcurrency !== Infinity && !Number.isInteger(maxConcurrency)))
    throw new RangeError(
      `maxConcurrency must be a whole number from 1, or Infinity, received ${maxConcurrency}`,
    );
  return Object.freeze({ ...configuration, tools: new Map(configuration.tools) });
}
