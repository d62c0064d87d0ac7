import type { Defaults } from "../definition/model.js";
import type { Surroundings } from "../values/resolve.js";
import type { StepRecord } from "../values/record.js";
import type { View } from "../values/view.js";
import { Call } from "./call.js";
import type { RunContext } from "./run-context.js";

/** What the body of a step needs to know of where it is. */
export interface Place {
  readonly context: RunContext;
  readonly around: Surroundings;
  readonly defaults: Defaults;
  /** What it can see. */
  readonly view: View;
  /** Aborts when it is to stop. */
  readonly signal: AbortSignal;
  /** Its name in events: that of the step that called its pipeline stands before it. */
  readonly name: string;
  /** Settles as `wait` does, and leaves the step's slot to others meanwhile. */
  readonly whileWaiting: <T>(wait: () => Promise<T>) => Promise<T>;
  /** It has to be stopped by force. */
  readonly onForced: () => void;
}

/** What a body has made. What is left out is nothing. */
export type Made = Partial<
  Omit<StepRecord, "stepId" | "prompt" | "group" | "launchedAt" | "startedAt" | "completedAt">
>;

/** A body whose templates are resolved. */
export interface Prepared {
  /** What it asks or runs; nothing for a body that does neither. */
  readonly prompt: string | null;
  run(): Promise<Made>;
}

/** Does work that is stopped when the step is, or when its time is over. */
export async function callWithin<T>(place: Place, work: (call: Call) => Promise<T>): Promise<T> {
  const { context, signal, defaults, onForced } = place;
  const timeoutMs = defaults.timeoutSeconds === undefined ? undefined : defaults.timeoutSeconds * 1000;
  const call = new Call(context.clock, context.graces);
  call.forced.addEventListener("abort", onForced, { once: true });
  try {
    return await call.run(signal, timeoutMs, work);
  } catch (error) {
    // What a runner says when its time is over is seldom why.
    if (call.signal.aborted && !signal.aborted) throw call.signal.reason;
    throw error;
  }
}
