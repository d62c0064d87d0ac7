import { readFileSync } from "node:fs";
import type { SchemaObject } from "ajv";
import { kindOf } from "../file/file-kind.js";
import { FileProblemsError } from "../file/problem.js";
import { Shape } from "../file/shape.js";
import type { SourceFile } from "../file/source-file.js";
import type { Pipeline } from "./definition/model.js";
import type { RawPipeline } from "./definition/raw.js";
import { readPipeline } from "./definition/read-pipeline.js";
import { Report } from "./definition/report.js";
import { checkGraph } from "./rules/check-graph.js";

let shape: Shape | undefined;

/**
 * Makes a checked pipeline of a file. Nothing is run for that, and nothing written.
 *
 * @throws `FileProblemsError` with everything that is wrong: of the shape first, then of each step, then of their graph.
 */
export function pipelineOf(file: SourceFile): Pipeline {
  shape ??= new Shape(JSON.parse(readFileSync(schemaFile, "utf8")) as SchemaObject);
  const report = new Report(file);
  // Whoever has mistyped the kind of the file wants to hear of that alone.
  if (kindOf(file) !== "pipeline") report.add("this is a flow, not a pipeline", ["kind"]);
  else report.problems.push(...shape.problems(file));
  if (report.problems.length > 0) throw new FileProblemsError(report.problems);

  const pipeline = readPipeline(file.value as RawPipeline, report);
  checkGraph(pipeline, report);
  if (report.problems.length > 0) throw new FileProblemsError(report.problems);
  return pipeline;
}

const schemaFile = new URL("../../../schemas/pipeline.schema.json", import.meta.url);
