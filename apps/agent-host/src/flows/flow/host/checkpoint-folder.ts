import { RunFolders, RunTakenError } from "../../checkpoints/run-folders.js";
import { UnusableCheckpointError } from "../../checkpoints/unusable-checkpoint.js";
import type { CheckpointStore, Progress, Snapshot } from "../run/checkpoint.js";
import { AlreadyRunningError, CheckpointUnusableError } from "../run/refusals.js";
import { readSnapshot } from "./read-snapshot.js";

/** Checkpoints of flows in a folder. */
export class CheckpointFolder implements CheckpointStore {
  readonly #folders: RunFolders;

  constructor(root: string) {
    this.#folders = new RunFolders(root);
  }

  async save(snapshot: Snapshot): Promise<void> {
    await this.#folders.save(snapshot.trace_id, snapshot);
  }

  async add(traceId: string, progress: Progress): Promise<void> {
    await this.#folders.add(traceId, progress);
  }

  async load(traceId: string): Promise<Snapshot | undefined> {
    try {
      const lines = await this.#folders.read(traceId);
      return lines && readSnapshot(lines, traceId, this.#folders.pathOf(traceId));
    } catch (error) {
      if (error instanceof UnusableCheckpointError) throw new CheckpointUnusableError(traceId, error);
      throw error;
    }
  }

  async delete(traceId: string): Promise<void> {
    await this.#folders.delete(traceId);
  }

  async claim(traceId: string): Promise<AsyncDisposable> {
    try {
      return await this.#folders.claim(traceId);
    } catch (error) {
      if (error instanceof RunTakenError) throw new AlreadyRunningError(traceId, error.holder);
      throw error;
    }
  }
}
