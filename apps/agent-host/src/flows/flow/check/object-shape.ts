/** The JSON types that a value can have; `undefined` if that is not known. */
export type Types = readonly string[] | undefined;

/** What can be said of an object beforehand. */
export interface ObjectShape {
  readonly keys: ReadonlyMap<string, Types>;
  /** Keys that must be given: required, and without a default. */
  readonly required: readonly string[];
  /** It may have other keys. */
  readonly open: boolean;
}

export const anyObject: ObjectShape = { keys: new Map(), required: [], open: true };

/**
 * What a JSON Schema says of an object. Where it lists properties, a key that is not among them is a mistake, unless it
 * says that there may be others.
 */
export function shapeOf(schema: object | boolean | undefined): ObjectShape {
  if (typeof schema !== "object") return anyObject;
  const { properties, required, additionalProperties } = schema as {
    properties?: Record<string, unknown>;
    required?: unknown;
    additionalProperties?: unknown;
  };
  const isComposed = composing.some((word) => word in schema);
  const isListed = properties !== undefined || additionalProperties === false;
  const keys = new Map(Object.entries(properties ?? {}).map(([key, each]) => [key, typesOf(each)]));
  return {
    keys,
    required: (Array.isArray(required) ? (required as string[]) : []).filter(
      (key) => !hasDefault(properties?.[key]),
    ),
    open: isComposed || !isListed || (additionalProperties !== undefined && additionalProperties !== false),
  };
}

/** If a value of one type cannot stand where the other is asked for: both in words. What is not known can. */
export function clashOf(
  source: Types,
  target: Types,
): { readonly made: string; readonly wanted: string } | undefined {
  if (source === undefined || target === undefined) return undefined;
  if (source.some((type) => target.includes(type) || (type === "integer" && target.includes("number"))))
    return undefined;
  return { made: source.join(" or "), wanted: target.join(" or ") };
}

/** The type of a value that is there. */
export function typesOfValue(value: unknown): Types {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array"];
  if (Number.isInteger(value)) return ["integer"];
  return [typeof value];
}

/** Words of a schema that bring in properties from elsewhere. */
const composing = [
  "$ref",
  "allOf",
  "anyOf",
  "oneOf",
  "if",
  "patternProperties",
  "dependentSchemas",
  "unevaluatedProperties",
];

function typesOf(schema: unknown): Types {
  const { type } = Object(schema) as { type?: string | string[] };
  return type === undefined ? undefined : [type].flat();
}

function hasDefault(schema: unknown): boolean {
  return "default" in (Object(schema) as object);
}
