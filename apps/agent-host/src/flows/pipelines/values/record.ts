import type { ToolEvent } from "../../runners/runner.js";

/** What a step that is over has made. It never changes. */
export interface StepRecord {
  readonly stepId: string;
  readonly prompt: string;
  readonly response: string | null;
  readonly costUsd: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly sessionId: string | null;
  /** The conversation that it went on with, or began with a copy of. */
  readonly sessionBefore: string | undefined;
  readonly stdout: string | null;
  readonly stderr: string | null;
  readonly exitCode: number | null;
  readonly thinking: string | null;
  readonly toolEvents: readonly ToolEvent[];
  readonly model: string | undefined;
  readonly sampling: unknown;
  /** How an async step came to the conversation before it. */
  readonly contextInherited: "copied" | "replayed" | "none" | undefined;
  readonly group: string | undefined;
  readonly launchedAt: string;
  readonly startedAt: string;
  readonly completedAt: string;
  readonly join: JoinRecord | undefined;
}

interface JoinRecord {
  readonly mode: "text" | "structured";
  readonly onError: "fail_fast" | "wait_for_all";
  readonly failed: readonly string[];
  readonly cancelled: readonly string[];
  /** Of a structured join: the outputs by dependency, in their order. */
  readonly entries: ReadonlyMap<string, unknown> | undefined;
}

/** Of a step that has made nothing. */
export const emptyRecord = {
  response: null,
  costUsd: null,
  inputTokens: 0,
  outputTokens: 0,
  sessionId: null,
  sessionBefore: undefined,
  stdout: null,
  stderr: null,
  exitCode: null,
  thinking: null,
  toolEvents: [],
  model: undefined,
  sampling: undefined,
  contextInherited: undefined,
  join: undefined,
} as const satisfies Partial<StepRecord>;

/** What a step says to those after it: its answer, or what a command wrote. */
export function textOf({ response, stdout, stderr }: StepRecord): string | null {
  // Only a command writes, and it gives no answer.
  if (stdout === null || stderr === null) return response;
  return [stdout, stderr].filter((part) => part !== "").join("\n");
}

/** Where the JSON of a step stands. */
export function jsonTextOf({ response, stdout }: StepRecord): string {
  return response ?? stdout ?? "";
}
