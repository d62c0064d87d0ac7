import { Pattern } from "./pattern.js";
import type { Template } from "./template.js";

/** `always`, `never`, or a comparison of two texts. */
export type Condition =
  | { readonly kind: "always" | "never"; readonly source: string }
  | {
      readonly kind: "comparison";
      readonly source: string;
      readonly left: Template;
      readonly operator: Operator;
      readonly right: Template;
      /** Of `matches` with a pattern that is known beforehand. */
      readonly pattern: Pattern | undefined;
    };

type Operator = "==" | "!=" | "contains" | "starts_with" | "ends_with" | "matches";

export const always: Condition = { kind: "always", source: "always" };

/** Throws `Error` with a message for people. What is compared goes through `parseTemplate`. */
export function parseCondition(source: string, parseTemplate: (text: string) => Template): Condition {
  const text = source.trim();
  if (text === "always" || text === "never") return { kind: text, source };
  const found = findOperator(text);
  if (found === undefined)
    throw new Error(
      `the condition ${JSON.stringify(source)} has no operator; write always, never, or LEFT op RIGHT with ==, !=, contains, starts_with, ends_with or matches`,
    );
  const { operator, start, end } = found;
  const left = text.slice(0, start).trim();
  const right = text.slice(end).trim();
  if (left === "" || right === "")
    throw new Error(`the condition ${JSON.stringify(source)} lacks what "${operator}" compares`);
  const template = parseTemplate(unquoted(right));
  const isFixed = template.parts.every((part) => typeof part === "string");
  return {
    kind: "comparison",
    source,
    left: parseTemplate(left),
    operator,
    right: template,
    pattern: operator === "matches" && isFixed ? new Pattern(template.source) : undefined,
  };
}

/** The first operator outside of `{{ }}`. Words count only between spaces; `===` and `!==` are none. */
function findOperator(text: string): { operator: Operator; start: number; end: number } | undefined {
  const words = /\{\{.*?\}\}|(?<![=!])(==|!=)(?!=)|(?<=\s)(contains|starts_with|ends_with|matches)(?=\s|$)/gs;
  for (const { 0: all, 1: sign, 2: word, index } of text.matchAll(words)) {
    const operator = (sign ?? word) as Operator | undefined;
    if (operator !== undefined) return { operator, start: index, end: index + all.length };
  }
  return undefined;
}

function unquoted(text: string): string {
  const [, , inner] = /^(["'])(.*)\1$/s.exec(text) ?? [];
  return inner ?? text;
}
