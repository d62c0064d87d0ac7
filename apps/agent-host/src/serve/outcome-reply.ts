import { messageOf } from "../session/message-of.js";
import type { FailureKind, Outcome } from "../session/outcome.js";

/** An outcome as others get to see it. */
export interface OutcomeReply {
  /** Of HTTP. */
  readonly status: number;
  readonly body: object;
}

/** Only an answer is a success. */
export function replyTo(outcome: Outcome): OutcomeReply {
  switch (outcome.status) {
    case "completed":
      return { status: 200, body: outcome };
    case "cancelled":
    case "drainTimeout":
      // Not by its sender, who would not be there any more.
      return { status: 503, body: { ...outcome, reason: messageOf(outcome.reason) } };
    case "idleTimeout":
      return { status: 504, body: outcome };
    case "failed":
      return { status: statusOf[outcome.failure], body: { ...outcome, error: outcome.error.message } };
  }
}

const statusOf: Readonly<Record<FailureKind, number>> = {
  // It is the agent that fails, or what is behind it.
  transport: 502,
  notStarted: 502,
  protocol: 502,
  provider: 502,
  overflow: 502,
  drainNotClean: 502,
  turnLimit: 504,
  message: 400,
  evicted: 503,
  closed: 503,
  waitTimeout: 503,
  queueFull: 503,
  internal: 500,
};
