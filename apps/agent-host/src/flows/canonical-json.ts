import { createHash } from "node:crypto";

/** One text for equal values: keys sorted, no spaces. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

/** A value with the keys of all objects in it sorted. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const object = Object.create(null) as Record<string, unknown>;
  for (const [key, each] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    object[key] = sorted(each);
  return object;
}

export function digest(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
