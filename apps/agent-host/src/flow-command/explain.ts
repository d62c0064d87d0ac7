import { kindOf } from "../flows/file/file-kind.js";
import { SourceFile } from "../flows/file/source-file.js";
import { UsageError } from "../usage-error.js";
import { explainFlow } from "./flow/explain-flow.js";

/** Prints what a file would do; resolves to the exit code. */
export async function runExplain(path: string): Promise<number> {
  if (kindOf(SourceFile.read(path)) !== "flow")
    throw new UsageError(`${path} is a pipeline, and only flows can be explained yet.`);
  process.stdout.write(await explainFlow(path));
  return 0;
}
