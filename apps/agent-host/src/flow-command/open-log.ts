import { FileLog } from "../flows/log/file-log.js";
import { UsageError } from "../usage-error.js";

/** Opens the file that was given with `--log`. Throws `UsageError`, by rejecting. */
export async function openLog(path: string): Promise<FileLog> {
  try {
    return await FileLog.open(path);
  } catch (error) {
    throw new UsageError(
      `cannot open the log: ${(error as Error).message}. Check the path given with --log.`,
    );
  }
}
