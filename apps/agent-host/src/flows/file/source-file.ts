import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";
import { lexicalExcess } from "./lexical-limits.js";
import { fileLimits, type FileLimits } from "./limits.js";
import { FileProblemsError, type Problem } from "./problem.js";
import { readText } from "./read-text.js";
import { type Conversion, NoValueError, toValue } from "./to-value.js";
import { describeYamlError } from "../../yaml-error.js";

/** The keys and indexes from the top of a file to a value in it. */
export type Path = readonly (string | number)[];

/** What stands in a YAML (or JSON) file that a user has written, and where. */
export class SourceFile {
  readonly path: string;
  /** The contents as plain data, in objects without prototype. What stands behind an alias is there once. */
  readonly value: unknown;
  readonly #contents: Node | null;
  readonly #lines: LineCounter;
  readonly #targets: Conversion["targets"];
  /** The pairs of mappings that were looked into: a large one may have a mistake at each key. */
  readonly #pairs = new Map<unknown, ReadonlyMap<string, Entry>>();

  private constructor(
    path: string,
    contents: Node | null,
    lines: LineCounter,
    { value, targets }: Conversion,
  ) {
    this.path = path;
    this.value = value;
    this.#contents = contents;
    this.#lines = lines;
    this.#targets = targets;
  }

  /**
   * Reads a file.
   *
   * @throws `FileProblemsError` if it is not there, too large, not UTF-8 or not YAML.
   */
  static read(path: string, limits: FileLimits = fileLimits): SourceFile {
    return SourceFile.parse(path, readText(path, limits.maxBytes), limits);
  }

  /** The same for a text that is here already; `path` names it in messages. */
  static parse(path: string, text: string, limits: FileLimits = fileLimits): SourceFile {
    const excess = lexicalExcess(text, limits);
    const lines = new LineCounter();
    if (excess !== undefined) {
      for (const { index } of text.matchAll(/^/gm)) lines.addNewLine(index);
      throw invalid(path, lines, [excess]);
    }
    // Keys that are there twice are told with the values: the parser compares each key with all before it.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    // A tag that nobody knows is only a warning there.
    const wrong = [...document.errors, ...document.warnings].map((each) => ({
      offset: each.pos[0],
      message: describeYamlError(each),
    }));
    if (document.errors.length > 0) throw invalid(path, lines, wrong);
    try {
      const conversion = toValue(document.contents, limits);
      wrong.push(...conversion.odd);
      if (wrong.length === 0) return new SourceFile(path, document.contents, lines, conversion);
    } catch (error) {
      if (!(error instanceof NoValueError)) throw error;
      wrong.push(error.part);
    }
    throw invalid(path, lines, wrong);
  }

  /** A problem with the value at `path` or with its key; if that is not there, with the nearest thing around it. */
  problem(code: string, message: string, path: Path, at: "key" | "value" = "value"): Problem {
    return { file: this.path, ...position(this.#lines, this.#offsetOf(path, at)), code, message };
  }

  /** Where the value at `path` is, as messages begin. */
  placeOf(path: Path): string {
    const { line, column } = position(this.#lines, this.#offsetOf(path, "value"));
    return `${this.path}:${line}:${column}`;
  }

  #offsetOf(path: Path, at: "key" | "value"): number {
    let node: Node | null = this.#contents;
    let offset = node?.range?.[0] ?? 0;
    for (const [index, step] of path.entries()) {
      const found = this.#child(isAlias(node) ? this.#targets.get(node) : node, step);
      if (found === undefined) break;
      node = found.value;
      const shown = (at === "key" && index === path.length - 1) || isMissing(node) ? found.key : node;
      offset = shown?.range?.[0] ?? offset;
    }
    return offset;
  }

  #child(node: unknown, step: string | number): Entry | undefined {
    if (isMap<Node, Node | null>(node)) return this.#pairsOf(node).get(String(step));
    const item = isSeq(node) ? node.items[Number(step)] : undefined;
    return isNode(item) ? { key: item, value: item } : undefined;
  }

  #pairsOf(map: YAMLMap<Node, Node | null>): ReadonlyMap<string, Entry> {
    const known = this.#pairs.get(map);
    if (known !== undefined) return known;
    const pairs = new Map<string, Entry>();
    for (const pair of map.items) if (isScalar(pair.key)) pairs.set(String(pair.key.value), pair);
    this.#pairs.set(map, pairs);
    return pairs;
  }
}

type Entry = Pick<Pair<Node, Node | null>, "key" | "value">;

/** Whether nothing is written after the key. */
function isMissing(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.source === "");
}

function invalid(
  file: string,
  lines: LineCounter,
  found: readonly { offset: number; message: string }[],
): FileProblemsError {
  return new FileProblemsError(
    found.map(({ offset, message }) => ({
      file,
      ...position(lines, offset),
      code: "config/invalid-yaml",
      message,
    })),
  );
}

function position(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  // An empty file has no first line.
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}
