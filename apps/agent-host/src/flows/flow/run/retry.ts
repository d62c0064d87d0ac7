import type { Retry } from "../definition/definition.js";
import { longestWaitMs, type Ports } from "./ports.js";
import { errorCodes } from "./error-codes.js";

/** How long to wait before the how-manieth retry, from 1. */
export function backoffMs(
  { backoff_seconds, backoff_multiplier, jitter }: Retry,
  retry: number,
  ports: Ports,
): number {
  const ms = backoff_seconds * 1000 * backoff_multiplier ** (retry - 1);
  return Math.min(jitter ? ms * ports.jitter() : ms, longestWaitMs);
}

/** Whether an error is one of those that the policy names, by its own name or code or those of its cause. */
export function isRetryable({ retryable_errors }: Retry, error: unknown): boolean {
  if (retryable_errors === null) return true;
  const { cause } = Object(error) as { cause?: unknown };
  return [...namesOf(error), ...namesOf(cause)].some((name) => retryable_errors.includes(name));
}

function namesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { code } = error as { code?: unknown };
  const codes: Readonly<Record<string, string>> = errorCodes;
  return [error.name, codes[error.name], code].filter((each) => typeof each === "string");
}
