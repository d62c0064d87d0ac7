import { messageOf } from "../../../session/message-of.js";
import type { CheckpointStore, CompletedStep, Snapshot } from "./checkpoint.js";
import { Checkpointer } from "./checkpointer.js";
import type { EventParts } from "./events.js";
import { CheckpointWriteError } from "./step-errors.js";

export interface RunCheckpointOptions {
  readonly store: CheckpointStore | undefined;
  /** What the run starts from: nothing done yet, or as far as an earlier process came. */
  readonly snapshot: Snapshot;
  /** Whether a step counts as failed when it cannot be written down that it is done. */
  readonly checkpointRequired: boolean;
  readonly keepCheckpoint: boolean;
}

/** What a run keeps so that it can be resumed, and what it means when that cannot be written. */
export class RunCheckpoint {
  readonly #options: RunCheckpointOptions;
  readonly #tell: (event: EventParts) => void;
  readonly #checkpointer: Checkpointer | undefined;

  constructor(options: RunCheckpointOptions, tell: (event: EventParts) => void) {
    const { store, snapshot } = options;
    this.#options = options;
    this.#tell = tell;
    if (store !== undefined)
      this.#checkpointer = new Checkpointer(store, snapshot, (sequence) => {
        tell({ kind: "checkpoint", sequence });
      });
  }

  /** So that a run can be resumed whatever happens to its first step. Rejects with `CheckpointWriteError` if it fails of that. */
  async begin(): Promise<void> {
    const { store, snapshot } = this.#options;
    try {
      await store?.save(snapshot);
    } catch (error) {
      this.#notWritten(new CheckpointWriteError(snapshot.flow_name, error));
    }
  }

  /** A step is done. Rejects with `CheckpointWriteError` if it fails of that. */
  async completed(name: string, completed: CompletedStep): Promise<void> {
    const { tool_name } = completed.record;
    try {
      await this.#checkpointer?.completed(name, completed);
    } catch (error) {
      this.#notWritten(new CheckpointWriteError(tool_name ?? name, error));
    }
  }

  /** The run has succeeded: nobody has to go on with it. */
  async end(): Promise<void> {
    const { store, snapshot, keepCheckpoint } = this.#options;
    if (keepCheckpoint) return;
    try {
      await store?.delete(snapshot.trace_id);
    } catch (error) {
      this.#tell({
        kind: "checkpoint",
        sequence: -1,
        error: `it could not be deleted: ${messageOf(error)}`,
      });
    }
  }

  #notWritten(error: CheckpointWriteError): void {
    if (this.#options.checkpointRequired) throw error;
    this.#tell({ kind: "checkpoint", sequence: -1, error: error.message });
  }
}
