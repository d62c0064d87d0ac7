import { ChangeWriter } from "../../checkpoints/change-writer.js";
import type { CheckpointStore, CompletedStep, Snapshot } from "./checkpoint.js";

/** Writes down what a run has done, one write at a time, each of what is newer than the one before. */
export class Checkpointer {
  readonly #steps: Map<string, CompletedStep>;
  readonly #writer: ChangeWriter<readonly [string, CompletedStep]>;

  constructor(store: CheckpointStore, base: Snapshot, onSaved: (sequence: number) => void) {
    this.#steps = new Map(Object.entries(base.steps));
    this.#writer = new ChangeWriter(
      {
        whole: async (sequence) => {
          await store.save({ ...base, sequence, steps: Object.fromEntries(this.#steps) });
          onSaved(sequence);
        },
        add: async (done, sequence) => {
          await store.add(base.trace_id, { sequence, steps: Object.fromEntries(done) });
          onSaved(sequence);
        },
      },
      base.sequence,
    );
  }

  /** Resolves when it is written down that the step is done. */
  async completed(step: string, completed: CompletedStep): Promise<void> {
    this.#steps.set(step, completed);
    this.#writer.changed([step, completed]);
    await this.#writer.written();
  }
}
