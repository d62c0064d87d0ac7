import { Mutex } from "@holdfast/keyed-mutex";
import type { CheckpointStore, CompletedStep, Snapshot } from "./checkpoint.js";

/** Writes down what a run has done, one snapshot at a time, each newer than the one before. */
export class Checkpointer {
  readonly #store: CheckpointStore;
  readonly #onSaved: (sequence: number) => void;
  readonly #turn = new Mutex({ label: "checkpoint" });
  readonly #steps: Map<string, CompletedStep>;
  readonly #base: Snapshot;
  #sequence: number;
  #saved: number;

  constructor(store: CheckpointStore, base: Snapshot, onSaved: (sequence: number) => void) {
    this.#store = store;
    this.#base = base;
    this.#onSaved = onSaved;
    this.#steps = new Map(Object.entries(base.steps));
    this.#sequence = this.#saved = base.sequence;
  }

  /** Resolves when it is written down that the step is done. */
  async completed(step: string, completed: CompletedStep): Promise<void> {
    this.#steps.set(step, completed);
    const wanted = (this.#sequence += 1);
    using _turn = await this.#turn.acquire();
    // Whoever was here before has written this step, too.
    if (this.#saved >= wanted) return;
    const sequence = this.#sequence;
    await this.#store.save({ ...this.#base, sequence, steps: Object.fromEntries(this.#steps) });
    this.#saved = sequence;
    this.#onSaved(sequence);
  }
}
