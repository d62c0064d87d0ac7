import type { StepWait } from "./events.js";
import type { StepContext } from "./step-settings.js";

/** Told how a step gets on. */
export interface StepListener {
  /** With what its tool is given, before it is. */
  started(inputs: unknown): void;
  waiting(wait: StepWait): void;
  working(): void;
  /** The cache cannot be read or written. */
  cacheFailed(error: string): void;
}

/** Waits without the slot of the step. */
export type WaitFor = <R>(wait: StepWait, fn: () => Promise<R>) => Promise<R>;

/** Waits, and tells of it. A step that fails while it waits does not work again. */
export function waitsOf({ idle }: StepContext, listener: StepListener): WaitFor {
  return async (wait, fn) => {
    const result = await idle(async () => {
      listener.waiting(wait);
      const found = await fn();
      listener.waiting({ for: "slot" });
      return found;
    });
    listener.working();
    return result;
  };
}
