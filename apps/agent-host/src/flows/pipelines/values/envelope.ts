import type { ErrorType, StepError } from "./step-error.js";

/** What stands in a structured join for a dependency that failed. */
export class Envelope {
  readonly error: string;
  readonly error_type: ErrorType;
  /** Left out where it failed by itself. */
  readonly cancelled: true | undefined;

  constructor({ message, type }: StepError) {
    this.error = message;
    this.error_type = type;
    this.cancelled = type === "runner/cancelled" ? true : undefined;
  }
}
