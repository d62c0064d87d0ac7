import { type ErrorObject, type SchemaObject, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Path, SourceFile } from "./source-file.js";
import type { Problem } from "./problem.js";
import { didYouMean } from "./suggestion.js";

/** The shape of one kind of file: a JSON Schema (draft 2020-12), which is all that says which keys there are. */
export class Shape {
  readonly #validate: ValidateFunction;

  constructor(schema: SchemaObject) {
    // A mistake in the schema itself is an error; alternatives name what is defined beside them. Errors carry their part of the schema.
    const strictness = { strict: true, strictRequired: false, strictTypes: false };
    const ajv = new Ajv2020({ ...strictness, allErrors: true, verbose: true });
    this.#validate = ajv.compile(schema);
  }

  /** What is wrong with the shape of a file, in the order of the file. */
  problems(file: SourceFile): Problem[] {
    if (this.#validate(file.value)) return [];
    return (
      (this.#validate.errors ?? [])
        // What is one of several alternatives is told by the loader, which knows which one was meant.
        .filter(({ keyword, schemaPath }) => keyword !== "oneOf" && !schemaPath.includes("/oneOf/"))
        .map((error) => toProblem(file, error))
        .sort((a, b) => a.line - b.line || a.column - b.column)
    );
  }
}

function toProblem(file: SourceFile, error: ErrorObject): Problem {
  const path = pathOf(error.instancePath);
  const name = path.length === 0 ? "the file" : `"${path.at(-1)}"`;
  const unknown = unknownKey(error);
  if (unknown !== undefined) {
    const { properties = {} } = error.parentSchema as { properties?: object };
    const names = Object.keys(properties);
    const message = `unknown key "${unknown}"${didYouMean(unknown, names) || `; allowed: ${names.join(", ")}`}`;
    return file.problem("config/validation-failed", message, [...path, unknown], "key");
  }
  return file.problem(codeOf(error), `${name} ${describe(error)}`, path);
}

function unknownKey({ keyword, params }: ErrorObject): string | undefined {
  if (keyword === "additionalProperties")
    return (params as { additionalProperty: string }).additionalProperty;
  if (keyword === "unevaluatedProperties")
    return (params as { unevaluatedProperty: string }).unevaluatedProperty;
  return undefined;
}

/** A value of another type than asked for is no file of this kind at all; everything else is a mistake within one. */
function codeOf({ keyword, data }: ErrorObject): string {
  const isNegative = keyword === "minimum" && Number(data) < 0;
  return keyword === "type" || isNegative ? "config/invalid-yaml" : "config/validation-failed";
}

function describe({
  keyword,
  params,
  message = "is wrong",
  data,
  schema,
  parentSchema,
}: ErrorObject): string {
  switch (keyword) {
    case "required":
      return `needs "${(params as { missingProperty: string }).missingProperty}"`;
    case "type": {
      const types = [(params as { type: string | string[] }).type].flat();
      const hint =
        types.includes("string") && Object(data) !== data && data !== null ? "; put it in quotes" : "";
      return `must be ${listed(types)}, not ${typeOf(data)}${hint}`;
    }
    case "enum": {
      const allowed = (schema as unknown[]).map(String);
      return `must be one of ${allowed.join(", ")}${typeof data === "string" ? didYouMean(data, allowed) : ""}`;
    }
    case "const":
      return `must be ${JSON.stringify(schema)}`;
    case "minItems":
      return "must not be empty";
    case "pattern": {
      const { description } = parentSchema as { description?: string };
      return `must be ${description ?? `text like ${String(schema)}`}`;
    }
    default:
      return message;
  }
}

function listed(types: readonly string[]): string {
  return types.map((type) => typeNames[type] ?? type).join(" or ");
}

function typeOf(data: unknown): string {
  if (data === null) return "empty";
  const type = Array.isArray(data) ? "array" : typeof data;
  return `${typeNames[type] ?? type}${typeof data === "object" ? "" : ` (${JSON.stringify(data)})`}`;
}

/** As people who write YAML call them. */
const typeNames: Readonly<Record<string, string>> = {
  object: "a mapping (name: value)",
  array: "a list",
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  null: "empty",
};

/** The steps of a JSON pointer. */
function pathOf(pointer: string): Path {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}
