import { Ajv, type AnySchema, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020 } from "ajv/dist/2020.js";

type Compiler = Pick<Ajv, "compile">;

/** A JSON Schema that a user's file holds: draft 7, or what its `$schema` says. */
export class JsonSchema {
  readonly source: unknown;
  readonly #validate: ValidateFunction;

  /**
   * `useDefaults`: what a value lacks and the schema has a default for is put into it when it is looked at.
   *
   * @throws `Error` with a message for people if it is no schema that can be used.
   */
  constructor(source: unknown, { useDefaults = false }: { readonly useDefaults?: boolean } = {}) {
    this.source = source;
    this.#validate = engineFor(source, useDefaults).compile(source as AnySchema);
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

function describe({ instancePath, message = "is wrong", params }: ErrorObject): string {
  const { additionalProperty } = params as { additionalProperty?: string };
  const name = additionalProperty === undefined ? "" : ` ("${additionalProperty}")`;
  return `${instancePath === "" ? "the value" : instancePath} ${message}${name}`;
}

function engineFor(schema: unknown, useDefaults: boolean): Compiler {
  const name =
    typeof schema === "object" && schema !== null ? (schema as { $schema?: unknown }).$schema : undefined;
  const draft = typeof name === "string" ? name.replace(/#$/, "").replace(/^https?:/, "") : draft7;
  const make = drafts.get(draft);
  if (make === undefined || (name !== undefined && typeof name !== "string"))
    throw new Error(
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
