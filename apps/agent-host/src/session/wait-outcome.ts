import { isLockError } from "@holdfast/priority-lock";
import { type Cancelled, failed, type Outcome } from "./outcome.js";

/**
 * Why somebody was never let in, in the session's own words. Not a cancel of a turn: there was none. Throws what is neither the lock's nor
 * the signal's.
 */
export function waitOutcome(error: unknown, signal?: AbortSignal): Outcome {
  if (signal?.aborted === true && error === signal.reason)
    return { status: "cancelled", sent: false, text: "", reason: error } satisfies Cancelled;
  const details = { cause: error };
  if (isLockError(error, "ERR_TIMEOUT"))
    return failed("waitTimeout", "The session was not to be had in time", details);
  if (isLockError(error, "ERR_CLOSED"))
    return failed("closed", "The session was closed before its turn came", details);
  if (isLockError(error, "ERR_QUEUE_FULL"))
    return failed("queueFull", "Too many wait for the session", details);
  throw error;
}
