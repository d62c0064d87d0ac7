import { Ajv, type AnySchema, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import { pointerTokens } from "./json-pointer.js";

type Compiler = Pick<Ajv, "compile" | "errors" | "validateSchema">;

/** A schema that is none. */
export class JsonSchemaError extends Error {
  override readonly name = "JsonSchemaError";
  /** The keys and indexes from its top to what is wrong. */
  readonly path: readonly string[];

  constructor(message: string, path: readonly string[] = []) {
    super(message);
    this.path = path;
  }
}

/** A JSON Schema that a user's file holds: draft 7, or what its `$schema` says. */
export class JsonSchema {
  readonly source: object | boolean;
  readonly #validate: ValidateFunction;

  /**
   * `useDefaults`: what a value lacks and the schema has a default for is put into it when it is looked at.
   *
   * @throws `JsonSchemaError`
   */
  constructor(source: object | boolean, { useDefaults = false }: { readonly useDefaults?: boolean } = {}) {
    this.source = source;
    this.#validate = compile(withoutDraft(source), engineFor(source, useDefaults));
  }

  /** What is wrong with a value: each with where it is in it. Empty if it is valid. What is `excused` may be anything. */
  errors(value: unknown, excused: readonly string[] = []): string[] {
    if (this.#validate(value)) return [];
    const paths = excused.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
    return (this.#validate.errors ?? [])
      .filter(({ instancePath: at }) => !paths.some((path) => at === path || at.startsWith(`${path}/`)))
      .map(describe);
  }
}

function describe(error: ErrorObject): string {
  const { instancePath } = error;
  return `${instancePath === "" ? "the value" : instancePath} ${whatIsWrong(error)}`;
}

function whatIsWrong({ message = "is wrong", params }: ErrorObject): string {
  const { additionalProperty, allowedValues } = params as {
    additionalProperty?: string;
    allowedValues?: readonly unknown[];
  };
  const named = additionalProperty === undefined ? allowedValues : [additionalProperty];
  return named === undefined
    ? message
    : `${message} (${named.map((each) => JSON.stringify(each)).join(", ")})`;
}

function compile(source: object | boolean, engine: Compiler): ValidateFunction {
  const schema = source as AnySchema;
  const wrong = engine.validateSchema(schema) === true ? undefined : engine.errors?.[0];
  if (wrong !== undefined) throw notOfTheDraft(wrong);
  try {
    return engine.compile(schema);
  } catch (error) {
    throw new JsonSchemaError((error as Error).message);
  }
}

function notOfTheDraft(error: ErrorObject): JsonSchemaError {
  const path = pointerTokens(error.instancePath);
  const key = path.at(-1);
  return new JsonSchemaError(`${key === undefined ? "it" : `"${key}"`} ${whatIsWrong(error)}`, path);
}

function draftNamed(schema: object | boolean): unknown {
  return (schema as { $schema?: unknown }).$schema;
}

/** The engine is the draft's own, and knows the draft by one of its names only. */
function withoutDraft(schema: object | boolean): object | boolean {
  return draftNamed(schema) === undefined ? schema : { ...(schema as object), $schema: undefined };
}

function engineFor(schema: object | boolean, useDefaults: boolean): Compiler {
  const name = draftNamed(schema);
  const draft = typeof name === "string" ? name.replace(/#$/, "").replace(/^https?:/, "") : draft7;
  const make = drafts.get(draft);
  if (make === undefined || (name !== undefined && typeof name !== "string"))
    throw new JsonSchemaError(
      `$schema ${JSON.stringify(name)} is not known here; there are drafts 7, 2019-09 and 2020-12`,
    );
  const key = `${draft} ${useDefaults}`;
  let engine = engines.get(key);
  if (engine === undefined) {
    engine = make({ ...options, useDefaults });
    engines.set(key, engine);
  }
  return engine;
}

// Unknown words and formats are notes, as the drafts have it. A schema's $id stays its own: two may have the same.
const options: Options = {
  allErrors: true,
  // It is looked at before it is compiled, to say where it is wrong.
  validateSchema: false,
  strict: false,
  validateFormats: false,
  addUsedSchema: false,
  logger: false,
};

const draft7 = "//json-schema.org/draft-07/schema";

const drafts: ReadonlyMap<string, (options: Options) => Compiler> = new Map<
  string,
  (options: Options) => Compiler
>([
  [draft7, (all) => new Ajv(all)],
  ["//json-schema.org/draft/2019-09/schema", (all) => new Ajv2019(all)],
  ["//json-schema.org/draft/2020-12/schema", (all) => new Ajv2020(all)],
]);

/** Each is made once: it compiles the schema of schemas first, which takes longer than all that people write. */
const engines = new Map<string, Compiler>();
