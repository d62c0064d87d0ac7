import { type ErrorObject, type SchemaObject, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Path, SourceFile } from "./source-file.js";
import type { Problem } from "./problem.js";
import { didYouMean, nameLike } from "./suggestion.js";
import { Unread, valueAt } from "./unread.js";

/** A file beside the shape that it should have. */
export interface Shaped {
  readonly problems: readonly Problem[];
  /** What the file holds, `undefined` standing where something of another type than asked for was. */
  readonly sound: unknown;
  readonly unread: Unread;
}

/** The shape of one kind of file: a JSON Schema (draft 2020-12), which is all that says which keys there are. */
export class Shape {
  readonly #validate: ValidateFunction;

  constructor(schema: SchemaObject) {
    // A mistake in the schema itself is an error; alternatives name what is defined beside them. Errors carry their part of the schema.
    const strictness = { strict: true, strictRequired: false, strictTypes: false };
    const ajv = new Ajv2020({ ...strictness, allErrors: true, verbose: true });
    this.#validate = ajv.compile(schema);
  }

  check(file: SourceFile): Shaped {
    const unread = new Unread(file.value);
    if (this.#validate(file.value)) return { problems: [], sound: file.value, unread };
    // What is one of several alternatives is told by the loader, which knows which one was meant.
    const errors = (this.#validate.errors ?? []).filter(
      ({ keyword, schemaPath }) => keyword !== "oneOf" && !schemaPath.includes("/oneOf/"),
    );
    for (const error of errors) {
      const unknown = unknownKey(error);
      if (unknown !== undefined)
        unread.addStray(pathOf(error.instancePath), unknown, meantBy(error, unknown));
    }
    const told = errors.filter((error) => !isMisspelt(error, unread));
    for (const error of told) unread.add(placeOf(error));
    return {
      problems: told.map((error) => toProblem(file, error)),
      sound: without(
        file.value,
        errors
          .filter(isOfOtherType)
          .map((error) => ({ path: placeOf(error), isStray: unknownKey(error) !== undefined })),
      ),
      unread,
    };
  }
}

/** Whether what is missing here is there under another name, which was told. */
function isMisspelt(error: ErrorObject, unread: Unread): boolean {
  return error.keyword === "required" && unread.has(placeOf(error));
}

/** Numbers out of range and texts of another form can be read all the same. */
function isOfOtherType(error: ErrorObject): boolean {
  return ["type", "enum", "const"].includes(error.keyword) || unknownKey(error) !== undefined;
}

function placeOf(error: ErrorObject): Path {
  const path = pathOf(error.instancePath);
  const key =
    error.keyword === "required"
      ? (error.params as { missingProperty: string }).missingProperty
      : unknownKey(error);
  return key === undefined ? path : [...path, key];
}

function knownKeys({ parentSchema }: ErrorObject): string[] {
  return Object.keys((parentSchema as { properties?: object }).properties ?? {});
}

/** The key that a mapping should have instead: rather one that it does not have yet. */
function meantBy(error: ErrorObject, unknown: string): string | undefined {
  const names = knownKeys(error);
  const absent = names.filter((name) => !Object.hasOwn(error.data as object, name));
  return nameLike(unknown, absent) ?? nameLike(unknown, names);
}

/** A copy with `undefined` in these places, and without the keys that nobody knows. */
function without(value: unknown, wrong: readonly Wrong[]): unknown {
  if (wrong.length === 0) return value;
  if (typeof value !== "object" || value === null || wrong.some(({ path }) => path.length === 0))
    return undefined;
  const within = new Map<string | number, Wrong[]>();
  for (const { path, isStray } of wrong) {
    const [key = "", ...rest] = path;
    const inner = within.get(key) ?? [];
    inner.push({ path: rest, isStray });
    within.set(key, inner);
  }
  const copy = (Array.isArray(value) ? value.slice() : Object.assign(Object.create(null), value)) as Record<
    string,
    unknown
  >;
  for (const [key, inner] of within)
    if (inner.some(({ path, isStray }) => isStray && path.length === 0)) Reflect.deleteProperty(copy, key);
    else copy[key] = without(copy[key], inner);
  return copy;
}

interface Wrong {
  readonly path: Path;
  /** Whether it is a key that nobody knows, and not a value of another type. */
  readonly isStray: boolean;
}

function toProblem(file: SourceFile, error: ErrorObject): Problem {
  const path = pathOf(error.instancePath);
  const unknown = unknownKey(error);
  if (unknown !== undefined) {
    const meant = meantBy(error, unknown);
    const hint = meant === undefined ? `allowed: ${knownKeys(error).join(", ")}` : `did you mean "${meant}"?`;
    const message = `unknown key "${unknown}"; ${hint}`;
    return file.problem("config/validation-failed", message, [...path, unknown], "key");
  }
  return file.problem(codeOf(error), `${nameOf(path, file.value)} ${describe(error)}`, path);
}

/** How people call what is at `path`. */
function nameOf(path: Path, value: unknown): string {
  const key = path.at(-1);
  if (key === undefined) return "the file";
  const around = path.slice(0, -1);
  return Array.isArray(valueAt(value, around)) ? `entry ${key} of ${nameOf(around, value)}` : `"${key}"`;
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
