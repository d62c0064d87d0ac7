import { digest } from "../../canonical-json.js";
import { UnusableCheckpointError } from "../../checkpoints/unusable-checkpoint.js";
import type { SavedChange, SavedJournal } from "./saved.js";

const format = "2.0";

/** What another process needs to go on with a run of a pipeline. */
export interface Snapshot {
  readonly run_id: string;
  /** The file, as it was given. */
  readonly source: string;
  /** All files that were read so far, relative to the folder of that one, with what each means. */
  readonly files: readonly (readonly [string, string])[];
  readonly inputs: readonly (readonly [string, string])[];
  readonly disabled: readonly string[];
  readonly journal: SavedJournal;
}

/** What a run has done since. */
export interface Progress {
  readonly files: Snapshot["files"];
  readonly changes: readonly SavedChange[];
}

/** What keeps a run from being resumed; the message says what to do. */
export class ResumeRefusedError extends Error {
  override readonly name = "ResumeRefusedError";
}

/**
 * A checkpoint as it stands on the disk: a snapshot, and what was added to it. Each line has a sum, over the one before as well, by which
 * somebody else's hand in it would be seen.
 */
export class Seal {
  #last = "";

  snapshot(snapshot: Snapshot): object {
    const plain = plainOf(snapshot);
    this.#last = digest(plain);
    return { kind: "pipeline", format_version: format, sum: this.#last, snapshot: plain };
  }

  progress(progress: Progress): object {
    const plain = plainOf(progress);
    this.#last = digest([this.#last, plain]);
    return { sum: this.#last, progress: plain };
  }
}

/** What a checkpoint says. */
export interface Unsealed {
  readonly snapshot: Snapshot;
  readonly later: readonly Progress[];
}

/**
 * Reads the lines that a `Seal` has made. `path` is where they stand.
 *
 * @throws `UnusableCheckpointError` if they are something else.
 */
export function unsealed([first, ...rest]: readonly string[], runId: string, path: string): Unsealed {
  const refused = (why: string): UnusableCheckpointError => UnusableCheckpointError.damaged(runId, why, path);
  const damaged = (): UnusableCheckpointError =>
    refused("it has been damaged or changed since it was written");
  if (first === undefined) throw refused("it has no whole line");
  const { kind, format_version, sum, snapshot } = parsed(first, refused);
  if (kind !== "pipeline") throw UnusableCheckpointError.otherKind(runId, "pipeline");
  if (format_version !== format)
    throw refused(`it has format ${String(format_version)}, and this program reads ${format}`);
  if (snapshot === undefined || digest(snapshot) !== sum) throw damaged();
  let last = sum;
  const later = rest.map((line) => {
    const { sum: next, progress } = parsed(line, refused);
    if (digest([last, progress]) !== next) throw damaged();
    last = next;
    return progress as Progress;
  });
  return { snapshot: snapshot as Snapshot, later };
}

function plainOf(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

function parsed(text: string, refused: (why: string) => Error): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refused(`it is no JSON (${(error as Error).message})`);
  }
  if (typeof value !== "object" || value === null) throw refused("it is no JSON object");
  return value as Record<string, unknown>;
}
