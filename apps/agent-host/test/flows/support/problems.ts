import { FileProblemsError } from "../../../src/flows/file/problem.js";
import { SourceFile } from "../../../src/flows/file/source-file.js";
import type { Pipeline } from "../../../src/flows/pipelines/definition/model.js";
import { checkPipeline } from "../../../src/flows/pipelines/load.js";

/** Throws `FileProblemsError`. */
export function pipelineOf(source: SourceFile): Pipeline {
  const { pipeline, problems } = checkPipeline(source);
  if (pipeline === undefined || problems.length > 0) throw new FileProblemsError(problems);
  return pipeline;
}

export function parse(text: string): Pipeline {
  return pipelineOf(SourceFile.parse("p.yaml", text));
}

/** A file with these steps, written as one list of YAML. */
export function file(steps: string, more = ""): string {
  return `version: "1"\n${more}pipeline:\n${steps.replace(/^\n/, "")}`;
}

/** `line:column code message` of each problem. */
export function problemsOf(text: string): string[] {
  return problemsIn(() => parse(text));
}

export function problemsIn(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    if (!(error instanceof FileProblemsError)) throw error;
    return error.problems.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`);
  }
  return [];
}
