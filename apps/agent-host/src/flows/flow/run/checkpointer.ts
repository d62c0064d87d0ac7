import { LatestWriter } from "../../checkpoints/latest-writer.js";
import type { CheckpointStore, CompletedStep, Snapshot } from "./checkpoint.js";

/** Writes down what a run has done, one snapshot at a time, each newer than the one before. */
export class Checkpointer {
  readonly #steps: Map<string, CompletedStep>;
  readonly #writer: LatestWriter;

  constructor(store: CheckpointStore, base: Snapshot, onSaved: (sequence: number) => void) {
    this.#steps = new Map(Object.entries(base.steps));
    this.#writer = new LatestWriter(async (sequence) => {
      await store.save({ ...base, sequence, steps: Object.fromEntries(this.#steps) });
      onSaved(sequence);
    }, base.sequence);
  }

  /** Resolves when it is written down that the step is done. */
  async completed(step: string, completed: CompletedStep): Promise<void> {
    this.#steps.set(step, completed);
    this.#writer.changed();
    await this.#writer.written();
  }
}
