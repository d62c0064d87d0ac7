import { readFileSync } from "node:fs";
import type { SchemaObject } from "ajv";
import { kindOf } from "../file/file-kind.js";
import type { Problem } from "../file/problem.js";
import { Shape } from "../file/shape.js";
import type { SourceFile } from "../file/source-file.js";
import { Unread } from "../file/unread.js";
import type { Pipeline } from "./definition/model.js";
import type { RawPipeline } from "./definition/raw.js";
import { readPipeline } from "./definition/read-pipeline.js";
import { Report } from "./definition/report.js";
import { checkGraph } from "./rules/check-graph.js";

let shape: Shape | undefined;

/** What is made of a file, and all that is wrong with it. */
export interface Checked {
  /** Only what of it can be read, if something is wrong; nothing if it is no pipeline at all. */
  readonly pipeline: Pipeline | undefined;
  readonly problems: readonly Problem[];
  readonly unread: Unread;
}

/** Reads a pipeline, and looks at everything in it that can be read. Nothing is run for that, and nothing written. */
export function checkPipeline(file: SourceFile): Checked {
  // Whoever has mistyped the kind of the file wants to hear of that alone.
  if (kindOf(file) !== "pipeline") {
    const problem = file.problem("config/validation-failed", "this is a flow, not a pipeline", ["kind"]);
    return { pipeline: undefined, problems: [problem], unread: new Unread(file.value) };
  }
  shape ??= new Shape(JSON.parse(readFileSync(schemaFile, "utf8")) as SchemaObject);
  const { problems, sound, unread } = shape.check(file);
  const report = new Report(file, unread);
  report.problems.push(...problems);
  const pipeline = readPipeline(sound as RawPipeline, report);
  checkGraph(pipeline, report);
  return { pipeline, problems: report.problems, unread };
}

const schemaFile = new URL("../../../schemas/pipeline.schema.json", import.meta.url);
