import { Envelope } from "./envelope.js";
import type { StepError } from "./step-error.js";

/** What one dependency has come to, for the join that collects it. */
export type Contribution =
  | { readonly kind: "text"; readonly id: string; readonly text: string }
  /** `json` is compact, with the keys in their order, which an object may not keep. */
  | { readonly kind: "value"; readonly id: string; readonly value: unknown; readonly json: string }
  | { readonly kind: "skipped"; readonly id: string }
  | { readonly kind: "failed"; readonly id: string; readonly error: StepError };

/** Each under a label, in their order. For people and models: nothing reads it back. */
export function joinText(contributions: readonly Contribution[]): string {
  return contributions.map((each) => `[${each.id}]:\n${shown(each)}\n`).join("\n");
}

function shown(each: Contribution): string {
  switch (each.kind) {
    case "text":
      return each.text;
    case "value":
      return each.json;
    case "skipped":
      return "<missing>";
    case "failed":
      return `<error: ${each.error.message} (${each.error.type})>`;
  }
}

/** The values by dependency, in their order: in a map, since an object would put `"2"` before `"1a"`, and has a prototype. */
export function joinEntries(contributions: readonly Contribution[]): Map<string, unknown> {
  return new Map(contributions.map((each) => [each.id, valueOf(each)]));
}

/** The same as compact JSON. */
export function joinJson(contributions: readonly Contribution[]): string {
  const members = contributions.map((each) => {
    const json = each.kind === "value" ? each.json : JSON.stringify(valueOf(each));
    return `${JSON.stringify(each.id)}:${json}`;
  });
  return `{${members.join(",")}}`;
}

function valueOf(each: Contribution): unknown {
  switch (each.kind) {
    case "value":
      return each.value;
    case "text":
      return each.text;
    case "skipped":
      return null;
    case "failed":
      return new Envelope(each.error);
  }
}

/** As an object for whoever looks into it; every key is only a key. */
export function objectOf(entries: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of entries) object[key] = value;
  return object;
}
