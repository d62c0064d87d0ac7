import type { StepRecord } from "./records.js";
import type { Output } from "./cache.js";
import type { ToolHashes } from "../definition/definition.js";

export const snapshotFormat = "2.0";

/** What another process needs to go on with a run. No parameter of the run is in it, only their names. */
export interface Snapshot {
  readonly format_version: string;
  readonly trace_id: string;
  /** Later ones have greater numbers. */
  readonly sequence: number;
  readonly flow_name: string;
  readonly flow_version: string;
  /** Of the definition as it ran. */
  readonly definition_digest: string;
  readonly tool_hashes: ToolHashes;
  readonly started_at: string;
  readonly initial_input: Readonly<Record<string, unknown>>;
  readonly param_names: readonly string[];
  /** The steps that are done, by name, in the order in which they ended. */
  readonly steps: Readonly<Record<string, CompletedStep>>;
}

/** A snapshot, and what has been done since, in that order. */
export function advanced(snapshot: Snapshot, later: readonly Progress[]): Snapshot {
  const steps = [snapshot, ...later].flatMap((each) => Object.entries(each.steps));
  const { sequence } = later.at(-1) ?? snapshot;
  return { ...snapshot, sequence, steps: Object.fromEntries(steps) };
}

export interface CompletedStep {
  /** What it adds to the context; `null` for one that was skipped. */
  readonly contribution: Output | null;
  readonly record: StepRecord;
}

/** What has been done since a snapshot. */
export type Progress = Pick<Snapshot, "sequence" | "steps">;

/** Where snapshots are kept, one for each run. */
export interface CheckpointStore {
  /** In the place of the one before. */
  save(snapshot: Snapshot): Promise<void> | void;
  /** Brings the one that is there up to date. */
  add(traceId: string, progress: Progress): Promise<void> | void;
  /** `undefined` if there is none. Rejects with `CheckpointUnusableError` if it cannot be read. */
  load(traceId: string): Promise<Snapshot | undefined> | Snapshot | undefined;
  delete(traceId: string): Promise<void> | void;
  /** Keeps other processes from running it. Rejects with `AlreadyRunningError`. */
  claim?(traceId: string): Promise<AsyncDisposable>;
}

/** Snapshots that end with the process. Nothing in them is shared with anybody. */
export class MemoryCheckpoints implements CheckpointStore {
  readonly #snapshots = new Map<string, Snapshot>();

  get size(): number {
    return this.#snapshots.size;
  }

  save(snapshot: Snapshot): void {
    this.#snapshots.set(snapshot.trace_id, structuredClone(snapshot));
  }

  add(traceId: string, progress: Progress): void {
    const snapshot = this.#snapshots.get(traceId);
    if (snapshot === undefined) throw new Error(`there is no snapshot of run ${traceId} to add to`);
    this.#snapshots.set(traceId, advanced(snapshot, [structuredClone(progress)]));
  }

  load(traceId: string): Snapshot | undefined {
    return structuredClone(this.#snapshots.get(traceId));
  }

  delete(traceId: string): void {
    this.#snapshots.delete(traceId);
  }
}
