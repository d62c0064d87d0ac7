import { messageOf } from "../../../session/message-of.js";
import { FlowError } from "./error-codes.js";

/** Errors of steps: their name, code and message are in the record of a step, and the run has failed. */

export class ToolNotFoundError extends FlowError {
  override readonly name = "ToolNotFoundError";

  constructor(tool: string) {
    super(`There is no tool ${JSON.stringify(tool)}`);
  }
}

export class InputMappingError extends FlowError {
  override readonly name = "InputMappingError";

  /** `key` is what is not there, or as much of a pointer as leads to something. */
  constructor(tool: string, target: string, source: string, key: string) {
    const upTo = source.startsWith("/") ? `; it leads as far as ${JSON.stringify(key)}` : "";
    super(
      `${JSON.stringify(tool)} gets as ${JSON.stringify(target)} what ${JSON.stringify(source)} names in the context, where it is not${upTo}`,
    );
  }
}

export class OutputMappingError extends FlowError {
  override readonly name = "OutputMappingError";

  constructor(tool: string, outputKey: string, available: readonly string[]) {
    super(
      `The output of ${JSON.stringify(tool)} has no ${JSON.stringify(outputKey)}, which output_mapping takes; it has: ${available.join(", ") || "nothing"}`,
    );
  }
}

export class SchemaValidationError extends FlowError {
  override readonly name = "SchemaValidationError";

  /** `tool` is `null` for what is the flow's own. */
  constructor(tool: string | null, which: "input" | "output" | "context", errors: readonly string[]) {
    const whose = tool === null ? "the flow" : JSON.stringify(tool);
    super(`The ${which} of ${whose} does not fit its schema: ${errors.join("; ")}`);
  }
}

/** What a step has promised of its input or output is not so: the wiring is wrong, and no policy hides that. */
export class ContractError extends FlowError {
  override readonly name = "ContractError";

  constructor(which: "input" | "output", errors: readonly string[]) {
    super(`The ${which}_contract of the step does not hold: ${errors.join("; ")}`);
  }
}

/** Whatever a tool throws; the `cause` is that. */
export class StepExecutionError extends FlowError {
  override readonly name = "StepExecutionError";

  constructor(tool: string, cause: unknown) {
    super(`${JSON.stringify(tool)} failed: ${messageOf(cause)}`, { cause });
  }
}

export class ToolTimeoutError extends FlowError {
  override readonly name = "ToolTimeoutError";

  constructor(tool: string, timeoutMs: number) {
    super(`${JSON.stringify(tool)} did not end within ${timeoutMs} ms`);
  }
}

/** What was told to stop, and has still not ended. */
export class StepUnresponsiveError extends FlowError {
  override readonly name = "StepUnresponsiveError";

  constructor(tool: string, graceMs: number) {
    super(
      `${JSON.stringify(tool)} was told to stop, still runs ${graceMs} ms later, and is left alone; let it heed its signal`,
    );
  }
}

export class ToolOutputError extends FlowError {
  override readonly name = "ToolOutputError";

  constructor(tool: string, problem: string) {
    super(`What ${JSON.stringify(tool)} returned cannot be used: ${problem}`);
  }
}

export class ToolOutputSizeError extends FlowError {
  override readonly name = "ToolOutputSizeError";

  constructor(tool: string, size: number, maxSize: number) {
    super(`${JSON.stringify(tool)} returned ${size} bytes of JSON, more than ${maxSize}, which is the limit`);
  }
}

export class CheckpointWriteError extends FlowError {
  override readonly name = "CheckpointWriteError";

  /** `at` is the tool of the step that is done, or the flow. */
  constructor(at: string, cause: unknown) {
    super(`The state of the run could not be written down at ${JSON.stringify(at)}: ${messageOf(cause)}`);
  }
}
