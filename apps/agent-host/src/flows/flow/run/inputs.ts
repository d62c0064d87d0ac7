import type { Step } from "../definition/definition.js";
import type { Tool } from "../tools/tool.js";
import { lookUp, pointerTokens } from "../../json-pointer.js";
import { InputMappingError } from "./step-errors.js";

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
): Inputs {
  const entries = Object.entries(input_mapping);
  const found =
    entries.length === 0
      ? wholeContext(context, tool)
      : entries.map(([target, source]) => [target, ...valueOf(source, context, target, tool)] as const);
  const value = found.map(([target, , each]) => [target, each] as const);
  const shown = found.map(
    ([target, from, each]) =>
      [target, from !== undefined && params.has(from) ? { $param: from } : each] as const,
  );
  return {
    value: structuredClone(Object.fromEntries(value)),
    shown: structuredClone(Object.fromEntries(shown)),
  };
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
  tool: Tool,
): readonly [from: string | undefined, value: unknown] {
  if (typeof source !== "string") return [undefined, source];
  if (!source.startsWith("/")) {
    if (!Object.hasOwn(context, source)) throw new InputMappingError(tool.name, target, source, source);
    return [source, context[source]];
  }
  const found = lookUp(context, source);
  if (!found.found) throw new InputMappingError(tool.name, target, source, found.upTo);
  return [pointerTokens(source)[0], found.value];
}
