import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from "yaml";
import { tooDeep, tooMany } from "./lexical-limits.js";
import type { FileLimits } from "./limits.js";

interface Measured {
  readonly value: unknown;
  readonly nodes: number;
  readonly depth: number;
}

/** Why a document is no plain data, and which part of it. */
export class NoValueError extends Error {
  readonly offset: number;

  constructor(node: Node | null, message: string) {
    super(message);
    this.offset = node?.range?.[0] ?? 0;
  }
}

/** The plain data of a document, in objects without prototype, so that every key is only a key. Throws `NoValueError`. */
export function toValue(document: Document, limits: FileLimits): unknown {
  return new Conversion(document, limits).of(document.contents).value;
}

class Conversion {
  readonly #document: Document;
  readonly #limits: FileLimits;
  /** What an alias can stand for; `undefined` while it is not complete. */
  readonly #collections = new Map<Node, Measured | undefined>();

  constructor(document: Document, limits: FileLimits) {
    this.#document = document;
    this.#limits = limits;
  }

  of(node: Node | null): Measured {
    if (isAlias(node)) return this.#aliased(node.resolve(this.#document) ?? null, node);
    if (isScalar(node)) return { value: node.value, nodes: 1, depth: 1 };
    if (!isMap(node) && !isSeq(node)) return { value: null, nodes: 1, depth: 1 };
    this.#collections.set(node, undefined);
    const measured = isMap(node)
      ? this.#map(node, node.items as Pair<Node, Node | null>[])
      : this.#list(node, node.items as Node[]);
    this.#collections.set(node, measured);
    return measured;
  }

  #aliased(target: Node | null, alias: Node): Measured {
    // What it stands for came before it, so it has been converted.
    if (!isMap(target) && !isSeq(target)) return this.of(target);
    const measured = this.#collections.get(target);
    if (measured === undefined) throw new NoValueError(alias, "this alias stands within what it stands for");
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
        throw new NoValueError(key, "a key must be a plain name; put it in quotes if it is meant as text");
      const part = this.of(value);
      object[String(key.value)] = part.value;
      return part;
    });
    return this.#whole(map, parts, object);
  }

  #whole(node: Node, parts: readonly Measured[], value: unknown): Measured {
    const nodes = parts.reduce((sum, part) => sum + part.nodes, 1);
    const depth = parts.reduce((most, part) => Math.max(most, part.depth), 0) + 1;
    if (nodes > this.#limits.maxNodes) throw new NoValueError(node, tooMany(this.#limits.maxNodes));
    if (depth > this.#limits.maxDepth) throw new NoValueError(node, tooDeep(this.#limits.maxDepth));
    return { value, nodes, depth };
  }
}
