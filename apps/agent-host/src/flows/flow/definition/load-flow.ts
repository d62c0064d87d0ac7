import { readFileSync } from "node:fs";
import type { SchemaObject } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { kindOf } from "../../file/file-kind.js";
import { FileProblemsError, type Problem } from "../../file/problem.js";
import { Shape } from "../../file/shape.js";
import { type Path, SourceFile } from "../../file/source-file.js";
import type { Unread } from "../../file/unread.js";
import type { FlowDefinition } from "./definition.js";
import { referenceProblems } from "./references.js";
import { topologyProblems } from "./topology.js";

type FlowType = FlowDefinition["type"];

const types: readonly FlowType[] = ["Flow", "DAGFlow"];
const longestText = 100_000;
const mostSteps = 1000;
const schemaFile = new URL("../../../../schemas/flow.schema.json", import.meta.url);

/** Reads and checks a flow's file. Runs nothing of it. Throws `FileProblemsError`. */
export function loadFlow(path: string): FlowDefinition {
  return flowOf(SourceFile.read(path));
}

/** Makes a checked flow of a file. Throws `FileProblemsError` with all that is wrong with it. */
export function flowOf(file: SourceFile): FlowDefinition {
  const { flow, problems } = readFlow(file);
  refuse(problems);
  return flow;
}

/** What of a file can be read as a flow, and all that is wrong with it. */
export interface ReadFlow {
  readonly flow: FlowDefinition;
  readonly problems: readonly Problem[];
  readonly unread: Unread;
}

/**
 * Reads a flow's file, and looks at everything in it that can be read.
 *
 * @throws `FileProblemsError` with what keeps the file from being a flow of this format.
 */
export function readFlow(file: SourceFile): ReadFlow {
  const type = typeOf(file);
  refuse(versionProblems(file));
  refuse(sizeProblems(file));
  const { problems, sound, unread } = shapeOf(type).check(file);
  const flow = withDefaults(type, withSteps(sound));
  const all = [
    ...problems,
    ...choiceProblems(type, file, unread),
    ...referenceProblems(flow, file, unread),
    ...topologyProblems(flow, file),
  ];
  return { flow, problems: all, unread };
}

/** What could not be read as a step stays one in its place, of which nothing is known. */
function withSteps(sound: unknown): object {
  const { steps = [], ...rest } = sound as { steps?: readonly unknown[] };
  return { ...rest, steps: steps.map((step) => step ?? {}) };
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new FileProblemsError(problems);
}

function invalid(file: SourceFile, message: string, path: readonly (string | number)[]): Problem {
  return file.problem("config/validation-failed", message, path);
}

/** Which of the two kinds of flow it is; the shapes differ, and so do the messages. */
function typeOf(file: SourceFile): FlowType {
  if (kindOf(file) !== "flow")
    throw new FileProblemsError([invalid(file, "this is a pipeline, not a flow", ["kind"])]);
  const { type } = file.value as { type?: unknown };
  const known = types.find((each) => each === type);
  if (known !== undefined) return known;
  const message =
    type === undefined
      ? 'a flow needs "type": Flow (a list of steps) or DAGFlow (a graph of steps)'
      : `"type" must be Flow or DAGFlow, not ${JSON.stringify(type)}`;
  throw new FileProblemsError([invalid(file, message, ["type"])]);
}

function versionProblems(file: SourceFile): Problem[] {
  const { format_version: version } = file.value as { format_version?: unknown };
  if (typeof version !== "string" || /^1(\.\d+)?$/.test(version)) return [];
  const message = `"format_version" ${JSON.stringify(version)} is not known here; this program reads format 1`;
  return [invalid(file, message, ["format_version"])];
}

function sizeProblems(file: SourceFile): Problem[] {
  const { steps } = file.value as { steps?: unknown };
  const problems: Problem[] = [];
  if (Array.isArray(steps) && steps.length > mostSteps)
    problems.push(
      invalid(file, `${steps.length} steps are more than ${mostSteps}, which is the limit; split the flow`, [
        "steps",
      ]),
    );
  const path = longText(file.value);
  if (path !== undefined)
    problems.push(
      invalid(file, `this text is longer than ${longestText} characters, which is the limit`, path),
    );
  return problems;
}

/** Of what excludes each other there must be one: the schema says so, too, but cannot say it in words. */
function choiceProblems(type: FlowType, file: SourceFile, unread: Unread): Problem[] {
  const { steps, tools } = file.value as { steps?: unknown; tools?: unknown };
  const ofStep = ["tool_name", "flow_name", ...(type === "DAGFlow" ? ["capability_id"] : [])];
  const check = (value: unknown, keys: readonly string[], name: string, path: Path): Problem[] => {
    if (typeof value !== "object" || value === null) return [];
    const count = keys.filter((key) => key in value).length;
    const isMisspelt = unread.hasRiddle(path) || keys.some((key) => unread.has([...path, key]));
    if (count === 1 || (count === 0 && isMisspelt)) return [];
    return [invalid(file, `${name} must have exactly one of ${keys.join(", ")}; it has ${count}`, path)];
  };
  return [
    ...(Array.isArray(steps) ? steps : []).flatMap((step: unknown, index) =>
      check(step, ofStep, `step ${index}`, ["steps", index]),
    ),
    ...Object.entries(Object(tools) as object).flatMap(([name, tool]: [string, unknown]) =>
      check(tool, ["command", "mcp"], `tool ${JSON.stringify(name)}`, ["tools", name]),
    ),
  ];
}

/** Where the first text is that is too long. The file is of bounded depth. */
function longText(value: unknown): (string | number)[] | undefined {
  if (typeof value === "string") return value.length > longestText ? [] : undefined;
  for (const [key, each] of Object.entries(Object(value) as object)) {
    const path = longText(each);
    if (path !== undefined) return [key, ...path];
  }
  return undefined;
}

/** One published schema is the source of everything: which keys there are, of what types, and their defaults. */
let published: SchemaObject | undefined;

function schemaOf(type: FlowType): SchemaObject {
  published ??= JSON.parse(readFileSync(schemaFile, "utf8")) as SchemaObject;
  const { $defs } = published as { $defs: object };
  return { $defs, $ref: `#/$defs/${type}` };
}

const shapes = new Map<FlowType, Shape>();

function shapeOf(type: FlowType): Shape {
  const shape = shapes.get(type) ?? new Shape(schemaOf(type));
  shapes.set(type, shape);
  return shape;
}

const fillers = new Map<FlowType, (value: unknown) => unknown>();

function withDefaults(type: FlowType, value: unknown): FlowDefinition {
  const fill =
    fillers.get(type) ??
    new Ajv2020({ useDefaults: true, allErrors: true, strict: true, allowUnionTypes: true }).compile(
      schemaOf(type),
    );
  fillers.set(type, fill);
  const flow = structuredClone(value);
  fill(flow);
  return flow as FlowDefinition;
}
