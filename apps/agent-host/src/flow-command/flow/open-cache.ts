import { CacheFolder } from "../../flows/flow/host/cache-folder.js";
import { UsageError } from "../../usage-error.js";

/** Opens the folder that was given with `--cache`. Throws `UsageError`, by rejecting. */
export async function openCache(path: string): Promise<CacheFolder> {
  try {
    return await CacheFolder.open(path);
  } catch (error) {
    throw new UsageError(
      `cannot keep outputs in ${path}: ${(error as Error).message}. Give another folder with --cache.`,
    );
  }
}
