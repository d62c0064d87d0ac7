/** Text with references such as `{{ step.review.response }}`. */
export interface Template {
  readonly source: string;
  readonly parts: readonly (string | Reference)[];
}

export type Reference =
  /** A step, and what of it: at least one segment. */
  | { readonly kind: "step"; readonly name: string; readonly id: string; readonly path: readonly string[] }
  | { readonly kind: "last_response"; readonly name: string }
  | { readonly kind: "input"; readonly name: string; readonly key: string }
  | { readonly kind: "run_id"; readonly name: string };

/** What was said first: the one reference to a step that need not be there. */
export const invocationPrompt = "step.invocation.prompt";

/**
 * A template that can never be resolved. `messages` say why, and `template` is what is left of it: in place of what cannot be read it
 * has a reference that nobody can look into before a run.
 */
export class TemplateError extends Error {
  readonly messages: readonly string[];
  readonly template: Template;

  constructor(messages: readonly string[], template: Template) {
    super(messages.join("; "));
    this.messages = messages;
    this.template = template;
  }
}

/** Throws `TemplateError`. */
export function parseTemplate(source: string): Template {
  const parts: (string | Reference)[] = [];
  const wrong: string[] = [];
  let at = 0;
  for (;;) {
    const open = source.indexOf("{{", at);
    if (open < 0) break;
    parts.push(source.slice(at, open));
    const close = source.indexOf("}}", open);
    const name = source.slice(open + 2, close).trim();
    const reference = close < 0 ? undefined : parseReference(name);
    parts.push(reference ?? opaque);
    if (reference === undefined) wrong.push(whyNot(source.slice(open), close < 0 ? undefined : name));
    at = close < 0 ? source.length : close + 2;
  }
  parts.push(source.slice(at));
  if (wrong.length > 0) throw new TemplateError(wrong, { source, parts });
  return { source, parts };
}

const opaque: Reference = { kind: "run_id", name: "run.id" };

export function referencesOf(template: Template | undefined): Reference[] {
  return template?.parts.filter((part) => typeof part !== "string") ?? [];
}

function parseReference(name: string): Reference | undefined {
  const [first, ...rest] = name.split(".");
  const [second = "", ...path] = rest;
  const isComplete = rest.every((part) => part !== "");
  if (first === "step" && path.length > 0 && isComplete) return { kind: "step", name, id: second, path };
  if (first === "input" && rest.length === 1 && isComplete) return { kind: "input", name, key: second };
  if (name === "last_response") return { kind: "last_response", name };
  if (name === "run.id") return { kind: "run_id", name };
  return undefined;
}

/** `name` is what stands between the braces, if they close. */
function whyNot(rest: string, name: string | undefined): string {
  if (name === undefined) return `"${excerpt(rest)}" has no closing braces`;
  return `{{ ${excerpt(name)} }} is unknown; there is step.ID.response (or another field of a step), last_response, input.NAME and run.id`;
}

/** The beginning of a text, on one line and without what a terminal would obey. */
function excerpt(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, " ");
  // No half of a character that takes two.
  return line.length > 40 ? `${line.slice(0, 40).replace(/[\uD800-\uDBFF]$/, "")}…` : line;
}
