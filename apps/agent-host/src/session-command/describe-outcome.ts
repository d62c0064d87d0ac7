import { isLockError, type PreemptedError } from "@holdfast/priority-lock";
import type { Outcome } from "../session/outcome.js";

/** Whether somebody of a higher kind asked for it. */
export function isPreempted(reason: unknown): reason is PreemptedError {
  return isLockError(reason, "ERR_PREEMPTED");
}

/** What became of a prompt, in one line. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.status) {
    case "completed":
      return `completed: ${quote(outcome.text)}`;
    case "cancelled":
      return `cancelled, ${after(outcome.sent, outcome.text)}${why(outcome.reason)}`;
    case "failed":
      return `failed (${outcome.failure}): ${quote(outcome.error.message, 200)}`;
    case "idleTimeout":
      return `failed: the agent said nothing for ${outcome.afterMs} ms and is replaced`;
    case "drainTimeout":
      return `cancelled; the agent did not stop within ${outcome.afterMs} ms and is replaced`;
  }
}

/** In one line, with an end, and without what could move a terminal's cursor. */
export function quote(text: string, length = 60): string {
  const start = printable(JSON.stringify(text.slice(0, length)));
  return text.length > length ? `${start}…` : start;
}

/** Text of the agent, without what could move a terminal's cursor. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, "\uFFFD");
}

function after(sent: boolean, text: string): string {
  if (!sent) return "before the agent saw it";
  return text === "" ? "before the agent said anything" : `after ${quote(text)}`;
}

function why(reason: unknown): string {
  return isPreempted(reason) || !(reason instanceof Error) ? "" : ` (${reason.message})`;
}
