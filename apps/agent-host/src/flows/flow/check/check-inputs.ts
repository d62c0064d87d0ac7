import { didYouMean } from "../../file/suggestion.js";
import { pointerTokens } from "../../json-pointer.js";
import type { Tool } from "../tools/tool.js";
import type { IssueType } from "./finding.js";
import type { KnownContext } from "./known-context.js";
import { clashOf, type ObjectShape, shapeOf, type Types, typesOfValue } from "./object-shape.js";
import { nameOf, type StepCheck } from "./step-check.js";

/** Whether a tool can be given what the step gives it. */
export function checkInputs(check: StepCheck, tool: Tool, context: KnownContext, isFallback: boolean): void {
  const kinds = isFallback ? fallbackKinds : ownKinds;
  const target = shapeOf(tool.traits.input_schema);
  const entries = Object.entries(check.step.input_mapping);
  if (entries.length === 0) wholeContext(check, tool, target, context, kinds);
  else mapping(check, tool, target, entries, context, kinds);
}

function wholeContext(
  check: StepCheck,
  tool: Tool,
  target: ObjectShape,
  context: KnownContext,
  kinds: Kinds,
): void {
  for (const [key, types] of target.keys) {
    const known = context.keys.get(key);
    if (known === undefined) continue;
    const clash = clashOf(known.types, types);
    if (clash === undefined) continue;
    check.report(
      kinds.type,
      key,
      `${nameOf(tool)} takes ${clash.wanted} as ${JSON.stringify(key)}, and ${known.by} makes it ${clash.made}`,
    );
  }
  for (const key of target.required)
    if (!context.has(key))
      check.report(
        kinds.required,
        key,
        `${nameOf(tool)} needs ${JSON.stringify(key)}, which is not in the context${whyNot(key, context)}`,
      );
}

function mapping(
  check: StepCheck,
  tool: Tool,
  target: ObjectShape,
  entries: readonly [string, unknown][],
  context: KnownContext,
  kinds: Kinds,
): void {
  const isFallback = kinds === fallbackKinds;
  for (const [key, source] of entries) {
    const path = ["input_mapping", key];
    if (!target.open && !target.keys.has(key))
      check.report(
        kinds.target,
        key,
        `${nameOf(tool)} takes no ${JSON.stringify(key)}${didYouMean(key, [...target.keys.keys()])}`,
        path,
      );
    const found = typesAt(source, context);
    const clash = clashOf(found.types, target.keys.get(key));
    if (found.missing !== undefined) {
      // Said once, of the tool that comes first.
      if (!isFallback)
        check.report(
          "missing_mapping_key",
          found.missing,
          `there is no ${JSON.stringify(found.missing)} in the context at this point${whyNot(found.missing, context) || ". A key of the input must be in the schema that input_schema_ref names, a parameter in dynamic_params"}`,
          path,
        );
    } else if (clash !== undefined)
      check.report(
        kinds.type,
        key,
        `${nameOf(tool)} takes ${clash.wanted} as ${JSON.stringify(key)}, and is given ${clash.made}`,
        path,
      );
    else if (!isFallback && source !== key && context.keys.has(key))
      check.report(
        "shadowed_key",
        key,
        `the tool gets another ${JSON.stringify(key)} than the context has`,
        path,
      );
  }
  const given = new Set(entries.map(([key]) => key));
  for (const key of target.required)
    if (!given.has(key))
      check.report(
        kinds.required,
        key,
        `${nameOf(tool)} needs ${JSON.stringify(key)}, which input_mapping does not give it`,
        ["input_mapping"],
      );
}

function typesAt(
  source: unknown,
  context: KnownContext,
): { readonly types: Types; readonly missing?: string } {
  if (typeof source !== "string") return { types: typesOfValue(source) };
  const [key = source, ...rest] = source.startsWith("/") ? pointerTokens(source) : [];
  if (!context.has(key)) return { types: undefined, missing: key };
  return { types: rest.length > 0 ? undefined : context.keys.get(key)?.types };
}

/** Why a key is not in the context, as far as one can guess. */
function whyNot(key: string, context: KnownContext): string {
  const maker = context.makerElsewhere(key);
  if (maker === undefined) return didYouMean(key, context.names());
  return `; ${maker} makes it, and this step does not come after that one`;
}

interface Kinds {
  readonly target: IssueType;
  readonly type: IssueType;
  readonly required: IssueType;
}

const ownKinds: Kinds = {
  target: "unknown_target_key",
  type: "type_mismatch",
  required: "missing_required_input",
};

const fallbackKinds: Kinds = {
  target: "fallback_unknown_target_key",
  type: "fallback_type_mismatch",
  required: "fallback_missing_required_input",
};
