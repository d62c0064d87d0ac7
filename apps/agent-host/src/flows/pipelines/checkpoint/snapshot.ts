import { digest } from "../../canonical-json.js";
import type { SavedJournal } from "./saved.js";

const format = "1.0";

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

/** What keeps a run from being resumed; the message says what to do. */
export class ResumeRefusedError extends Error {
  override readonly name = "ResumeRefusedError";
}

/** As it stands on the disk: with a sum, by which somebody else's hand in it would be seen. */
export function sealed(snapshot: Snapshot): object {
  const plain = JSON.parse(JSON.stringify(snapshot)) as Snapshot;
  return { kind: "pipeline", format_version: format, sum: digest(plain), snapshot: plain };
}

/**
 * Reads what `sealed()` has made. `path` is where it stands.
 *
 * @throws `ResumeRefusedError` if it is something else.
 */
export function unsealed(text: string, runId: string, path: string): Snapshot {
  const refused = (why: string): ResumeRefusedError =>
    new ResumeRefusedError(
      `The checkpoint of run ${runId} cannot be used: ${why}. Remove ${path} and run the file anew`,
    );
  const { kind, format_version, sum, snapshot } = parsed(text, refused);
  if (kind !== "pipeline")
    throw new ResumeRefusedError(
      `Run ${runId} is not one of a pipeline; give the file that it was started with`,
    );
  if (format_version !== format)
    throw refused(`it has format ${String(format_version)}, and this program reads ${format}`);
  if (digest(snapshot) !== sum) throw refused("it has been damaged or changed since it was written");
  return snapshot as Snapshot;
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
