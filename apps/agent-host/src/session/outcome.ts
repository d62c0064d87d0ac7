import type { ProviderFailure } from "./driver.js";

/**
 * Why a prompt failed: the child or a pipe to it came to an end (`transport`); it could not be started (`notStarted`); it wrote what is no
 * message (`protocol`); the provider or the agent reported an error (`provider`), too long a conversation being one of its own
 * (`overflow`); it was interrupted and nobody knows what it still does (`drainNotClean`); the turn took longer than allowed
 * (`turnLimit`); the message is no frame, or too large (`message`); the session was taken away (`evicted`), is closed (`closed`), was not
 * to be had in time (`waitTimeout`), or too many wait for it (`queueFull`).
 */
export type FailureKind =
  | "transport"
  | "notStarted"
  | "protocol"
  | "provider"
  | "overflow"
  | "drainNotClean"
  | "turnLimit"
  | "message"
  | "evicted"
  | "closed"
  | "internal"
  | "waitTimeout"
  | "queueFull";

/** The turn came to its boundary, and nobody had cancelled it. The text can be empty, if that was the answer. */
interface Completed {
  readonly status: "completed";
  readonly text: string;
}

/** It was cancelled. */
export interface Cancelled {
  readonly status: "cancelled";
  /** Whether the agent may have seen anything of the prompt. */
  readonly sent: boolean;
  /** What it had said by then. */
  readonly text: string;
  /** The reason of the signal. */
  readonly reason: unknown;
}

export interface Failed {
  readonly status: "failed";
  readonly failure: FailureKind;
  /** For people; its `cause` is what was caught. */
  readonly error: Error;
  /** Whether a cancel of this very turn had been seen. */
  readonly cancelled: boolean;
  /** The end of what the agent said on stderr, where the agent ended. */
  readonly stderr?: string;
  readonly provider?: ProviderFailure;
}

/** The agent said nothing for so long; it was replaced. */
interface IdleTimeout {
  readonly status: "idleTimeout";
  readonly afterMs: number;
}

/** It was interrupted and did not come to the boundary of the turn in time; it was replaced. */
interface DrainTimeout {
  readonly status: "drainTimeout";
  readonly afterMs: number;
  readonly reason: unknown;
}

/** What became of a prompt. It belongs to that prompt alone, whatever happens to the session afterwards. */
export type Outcome = Completed | Cancelled | Failed | IdleTimeout | DrainTimeout;

/** Whether a cancel of this very prompt was seen. */
export function wasCancelled(outcome: Outcome): boolean {
  switch (outcome.status) {
    case "cancelled":
    case "drainTimeout":
      return true;
    case "failed":
      return outcome.cancelled;
    default:
      return false;
  }
}

/** Makes a failure; what is not said of it is that no cancel was seen. */
export function failed(
  failure: FailureKind,
  message: string,
  details: {
    readonly cause?: unknown;
    readonly cancelled?: boolean;
    readonly stderr?: string;
    readonly provider?: ProviderFailure;
  } = {},
): Failed {
  const { cause, cancelled = false, stderr, provider } = details;
  return {
    status: "failed",
    failure,
    error: new Error(message, cause === undefined ? undefined : { cause }),
    cancelled,
    ...(stderr !== undefined && { stderr }),
    ...(provider !== undefined && { provider }),
  };
}
