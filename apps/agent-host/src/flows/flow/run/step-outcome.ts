import type { Output } from "./cache.js";
import type { Inputs } from "./inputs.js";

/** How a step went, as far as its record says so. */
export interface StepOutcome {
  inputs: Inputs | undefined;
  outputs: Output | undefined;
  /** What it adds to the context; nothing if it is skipped. */
  contribution: Output | undefined;
  /** Why it failed, or was skipped. */
  error: unknown;
  succeeded: boolean;
  skipped: boolean;
  cached: boolean;
  fallback: string | undefined;
  /** How often its own tool was called, and any tool. */
  attempts: number;
  toolCalls: number;
  retryErrors: string[];
}

export function newOutcome(): StepOutcome {
  return {
    inputs: undefined,
    outputs: undefined,
    contribution: undefined,
    error: undefined,
    succeeded: false,
    skipped: false,
    cached: false,
    fallback: undefined,
    attempts: 0,
    toolCalls: 0,
    retryErrors: [],
  };
}
