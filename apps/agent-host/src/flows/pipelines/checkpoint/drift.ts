import { basename, dirname, relative, resolve } from "node:path";
import { FileProblemsError } from "../../file/problem.js";
import type { Library } from "../library.js";
import { ResumeRefusedError, type Snapshot } from "./snapshot.js";

/** What a run was asked for. */
export interface Request {
  readonly inputs: ReadonlyMap<string, string>;
  readonly disabled: ReadonlySet<string>;
}

/** The files of a run as a snapshot has them. */
export function filesOf(library: Library, source: string): Snapshot["files"] {
  const folder = dirname(resolve(source));
  return [...library.digests].map(([path, digest]) => [relative(folder, path), digest]);
}

/**
 * Whoever resumes a run need not say again what it was asked for, and must not say something else.
 *
 * @throws `ResumeRefusedError` if what would run now is not what ran then.
 */
export function checkDrift(snapshot: Snapshot, library: Library, source: string, asked: Request): void {
  const { run_id: runId } = snapshot;
  if (basename(source) !== basename(snapshot.source))
    throw new ResumeRefusedError(`Run ${runId} is one of ${snapshot.source}, and this is ${source}`);
  for (const [path, digest] of snapshot.files) checkFile(runId, library, source, path, digest);
  const inputs = new Map(snapshot.inputs);
  for (const [name, value] of asked.inputs)
    if (inputs.get(name) !== value)
      throw new ResumeRefusedError(
        `Run ${runId} was started ${inputs.has(name) ? `with another value of ${name}` : `without ${name}`}. ` +
          "Leave --set out, since the run keeps what it was started with, or run the file anew",
      );
  const disabled = new Set(snapshot.disabled);
  for (const step of asked.disabled)
    if (!disabled.has(step))
      throw new ResumeRefusedError(
        `Run ${runId} was started without --disable ${step}. Leave that out, or run the file anew`,
      );
}

function checkFile(runId: string, library: Library, source: string, path: string, digest: string): void {
  const full = resolve(dirname(source), path);
  const refused = (what: string): ResumeRefusedError =>
    new ResumeRefusedError(
      `Run ${runId} cannot go on: ${full} ${what} since. Take that back, or run the file anew`,
    );
  let now: string;
  try {
    now = library.digestOf(full);
  } catch (error) {
    if (!(error instanceof FileProblemsError)) throw error;
    throw refused("is gone or has become wrong");
  }
  if (now !== digest) throw refused("has been changed");
}
