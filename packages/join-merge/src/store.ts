import { keep } from "@holdfast/core";
import { InvalidBranchOutputError, show } from "./errors.js";

/** What is merged: an object's own enumerable string keys, or a `Map`, which keeps the order of all keys. */
export type Output = Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>;

/** What a merge writes to. */
export interface Store {
  readonly value: object;
  has(key: string): boolean;
  get(key: string): unknown;
  set(key: string, value: unknown): void;
}

/** An object without prototype, so that no key means anything. */
class ObjectStore implements Store {
  static {
    keep(new ObjectStore());
  }

  readonly value = Object.create(null) as Record<string, unknown>;

  has(key: string): boolean {
    return key in this.value;
  }

  get(key: string): unknown {
    return this.value[key];
  }

  set(key: string, value: unknown): void {
    this.value[key] = value;
  }
}

class MapStore implements Store {
  readonly value = new Map<string, unknown>();

  has(key: string): boolean {
    return this.value.has(key);
  }

  get(key: string): unknown {
    return this.value.get(key);
  }

  set(key: string, value: unknown): void {
    this.value.set(key, value);
  }
}

/** A store with all that `base` has: a `Map` for a `Map`. */
export function storeOf(base: Output): Store {
  const store = base instanceof Map ? new MapStore() : new ObjectStore();
  for (const key of keysOf(base)) store.set(key, valueOf(base, key));
  return store;
}

export function keysOf(output: Output): Iterable<string> {
  return output instanceof Map ? (output.keys() as Iterable<string>) : Object.keys(output);
}

export function valueOf(output: Output, key: string): unknown {
  return output instanceof Map ? output.get(key) : (output as Readonly<Record<string, unknown>>)[key];
}

export function hasKey(output: Output, key: string): boolean {
  return output instanceof Map ? output.has(key) : Object.hasOwn(output, key);
}

/** Throws unless `output` can be merged: a plain object, or where the base is a `Map` that too. */
export function checkOutput(output: unknown, branch: string, mapsToo: boolean): void {
  if (isPlain(output) || (mapsToo && output instanceof Map)) return;
  const expected = mapsToo ? "a plain object or a Map" : "a plain object";
  const maybe = output == null ? ", or set options.allowNothing" : "";
  throw new InvalidBranchOutputError(
    `Branch ${show(branch)} must return ${expected} to be merged${maybe}, received ${kindOf(output)}`,
    output,
    branch,
  );
}

/** Whether it is an object without a class of its own. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Also those of another realm, whose prototype is not ours but has none of its own.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** "an array", "a Date", "undefined", "a number"; of an object not plain whatever its constructor is. */
function kindOf(value: unknown): string {
  if (value == null) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  if (Array.isArray(value)) return "an array";
  const name = (value.constructor as { readonly name?: unknown } | null | undefined)?.name;
  return typeof name === "string" && name !== "" && name !== "Object"
    ? `a ${name}`
    : "an object that is not plain";
}
