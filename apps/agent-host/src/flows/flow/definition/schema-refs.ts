import { JsonSchema } from "../../json-schema.js";
import type { FlowDefinition } from "./definition.js";

const local = "#/schemas/";

/** The name in `schemas` that a reference means; `undefined` if it means a schema of the host, or nothing. */
export function localSchemaName(ref: string | null): string | undefined {
  if (ref?.startsWith("#") !== true) return undefined;
  return ref.startsWith(local) ? ref.slice(local.length) : ref;
}

/** Schemas of the host, by name: what a file can refer to without code. */
export type HostSchemas = Readonly<Record<string, object | boolean>>;

/** What a reference in a flow stands for: the schema as it is written. `undefined` if there is none of that name. */
export function schemaAt(
  flow: FlowDefinition,
  ref: string | null,
  host: HostSchemas,
): object | boolean | undefined {
  if (ref === null) return undefined;
  const name = localSchemaName(ref);
  if (name !== undefined) return flow.schemas[name];
  return Object.hasOwn(host, ref) ? host[ref] : undefined;
}

/** The same, ready to check values with. */
export function validatorAt(
  flow: FlowDefinition,
  ref: string | null,
  host: HostSchemas,
): JsonSchema | undefined {
  const schema = schemaAt(flow, ref, host);
  return schema === undefined ? undefined : new JsonSchema(schema);
}
