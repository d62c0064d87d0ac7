import { LockError } from "@holdfast/core";

/**
 * What ended the pipe: its owner closed the writer (`"closed"`), the stream reported an error (`"error"`) or was
 * destroyed or ended by somebody else (`"destroyed"`), nothing was taken for as long as `stallTimeout` allows
 * (`"stalled"`), or somebody else wrote to the stream (`"foreign-write"`).
 */
export type PipeFailure = "closed" | "error" | "destroyed" | "stalled" | "foreign-write";

/**
 * What the reader can have of the message: nothing (`"no"`: safe to send again elsewhere), a part of it and not all
 * (`"partial"`), or nothing, a part or all of it (`"unknown"`).
 */
export type Delivered = "no" | "partial" | "unknown";

/** The pipe was closed or has failed, and nothing more is written to it. */
export class PipeClosedError extends LockError {
  override readonly name = "PipeClosedError" as const;
  readonly code = "ERR_PIPE_CLOSED" as const;
  readonly failure: PipeFailure;
  readonly delivered: Delivered;

  constructor(message: string, failure: PipeFailure, delivered: Delivered, cause: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.failure = failure;
    this.delivered = delivered;
  }
}

/**
 * What is wrong with a frame. Of one to be sent, of which nothing was written: the framing threw (`"encode"`), it is empty
 * or has a line break where none may be (`"shape"`), or it is too large (`"limit"`). Of one that was read: the line is too
 * long (`"limit"`), the stream ended within it (`"truncated"`), or `parse` threw (`"malformed"`).
 */
export type FrameFault = "encode" | "shape" | "limit" | "truncated" | "malformed";

/** One frame is not as it must be. A writer goes on with the next; a reader is at its end. */
export class FrameError extends LockError {
  override readonly name = "FrameError" as const;
  readonly code = "ERR_FRAME" as const;
  readonly fault: FrameFault;
  /** How long the frame is, as far as it is known. */
  readonly bytes: number;
  /** How a frame that was read begins. */
  readonly sample: string | undefined;

  constructor(
    message: string,
    fault: FrameFault,
    details: { readonly bytes?: number; readonly sample?: string; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.fault = fault;
    this.bytes = details.bytes ?? 0;
    this.sample = details.sample;
  }
}

const failures: Readonly<Record<PipeFailure, string>> = {
  closed: "was closed",
  error: "has failed",
  destroyed: "was destroyed or ended by somebody else",
  stalled: "has stalled",
  "foreign-write": "was written to by somebody else",
};

const outcomes: Readonly<Record<Delivered, string>> = {
  no: "nothing of the message was written",
  partial: "a part of the message was written",
  unknown: "the message may have been written, in part or as a whole",
};

/** Makes the error of one message, of which `who` says whose it is. */
export function pipeClosed(
  who: string,
  failure: PipeFailure,
  delivered: Delivered,
  cause: unknown,
): PipeClosedError {
  const because = cause instanceof Error ? ` (${cause.message})` : "";
  return new PipeClosedError(
    `${who} ${failures[failure]}${because}: ${outcomes[delivered]}`,
    failure,
    delivered,
    cause,
  );
}
