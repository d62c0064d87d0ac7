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

/** A template that can never be resolved; the message says why. */
class TemplateError extends Error {}

/** Throws `TemplateError`. */
export function parseTemplate(source: string): Template {
  const parts: (string | Reference)[] = [];
  let at = 0;
  for (;;) {
    const open = source.indexOf("{{", at);
    if (open < 0) break;
    const close = source.indexOf("}}", open);
    if (close < 0) throw new TemplateError(`"${excerpt(source.slice(open))}" has no closing braces`);
    if (open > at) parts.push(source.slice(at, open));
    parts.push(parseReference(source.slice(open + 2, close).trim()));
    at = close + 2;
  }
  if (at < source.length) parts.push(source.slice(at));
  return { source, parts };
}

export function referencesOf(template: Template | undefined): Reference[] {
  return template?.parts.filter((part) => typeof part !== "string") ?? [];
}

function parseReference(name: string): Reference {
  const [first, ...rest] = name.split(".");
  const [second = "", ...path] = rest;
  const isComplete = rest.every((part) => part !== "");
  if (first === "step" && path.length > 0 && isComplete) return { kind: "step", name, id: second, path };
  if (first === "input" && rest.length === 1 && isComplete) return { kind: "input", name, key: second };
  if (name === "last_response") return { kind: "last_response", name };
  if (name === "run.id") return { kind: "run_id", name };
  throw new TemplateError(
    `{{ ${excerpt(name)} }} is unknown; there is step.ID.response (or another field of a step), last_response, input.NAME and run.id`,
  );
}

function excerpt(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
