import { JsonSchema } from "../../json-schema.js";
import { digest } from "../../canonical-json.js";
import type { ToolTraits } from "../definition/definition.js";

/** What a tool is given besides its input. */
export interface ToolContext {
  /** Aborts when nobody wants the result any more. The reason says why. */
  readonly signal: AbortSignal;
}

export type ToolFunction = (input: Record<string, unknown>, context: ToolContext) => unknown;

/** Something that a step can run. It never changes. */
export class Tool {
  readonly name: string;
  readonly traits: ToolTraits;
  readonly run: ToolFunction;
  /** Fills in its defaults. */
  readonly input: JsonSchema | undefined;
  readonly output: JsonSchema | undefined;
  /** What its schemas are, in short: another one of this name with the same hash takes and makes the same. */
  readonly schemaHash: string;
  /** What it is made of, in short: one with another hash may make something else of the same input. */
  readonly makeHash: string;

  /**
   * @param make What it is made of, as JSON, so that nobody is given the outputs of another tool of this name.
   * @throws `ToolDefinitionError` for schemas that are none, and for traits that contradict each other.
   */
  constructor(name: string, traits: ToolTraits, run: ToolFunction, make: object = {}) {
    const { input_schema, output_schema, schema_version = "1", cacheable, side_effects = "none" } = traits;
    if (cacheable === true && (changesThings.has(side_effects) || traits.idempotent === false))
      throw new ToolDefinitionError(
        name,
        'is "cacheable", and yet it has effects that a cached result would leave out; take back one of the two',
      );
    this.name = name;
    this.traits = traits;
    this.run = run;
    this.input = schemaOf(name, "input", input_schema, true);
    this.output = schemaOf(name, "output", output_schema);
    this.schemaHash = digest([input_schema ?? null, output_schema ?? null, schema_version]);
    this.makeHash = digest(make);
  }

  /** Why it must not simply be tried again; `undefined` if it may. */
  get unsafeToRetry(): string | undefined {
    const { retryable, idempotent, side_effects = "none" } = this.traits;
    if (retryable === false) return "it says that it must not be retried";
    if (idempotent === false && changesThings.has(side_effects))
      return `it is not idempotent and its side effects are "${side_effects}"`;
    return undefined;
  }
}

/** The tools that there are, by name. */
export type Toolset = ReadonlyMap<string, Tool>;

/** A tool that cannot be one. */
export class ToolDefinitionError extends Error {
  override readonly name = "ToolDefinitionError";

  constructor(tool: string, problem: string) {
    super(`The tool ${JSON.stringify(tool)} ${problem}`);
  }
}

const changesThings: ReadonlySet<string> = new Set(["write", "external", "destructive"]);

function schemaOf(
  tool: string,
  which: string,
  schema: object | boolean | undefined,
  useDefaults = false,
): JsonSchema | undefined {
  if (schema === undefined) return undefined;
  try {
    return new JsonSchema(schema, { useDefaults });
  } catch (error) {
    throw new ToolDefinitionError(
      tool,
      `has an ${which} schema that cannot be used: ${(error as Error).message}`,
    );
  }
}
