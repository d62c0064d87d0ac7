import { kindOf } from "../flows/file/file-kind.js";
import { FileProblemsError, type Problem } from "../flows/file/problem.js";
import { SourceFile } from "../flows/file/source-file.js";
import { Library } from "../flows/pipelines/library.js";

/** Says what is wrong with the files, or that nothing is; resolves to the exit code. */
export function runCheck(paths: readonly string[], { json = false }: { json?: boolean }): number {
  const problems: Problem[] = [];
  for (const path of paths)
    try {
      const said = checkFile(path);
      if (!json) process.stdout.write(`${path}: ${said}\n`);
    } catch (error) {
      if (!(error instanceof FileProblemsError)) throw error;
      problems.push(...error.problems);
      if (!json) process.stdout.write(`${error.message}\n`);
    }
  if (json) process.stdout.write(`${JSON.stringify({ valid: problems.length === 0, problems })}\n`);
  return problems.length === 0 ? 0 : 2;
}

function checkFile(path: string): string {
  const kind = kindOf(SourceFile.read(path));
  if (kind === "flow") return "a flow";
  const { scope } = new Library().open(path);
  return `valid, ${scope.steps.length} ${scope.steps.length === 1 ? "step" : "steps"}`;
}
