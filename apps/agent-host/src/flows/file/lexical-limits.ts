import { CST, Lexer } from "yaml";
import type { FileLimits } from "./limits.js";

/** What is too much, and where in the text that is found. */
export interface Excess {
  readonly offset: number;
  readonly message: string;
}

/**
 * Looks at the words of a YAML text before it is parsed: a parser takes minutes for what is nested a million times, or has no stack
 * for it. It counts at most what a parser would find, and about half of that at least.
 */
export function lexicalExcess(text: string, { maxNodes, maxDepth }: FileLimits): Excess | undefined {
  let offset = 0;
  let lineStart = 0;
  let nodes = 0;
  let flowDepth = 0;
  let isScalar = false;
  // Whether only indentation and indicators have come in this line.
  let isLeading = true;
  const columns: number[] = [];

  for (const lexeme of new Lexer().lex(text)) {
    const type: string = isScalar ? "scalar text" : (CST.tokenType(lexeme) ?? "");
    isScalar = type === "scalar";
    if (type === "newline") {
      lineStart = offset + lexeme.length;
      isLeading = true;
    } else if (startsNode.has(type)) nodes += 1;

    if (flowStarts.has(type)) flowDepth += 1;
    else if (flowEnds.has(type)) flowDepth -= 1;
    if (flowDepth === 0 && isLeading && !blank.has(type)) {
      const column = offset - lineStart;
      while ((columns.at(-1) ?? -1) >= column) columns.pop();
      columns.push(column);
      if (!indicators.has(type)) isLeading = false;
    }

    if (nodes > maxNodes) return { offset, message: tooMany(maxNodes) };
    if (flowDepth + columns.length > maxDepth + 1) return { offset, message: tooDeep(maxDepth) };
    if (!marks.has(type)) offset += lexeme.length;
  }
  return undefined;
}

export function tooMany(maxNodes: number): string {
  return `the file holds more than ${maxNodes} values (those behind an alias counted each time); split it, or write less`;
}

export function tooDeep(maxDepth: number): string {
  return `this is nested more than ${maxDepth} deep; flatten it`;
}

const flowStarts = new Set(["flow-map-start", "flow-seq-start"]);
const flowEnds = new Set(["flow-map-end", "flow-seq-end"]);
const indicators = new Set(["seq-item-ind", "explicit-key-ind", "map-value-ind"]);
const startsNode = new Set([
  "scalar",
  "single-quoted-scalar",
  "double-quoted-scalar",
  "block-scalar-header",
  "alias",
  ...flowStarts,
]);
/** They stand for nothing in the text. */
const marks = new Set(["scalar", "doc-mode", "flow-error-end"]);
const blank = new Set(["space", "newline", "comment", "byte-order-mark", ...marks]);
