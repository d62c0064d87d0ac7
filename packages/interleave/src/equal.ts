/**
 * Whether two values are equal in structure: as `Object.is` has it, and inside arrays, plain objects, maps
 * and sets element by element.
 */
export function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (Array.isArray(a)) return Array.isArray(b) && areListsEqual(a, b);
  if (a instanceof Map) return b instanceof Map && areListsEqual([...a], [...b]);
  if (a instanceof Set) return b instanceof Set && areListsEqual([...a], [...b]);
  if (!isPlain(a)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) =>
      Object.hasOwn(b, key) &&
      isEqual((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function areListsEqual(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((element, index) => isEqual(element, b[index]));
}

/** A value as it stands in a message. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "bigint":
      return `${value}n`;
    case "symbol":
      return value.toString();
    case "function":
      return value.name === "" ? "a function" : `function ${value.name}`;
    case "number":
    case "boolean":
      return String(value);
  }
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Map || value instanceof Set) return show([...(value as Iterable<unknown>)]);
  try {
    return JSON.stringify(value);
  } catch {
    return "an object";
  }
}
