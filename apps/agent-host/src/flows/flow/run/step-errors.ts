import { FlowError } from "./error-codes.js";

/** Errors of steps: they are in the record of a step, and the run has failed. */

/** Where an error comes from. */
export interface At {
  readonly tool: string;
  readonly stepIndex: number;
}

abstract class StepError extends FlowError {
  readonly tool: string;
  readonly stepIndex: number;

  constructor({ tool, stepIndex }: At, message: string, options?: ErrorOptions) {
    super(message, options);
    this.tool = tool;
    this.stepIndex = stepIndex;
  }
}

export class ToolNotFoundError extends StepError {
  override readonly name = "ToolNotFoundError";

  constructor(at: At) {
    super(at, `There is no tool ${JSON.stringify(at.tool)}`);
  }
}

export class InputMappingError extends StepError {
  override readonly name = "InputMappingError";
  /** The key that is not there, or as much of a pointer as leads to something. */
  readonly key: string;

  constructor(at: At, target: string, source: string, key: string) {
    const upTo = source.startsWith("/") ? `; it leads as far as ${JSON.stringify(key)}` : "";
    super(
      at,
      `${JSON.stringify(at.tool)} gets as ${JSON.stringify(target)} what ${JSON.stringify(source)} names in the context, where it is not${upTo}`,
    );
    this.key = key;
  }
}

export class OutputMappingError extends StepError {
  override readonly name = "OutputMappingError";
  readonly outputKey: string;
  readonly available: readonly string[];

  constructor(at: At, outputKey: string, available: readonly string[]) {
    super(
      at,
      `The output of ${JSON.stringify(at.tool)} has no ${JSON.stringify(outputKey)}, which output_mapping takes; it has: ${available.join(", ") || "nothing"}`,
    );
    this.outputKey = outputKey;
    this.available = available;
  }
}

export class SchemaValidationError extends StepError {
  override readonly name = "SchemaValidationError";
  readonly context: "input" | "output" | "flow input" | "flow output" | "flow context";
  readonly detail: string;

  constructor(at: At, context: SchemaValidationError["context"], errors: readonly string[]) {
    const whose = context.startsWith("flow")
      ? `The ${context.slice(5)} of the flow`
      : `The ${context} of ${JSON.stringify(at.tool)}`;
    super(at, `${whose} does not fit its schema: ${errors.join("; ")}`);
    this.context = context;
    this.detail = errors.join("; ");
  }
}

/** What a step has promised of its input or output is not so: the wiring is wrong, and no policy hides that. */
export class ContractError extends StepError {
  override readonly name = "ContractError";

  constructor(at: At, which: "input" | "output", errors: readonly string[]) {
    super(at, `The ${which}_contract of the step does not hold: ${errors.join("; ")}`);
  }
}

/** Whatever a tool throws; the `cause` is that. */
export class StepExecutionError extends StepError {
  override readonly name = "StepExecutionError";
  readonly detail: string;

  constructor(at: At, cause: unknown) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    super(at, `${JSON.stringify(at.tool)} failed: ${detail}`, { cause });
    this.detail = detail;
  }
}

export class ToolTimeoutError extends StepError {
  override readonly name = "ToolTimeoutError";
  readonly timeoutMs: number;

  constructor(at: At, timeoutMs: number) {
    super(at, `${JSON.stringify(at.tool)} did not end within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** What was told to stop, and has still not ended. */
export class StepUnresponsiveError extends StepError {
  override readonly name = "StepUnresponsiveError";

  constructor(at: At, graceMs: number) {
    super(
      at,
      `${JSON.stringify(at.tool)} was told to stop, still runs ${graceMs} ms later, and is left alone; let it heed its signal`,
    );
  }
}

export class ToolOutputError extends StepError {
  override readonly name = "ToolOutputError";

  constructor(at: At, problem: string) {
    super(at, `What ${JSON.stringify(at.tool)} returned cannot be used: ${problem}`);
  }
}

export class ToolOutputSizeError extends StepError {
  override readonly name = "ToolOutputSizeError";
  readonly size: number;
  readonly maxSize: number;

  constructor(at: At, size: number, maxSize: number) {
    super(
      at,
      `${JSON.stringify(at.tool)} returned ${size} bytes of JSON, more than ${maxSize}, which is the limit`,
    );
    this.size = size;
    this.maxSize = maxSize;
  }
}

export class CheckpointWriteError extends StepError {
  override readonly name = "CheckpointWriteError";

  constructor(at: At, cause: unknown) {
    super(
      at,
      `The state of the run could not be written down at ${JSON.stringify(at.tool)}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
