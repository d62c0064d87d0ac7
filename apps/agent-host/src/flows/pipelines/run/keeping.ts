import { StepError } from "../values/step-error.js";
import type { EventSink } from "./events.js";
import type { RunCheckpoint } from "./run-checkpoint.js";

/** Waits for what a run has told and noted to be kept. */
export class Keeping {
  readonly #events: EventSink;
  readonly #checkpoint: RunCheckpoint;
  #failure: StepError | undefined;

  constructor(events: EventSink, checkpoint: RunCheckpoint) {
    this.#events = events;
    this.#checkpoint = checkpoint;
  }

  /** Resolves when all so far is kept for good, or else to why it cannot be: for all who ask, what was first in the way. */
  async failure(): Promise<StepError | undefined> {
    try {
      await this.#events.flushed();
      await this.#checkpoint.written();
      return undefined;
    } catch (error) {
      this.#failure ??= StepError.of(error, "log");
      return this.#failure;
    }
  }
}
