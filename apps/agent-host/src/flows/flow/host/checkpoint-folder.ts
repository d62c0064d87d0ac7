import { RunFolders, RunTakenError } from "../../checkpoints/run-folders.js";
import { advanced, type CheckpointStore, type Progress, type Snapshot } from "../run/checkpoint.js";
import { AlreadyRunningError } from "../run/refusals.js";

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
      const [first = "null", ...later] = (await this.#folders.read(traceId)) ?? [];
      const progress = later.map((line) => JSON.parse(line) as Progress);
      const snapshot = advanced(JSON.parse(first) as Snapshot, progress);
      return snapshot.trace_id === traceId ? snapshot : undefined;
    } catch {
      return undefined;
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
