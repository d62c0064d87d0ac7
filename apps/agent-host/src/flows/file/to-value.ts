import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar } from "yaml";
import { tooDeep, tooMany } from "./lexical-limits.js";
import type { FileLimits } from "./limits.js";

interface Measured {
  readonly value: unknown;
  readonly nodes: number;
  readonly depth: number;
}

interface Odd {
  readonly offset: number;
  readonly message: string;
}

/** Why a document is no plain data, and which parts of it. */
export class NoValueError extends Error {
  readonly parts: readonly Odd[];

  constructor(parts: readonly Odd[]) {
    super(parts.map(({ message }) => message).join("; "));
    this.parts = parts;
  }
}

/**
 * The plain data of a document: what JSON can hold, in objects without prototype, so that every key is only a key. Throws
 * `NoValueError`.
 */
export function toValue(document: Document, limits: FileLimits): unknown {
  const conversion = new Conversion(document, limits);
  const { value } = conversion.of(document.contents);
  if (conversion.odd.size > 0) throw new NoValueError([...conversion.odd.values()]);
  return value;
}

function odd(node: Node | null, message: string): Odd {
  return { offset: node?.range?.[0] ?? 0, message };
}

class Conversion {
  readonly #document: Document;
  readonly #limits: FileLimits;
  readonly odd = new Map<number, Odd>();
  /** What an alias can stand for; `undefined` while it is not complete. */
  readonly #collections = new Map<Node, Measured | undefined>();

  constructor(document: Document, limits: FileLimits) {
    this.#document = document;
    this.#limits = limits;
  }

  of(node: Node | null): Measured {
    if (isAlias(node)) return this.#aliased(node.resolve(this.#document) ?? null, node);
    if (isScalar(node)) return { value: this.#scalar(node), nodes: 1, depth: 1 };
    if (!isMap(node) && !isSeq(node)) return { value: null, nodes: 1, depth: 1 };
    this.#collections.set(node, undefined);
    const measured = isMap(node)
      ? this.#map(node, node.items as Pair<Node, Node | null>[])
      : this.#list(node, node.items as Node[]);
    this.#collections.set(node, measured);
    return measured;
  }

  #scalar(node: Scalar): unknown {
    const { value, source = "" } = node;
    if (typeof value !== "number" || Number.isFinite(value)) return value;
    this.#tell(
      node,
      Number.isNaN(value)
        ? `${source} is no number that a file can hold; put it in quotes if it is meant as text`
        : `the number ${source} is too large; put it in quotes if it is meant as text`,
    );
    return 0;
  }

  /** Once, however often an alias stands for it. */
  #tell(node: Node, message: string): void {
    const found = odd(node, message);
    this.odd.set(found.offset, found);
  }

  #aliased(target: Node | null, alias: Node): Measured {
    // What it stands for came before it, so it has been converted.
    if (!isMap(target) && !isSeq(target)) return this.of(target);
    const measured = this.#collections.get(target);
    if (measured === undefined)
      throw new NoValueError([odd(alias, "this alias stands within what it stands for")]);
    return measured;
  }

  #list(list: Node, items: readonly Node[]): Measured {
    const parts = items.map((item) => this.of(item));
    return this.#whole(
      list,
      parts,
      parts.map(({ value }) => value),
    );
  }

  #map(map: Node, pairs: readonly Pair<Node, Node | null>[]): Measured {
    const object = Object.create(null) as Record<string, unknown>;
    const parts = pairs.map(({ key, value }) => {
      if (!isScalar<string | number | boolean | null>(key) || key.value === null)
        throw new NoValueError([
          odd(key, "a key must be a plain name; put it in quotes if it is meant as text"),
        ]);
      if (key.value === "<<" && key.type === "PLAIN")
        this.#tell(key, "merge keys (<<) are not supported; write here the keys that are meant");
      const part = this.of(value);
      object[String(key.value)] = part.value;
      return part;
    });
    return this.#whole(map, parts, object);
  }

  #whole(node: Node, parts: readonly Measured[], value: unknown): Measured {
    const nodes = parts.reduce((sum, part) => sum + part.nodes, 1);
    const depth = parts.reduce((most, part) => Math.max(most, part.depth), 0) + 1;
    if (nodes > this.#limits.maxNodes) throw new NoValueError([odd(node, tooMany(this.#limits.maxNodes))]);
    if (depth > this.#limits.maxDepth) throw new NoValueError([odd(node, tooDeep(this.#limits.maxDepth))]);
    return { value, nodes, depth };
  }
}
