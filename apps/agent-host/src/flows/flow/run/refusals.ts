import { type Finding, isError } from "../check/finding.js";
import type { Unsupported } from "../check/preflight.js";
import type { FlowStatus } from "../definition/definition.js";
import { FlowError } from "./error-codes.js";

/** Errors that keep a run from starting: they are thrown, and nothing has run. */

export class FlowStatusError extends FlowError {
  override readonly name = "FlowStatusError";
  readonly flow: string;
  readonly status: FlowStatus;

  constructor(flow: string, status: FlowStatus) {
    super(
      `The flow ${JSON.stringify(flow)} is "${status}" and not "active"; change its status, or force the run`,
    );
    this.flow = flow;
    this.status = status;
  }
}

export class FlowUnsupportedError extends FlowError {
  override readonly name = "FlowUnsupportedError";
  readonly flow: string;
  /** All of it, in the order of steps. */
  readonly unsupported: readonly Unsupported[];

  constructor(flow: string, unsupported: readonly Unsupported[]) {
    const list = unsupported.map(({ step_index, step_id, feature, reason }) => {
      const step = step_index === -1 ? "" : `step ${step_id ?? step_index}: `;
      return `${step}${feature}: ${reason}`;
    });
    super(`The flow ${JSON.stringify(flow)} asks for what this host cannot do:\n${list.join("\n")}`);
    this.flow = flow;
    this.unsupported = unsupported;
  }
}

export class FlowCompileError extends FlowError {
  override readonly name = "FlowCompileError";
  readonly flow: string;
  readonly findings: readonly Finding[];

  constructor(flow: string, findings: readonly Finding[]) {
    const errors = findings.filter(isError).map(({ detail }) => detail);
    super(`The flow ${JSON.stringify(flow)} cannot run:\n${errors.join("\n")}`);
    this.flow = flow;
    this.findings = findings;
  }
}

export class UnknownParameterError extends FlowError {
  override readonly name = "UnknownParameterError";
  readonly parameter: string;

  constructor(flow: string, parameter: string, known: readonly string[]) {
    super(
      `The flow ${JSON.stringify(flow)} has no parameter ${JSON.stringify(parameter)}; its dynamic_params are: ${known.join(", ") || "none"}`,
    );
    this.parameter = parameter;
  }
}

export class MissingParameterError extends FlowError {
  override readonly name = "MissingParameterError";
  readonly parameters: readonly string[];

  constructor(traceId: string, parameters: readonly string[]) {
    super(
      `Run ${traceId} was started with the parameters ${parameters.join(", ")}, which are not written down; give them again`,
    );
    this.parameters = parameters;
  }
}

export class AlreadyRunningError extends FlowError {
  override readonly name = "AlreadyRunningError";
  readonly traceId: string;
  /** Who runs it. */
  readonly holder: string;

  constructor(traceId: string, holder: string) {
    super(`Run ${traceId} is already being run, by ${holder}; wait for it to end, or end it, and try again`);
    this.traceId = traceId;
    this.holder = holder;
  }
}

export class CheckpointerNotConfiguredError extends FlowError {
  override readonly name = "CheckpointerNotConfiguredError";

  constructor() {
    super("Nothing can be resumed, because no checkpoints are kept; give the executor a checkpoint store");
  }
}

export class CheckpointNotFoundError extends FlowError {
  override readonly name = "CheckpointNotFoundError";
  readonly traceId: string;

  constructor(traceId: string) {
    super(
      `There is no checkpoint of run ${traceId}. It may have finished, or have been run from another folder`,
    );
    this.traceId = traceId;
  }
}

export class CheckpointUnusableError extends FlowError {
  override readonly name = "CheckpointUnusableError";
  readonly traceId: string;

  /** The message of `cause` says what to do. */
  constructor(traceId: string, cause: Error) {
    super(cause.message, { cause });
    this.traceId = traceId;
  }
}

export class CheckpointVersionError extends FlowError {
  override readonly name = "CheckpointVersionError";
  readonly traceId: string;
  readonly flow: string;
  readonly snapshotVersion: string;
  readonly expectedVersion: string;

  constructor(traceId: string, flow: string, snapshotVersion: string, expectedVersion: string) {
    super(
      `The checkpoint of run ${traceId} has format ${snapshotVersion}, and this program reads ${expectedVersion}; run the flow anew`,
    );
    this.traceId = traceId;
    this.flow = flow;
    this.snapshotVersion = snapshotVersion;
    this.expectedVersion = expectedVersion;
  }
}

export class CheckpointDriftError extends FlowError {
  override readonly name = "CheckpointDriftError";
  readonly traceId: string;
  readonly flow: string;
  readonly detail: string;

  constructor(traceId: string, flow: string, detail: string) {
    super(
      `Run ${traceId} of ${JSON.stringify(flow)} cannot go on: ${detail}. Take that back, or run the flow anew`,
    );
    this.traceId = traceId;
    this.flow = flow;
    this.detail = detail;
  }
}
