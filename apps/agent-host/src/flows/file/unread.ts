import type { Path } from "./source-file.js";

interface StrayKey {
  /** The key that was meant, if one can tell. */
  readonly meant: string | undefined;
  readonly value: unknown;
}

/** What in a file could not be read, and was told: nothing more is said of what only follows from that. */
export class Unread {
  readonly #file: unknown;
  readonly #paths = new Set<string>();
  readonly #strays = new Map<string, StrayKey[]>();

  /** `file` is all that stands in it. */
  constructor(file: unknown) {
    this.#file = file;
  }

  add(path: Path): void {
    for (let length = path.length; length > 0; length -= 1) this.#paths.add(keyOf(path.slice(0, length)));
  }

  /** A key that the mapping at `at` cannot have. */
  addStray(at: Path, key: string, meant: string | undefined): void {
    const mapping = valueAt(this.#file, at) as Readonly<Record<string, unknown>>;
    const strays = this.#strays.get(keyOf(at)) ?? [];
    strays.push({ meant, value: mapping[key] });
    this.#strays.set(keyOf(at), strays);
    if (meant !== undefined && !(meant in mapping)) this.add([...at, meant]);
  }

  /** Whether the value there, or something in it, could not be read; also if its key is misspelt. */
  has(path: Path): boolean {
    return this.#paths.has(keyOf(path));
  }

  /** Whether the mapping has a key that nobody knows what to make of. */
  hasRiddle(at: Path): boolean {
    return this.#strays.get(keyOf(at))?.some(({ meant }) => meant === undefined) === true;
  }

  /** The names that stand in what may be meant as `key` of the mapping at `at`. */
  namesIn(at: Path, key: string): ReadonlySet<string> {
    const strays = (this.#strays.get(keyOf(at)) ?? []).filter(
      ({ meant }) => meant === undefined || meant === key,
    );
    const own = this.has([...at, key]) ? [valueAt(this.#file, [...at, key])] : [];
    return new Set([...own, ...strays.map(({ value }) => value)].flatMap(namesOf));
  }
}

function keyOf(path: Path): string {
  return JSON.stringify(path.map(String));
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => (Object(inner) as Record<string, unknown>)[step], value);
}

function namesOf(value: unknown): string[] {
  if (typeof value === "string" || typeof value === "number")
    return String(value).match(/[\p{L}\p{N}_-]+/gu) ?? [];
  if (Array.isArray(value)) return value.flatMap(namesOf);
  return Object.entries(Object(value) as object).flatMap(([key, each]) => [key, ...namesOf(each)]);
}
