import { basename } from "node:path";
import { RunFolders, RunTakenError } from "../flows/checkpoints/run-folders.js";
import { UnusableCheckpointError } from "../flows/checkpoints/unusable-checkpoint.js";
import type { Request } from "../flows/pipelines/checkpoint/drift.js";
import { KeptRun } from "../flows/pipelines/checkpoint/kept-run.js";
import { ResumeRefusedError } from "../flows/pipelines/checkpoint/snapshot.js";
import type { Library } from "../flows/pipelines/library.js";
import { UsageError } from "../usage-error.js";
import { claimRun } from "./claim-run.js";

export interface KeepOptions {
  /** Where runs keep what they need to be resumed. */
  readonly runs: string;
  /** The run to go on with. */
  readonly resume?: string | undefined;
}

/** A run of a pipeline that can be resumed: a new one, or one that is. Throws `UsageError`, by rejecting. */
export async function keepRun(
  file: string,
  library: Library,
  asked: Request,
  { runs, resume }: KeepOptions,
): Promise<KeptRun> {
  const folders = new RunFolders(runs);
  if (resume === undefined) return await begin(folders, file, library, asked, runs);
  try {
    return await KeptRun.resume(folders, resume, library, file, asked);
  } catch (error) {
    if (refusals.some((refusal) => error instanceof refusal))
      throw new UsageError(`${(error as Error).message}.`);
    throw error;
  }
}

const refusals = [ResumeRefusedError, RunTakenError, UnusableCheckpointError];

async function begin(
  folders: RunFolders,
  file: string,
  library: Library,
  asked: Request,
  runs: string,
): Promise<KeptRun> {
  // An id is the name of a folder, and a part of a command.
  const name = basename(file)
    .replace(/\.ya?ml$/, "")
    .replaceAll(/[^\w.-]/g, "_");
  await using claimed = await claimRun(runs, name);
  try {
    const run = await KeptRun.begin(folders, claimed.id, library, file, asked);
    claimed.commit();
    return run;
  } catch (error) {
    throw new UsageError(
      `cannot keep the run in ${runs}: ${(error as Error).message}. Give another folder with --runs.`,
    );
  }
}
