import { kindOf } from "../flows/file/file-kind.js";
import { FileProblemsError, type Problem } from "../flows/file/problem.js";
import { SourceFile } from "../flows/file/source-file.js";
import { checkFlow } from "./flow/check-flow.js";
import { Library } from "../flows/pipelines/library.js";

/** Says what is wrong with the files, or that nothing is; resolves to the exit code. */
export async function runCheck(
  paths: readonly string[],
  { json = false }: { json?: boolean },
): Promise<number> {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  for (const path of paths)
    try {
      const { said, warnings: found } = await checkFile(path);
      warnings.push(...found);
      if (!json) for (const each of found) process.stdout.write(`${each}\n`);
      if (!json) process.stdout.write(`${path}: ${said}\n`);
    } catch (error) {
      if (!(error instanceof FileProblemsError)) throw error;
      problems.push(...error.problems);
      if (!json) process.stdout.write(`${error.message}\n`);
    }
  if (json) process.stdout.write(`${JSON.stringify({ valid: problems.length === 0, problems, warnings })}\n`);
  return problems.length === 0 ? 0 : 2;
}

async function checkFile(path: string): Promise<{ said: string; warnings: readonly string[] }> {
  const kind = kindOf(SourceFile.read(path));
  if (kind === "flow") return await checkFlow(path);
  const { scope } = new Library().open(path);
  const said = `valid, ${scope.steps.length} ${scope.steps.length === 1 ? "step" : "steps"}`;
  return { said, warnings: [] };
}
