import type { Step } from "../definition/definition.js";
import type { Tool } from "../tools/tool.js";
import { lookUp, pointerTokens } from "../../json-pointer.js";
import { type At, InputMappingError } from "./step-errors.js";

/** What a tool gets, and what of it may be written down. */
export interface Inputs {
  readonly value: Record<string, unknown>;
  /** The same with names of parameters in the place of their values. */
  readonly shown: Record<string, unknown>;
}

/** What a step gives its tool, as a copy of its own. Throws `InputMappingError`. */
export function resolveInputs(
  { input_mapping }: Step,
  context: Readonly<Record<string, unknown>>,
  params: ReadonlySet<string>,
  tool: Tool,
  at: At,
): Inputs {
  const entries = Object.entries(input_mapping);
  const found =
    entries.length === 0
      ? wholeContext(context, tool)
      : entries.map(([target, source]) => [target, ...valueOf(source, context, target, at)] as const);
  const value: Record<string, unknown> = {};
  const shown: Record<string, unknown> = {};
  for (const [target, from, each] of found) {
    define(value, target, each);
    define(shown, target, from !== undefined && params.has(from) ? { $param: from } : each);
  }
  return { value: structuredClone(value), shown: structuredClone(shown) };
}

type Found = readonly [target: string, from: string | undefined, value: unknown];

/** Everything, or of a tool that takes nothing else what it takes. */
function wholeContext(context: Readonly<Record<string, unknown>>, tool: Tool): readonly Found[] {
  const { input_schema } = tool.traits;
  const { properties = {}, additionalProperties } = Object(input_schema) as {
    properties?: object;
    additionalProperties?: unknown;
  };
  return Object.entries(context)
    .filter(([key]) => additionalProperties !== false || Object.hasOwn(properties, key))
    .map(([key, value]) => [key, key, value]);
}

function valueOf(
  source: unknown,
  context: Readonly<Record<string, unknown>>,
  target: string,
  at: At,
): readonly [from: string | undefined, value: unknown] {
  if (typeof source !== "string") return [undefined, source];
  if (!source.startsWith("/")) {
    if (!Object.hasOwn(context, source)) throw new InputMappingError(at, target, source, source);
    return [source, context[source]];
  }
  const found = lookUp(context, source);
  if (!found.found) throw new InputMappingError(at, target, source, found.upTo);
  return [pointerTokens(source)[0], found.value];
}

/** Sets a key that may be `__proto__`. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}
