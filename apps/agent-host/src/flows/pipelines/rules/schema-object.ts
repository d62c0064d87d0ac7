import { JsonSchema } from "../../json-schema.js";

/** The parts of a JSON Schema that are compared before a run. */
export interface SchemaObject {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: unknown;
  readonly additionalProperties?: unknown;
}

/** A schema, or a part of one, if it is an object. */
export function schemaObject(schema: unknown): SchemaObject | undefined {
  const source = schema instanceof JsonSchema ? schema.source : schema;
  return typeof source === "object" && source !== null ? source : undefined;
}

export function requiredOf({ required }: SchemaObject): string[] {
  return Array.isArray(required) ? required.map(String) : [];
}

/** Both types, if both are said and nothing can be of both. */
export function typeMismatch(produced: SchemaObject, expected: SchemaObject): [string, string] | undefined {
  const made = typesOf(produced);
  const wanted = typesOf(expected);
  if (made === undefined || wanted === undefined) return undefined;
  const fits = made.some(
    (type) => wanted.includes(type) || (type === "integer" && wanted.includes("number")),
  );
  return fits ? undefined : [made.join(" or "), wanted.join(" or ")];
}

function typesOf({ type }: SchemaObject): string[] | undefined {
  return type === undefined ? undefined : [type].flat().map(String);
}
