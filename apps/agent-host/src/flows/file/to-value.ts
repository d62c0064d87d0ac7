import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar } from "yaml";
import { tooDeep, tooMany } from "./lexical-limits.js";
import type { FileLimits } from "./limits.js";

interface Measured {
  readonly value: unknown;
  readonly nodes: number;
  readonly depth: number;
}

const nothing: Measured = { value: null, nodes: 1, depth: 1 };

interface Odd {
  readonly offset: number;
  readonly message: string;
}

/** Why a document cannot be walked through, and where. */
export class NoValueError extends Error {
  readonly part: Odd;

  constructor(part: Odd) {
    super(part.message);
    this.part = part;
  }
}

/** What a document comes to. */
export interface Conversion {
  readonly value: unknown;
  /** What its aliases stand for. */
  readonly targets: ReadonlyMap<Alias, Node>;
  readonly odd: readonly Odd[];
}

/**
 * The plain data of a document: what JSON can hold, in objects without prototype, so that every key is only a key. Throws
 * `NoValueError` if it cannot even be walked through.
 */
export function toValue(contents: Node | null, limits: FileLimits): Conversion {
  const converter = new Converter(limits);
  const { value } = converter.of(contents);
  return { value, targets: converter.targets, odd: [...converter.odd.values()] };
}

function odd(node: Node | null, message: string): Odd {
  return { offset: node?.range?.[0] ?? 0, message };
}

class Converter {
  readonly #limits: FileLimits;
  readonly odd = new Map<number, Odd>();
  readonly targets = new Map<Alias, Node>();
  /** By name, the last so far. */
  readonly #anchors = new Map<string, Node>();
  /** What an alias can stand for; `undefined` while it is not complete. */
  readonly #collections = new Map<Node, Measured | undefined>();

  constructor(limits: FileLimits) {
    this.#limits = limits;
  }

  of(node: Node | null): Measured {
    if (isAlias(node)) return this.#aliased(node);
    this.#anchor(node);
    if (isScalar(node)) return { value: this.#scalar(node), nodes: 1, depth: 1 };
    if (!isMap(node) && !isSeq(node)) return nothing;
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

  #anchor(node: Node | null): void {
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined)
      this.#anchors.set(node.anchor, node);
  }

  /** What it stands for came before it, so it has been converted. */
  #aliased(alias: Alias): Measured {
    const target = this.#anchors.get(alias.source);
    if (target === undefined) {
      this.#tell(alias, `nothing before this is called &${alias.source}`);
      return nothing;
    }
    this.targets.set(alias, target);
    if (!isMap(target) && !isSeq(target)) return this.of(target);
    const measured = this.#collections.get(target);
    if (measured !== undefined) return measured;
    this.#tell(alias, "this alias stands within what it stands for");
    return nothing;
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
      if (!isScalar<string | number | boolean | null>(key) || key.value === null) {
        this.#tell(key, "a key must be a plain name; put it in quotes if it is meant as text");
        return this.of(value);
      }
      if (key.value === "<<" && key.type === "PLAIN")
        this.#tell(key, "merge keys (<<) are not supported; write here the keys that are meant");
      this.#anchor(key);
      const name = String(key.value);
      if (name in object) this.#tell(key, `this mapping has a key "${name}" already; take one of them out`);
      const part = this.of(value);
      object[name] = part.value;
      return part;
    });
    return this.#whole(map, parts, object);
  }

  #whole(node: Node, parts: readonly Measured[], value: unknown): Measured {
    const nodes = parts.reduce((sum, part) => sum + part.nodes, 1);
    const depth = parts.reduce((most, part) => Math.max(most, part.depth), 0) + 1;
    if (nodes > this.#limits.maxNodes) throw new NoValueError(odd(node, tooMany(this.#limits.maxNodes)));
    if (depth > this.#limits.maxDepth) throw new NoValueError(odd(node, tooDeep(this.#limits.maxDepth)));
    return { value, nodes, depth };
  }
}
