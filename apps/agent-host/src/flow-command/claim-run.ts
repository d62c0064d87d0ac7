import { randomUUID } from "node:crypto";
import { type ClaimedFolder, claimFolder } from "../processes/claim-folder.js";
import { UsageError } from "../usage-error.js";

/** Where runs are kept unless it is said otherwise. */
export const defaultRuns = ".agent-host/runs";

/** An id for a run that is nobody else's on this disk, with its folder. Throws `UsageError`, by rejecting. */
export async function claimRun(runs: string, name: string): Promise<ClaimedFolder> {
  try {
    return await claimFolder(runs, () => `${name}-${randomUUID().slice(0, 8)}`);
  } catch (error) {
    throw new UsageError(
      `cannot keep the run in ${runs}: ${(error as Error).message}. Give another folder with --runs.`,
    );
  }
}
