/** Why a step, or a run, failed. The names are stable. */
export type ErrorType =
  | "template/unresolved-variable"
  | "condition/invalid"
  | "runner/invocation-failed"
  | "runner/cancelled"
  | "runner/not-found"
  | "pipeline/aborted"
  | "pipeline/circular-reference"
  | "schema/output-validation-failed"
  | "schema/input-validation-failed"
  | "storage/write-failed"
  | "config/validation-failed";

interface Details {
  readonly stepId?: string | undefined;
  readonly cause?: unknown;
}

/** A failure of a step. Its message is the detail for people. */
export class StepError extends Error {
  override readonly name = "StepError";
  readonly type: ErrorType;
  readonly stepId: string | undefined;
  /** What failed besides, in the order in which that happened. */
  readonly secondary: StepError[] = [];

  constructor(type: ErrorType, message: string, { stepId, cause }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.type = type;
    this.stepId = stepId;
  }

  /** What was thrown, as a failure of this step. */
  static of(error: unknown, stepId: string): StepError {
    if (error instanceof StepError) {
      // That the log cannot be written is no step's failure.
      if (error.stepId !== undefined || error.type === "storage/write-failed") return error;
      return new StepError(error.type, error.message, { stepId, cause: error });
    }
    const message = error instanceof Error ? error.message : String(error);
    return new StepError("runner/invocation-failed", `step "${stepId}": ${message}`, {
      stepId,
      cause: error,
    });
  }
}
