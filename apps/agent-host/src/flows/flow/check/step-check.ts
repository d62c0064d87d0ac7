import { didYouMean } from "../../file/suggestion.js";
import type { Path } from "../../file/source-file.js";
import type { Step } from "../definition/definition.js";
import type { Tool } from "../tools/tool.js";
import type { Finding, IssueType } from "./finding.js";
import type { KnownContext } from "./known-context.js";
import {
  anyObject,
  inWords,
  isCompatible,
  type ObjectShape,
  shapeOf,
  type Types,
  typesOfValue,
} from "./object-shape.js";
import { pointerTokens } from "../run/json-pointer.js";

/** Collects what is found about one step. */
export class StepCheck {
  readonly findings: Finding[] = [];
  readonly step: Step;
  readonly index: number;
  readonly label: string;

  constructor(step: Step, index: number, label: string) {
    this.step = step;
    this.index = index;
    this.label = label;
  }

  report(issue_type: IssueType, field_name: string | null, detail: string, within: Path = []): void {
    const { index, step } = this;
    const tool_name = step.tool_name ?? null;
    this.findings.push({
      step_index: index,
      tool_name,
      field_name,
      issue_type,
      detail: `${this.label}: ${detail}`,
      path: ["steps", index, ...within],
    });
  }

  /** Whether a tool can be given what the step gives it. */
  inputs(tool: Tool, context: KnownContext, isFallback: boolean): void {
    const kinds = isFallback ? fallbackKinds : ownKinds;
    const target = shapeOf(tool.traits.input_schema);
    const entries = Object.entries(this.step.input_mapping);
    if (entries.length === 0) this.#wholeContext(tool, target, context, kinds);
    else this.#mapping(tool, target, entries, context, kinds);
  }

  /** What a step adds to the context: what its tool makes, as far as it is taken over. */
  outputs(tool: Tool | undefined): { readonly keys: ReadonlyMap<string, Types>; readonly open: boolean } {
    const made = tool === undefined ? anyObject : shapeOf(tool.traits.output_schema);
    const { output_mapping } = this.step;
    if (output_mapping === null) {
      if (made.open && tool !== undefined)
        this.report(
          "unknown_contribution",
          null,
          "what it adds to the context is not known before it runs, because the tool declares no complete output schema",
        );
      return made;
    }
    const keys = new Map<string, Types>();
    for (const [to, from] of Object.entries(output_mapping)) {
      if (!made.open && !made.keys.has(from))
        this.report(
          "unknown_output_key",
          from,
          `the output of ${name(tool)} has no ${JSON.stringify(from)}${hint(from, [...made.keys.keys()])}`,
          ["output_mapping", to],
        );
      keys.set(to, made.keys.get(from));
    }
    return { keys, open: false };
  }

  /** Whether the tool that runs in place of another makes what is expected of that one. */
  fallbackOutputs(tool: Tool, fallback: Tool): void {
    const expected = shapeOf(tool.traits.output_schema);
    const made = shapeOf(fallback.traits.output_schema);
    const { output_mapping } = this.step;
    const wanted = output_mapping === null ? [...expected.keys.keys()] : Object.values(output_mapping);
    for (const key of wanted) {
      if (!made.keys.has(key) && !made.open) {
        if (output_mapping === null)
          this.report(
            "fallback_output_shape_divergence",
            key,
            `the output of ${name(fallback)} has no ${JSON.stringify(key)}, which that of ${name(tool)} has`,
            ["on_error"],
          );
        else
          this.report(
            "fallback_output_missing_mapped_key",
            key,
            `output_mapping takes ${JSON.stringify(key)}, which the output of ${name(fallback)} does not have`,
            ["on_error"],
          );
      } else if (!isCompatible(made.keys.get(key), expected.keys.get(key)))
        this.report(
          "fallback_output_type_mismatch",
          key,
          `${JSON.stringify(key)} is ${inWords(made.keys.get(key))} from ${name(fallback)} and ${inWords(expected.keys.get(key))} from ${name(tool)}`,
          ["on_error"],
        );
    }
    if (output_mapping === null && !expected.open)
      for (const key of made.keys.keys())
        if (!expected.keys.has(key))
          this.report(
            "fallback_output_shape_divergence",
            key,
            `the output of ${name(fallback)} has ${JSON.stringify(key)}, which that of ${name(tool)} does not have`,
            ["on_error"],
          );
  }

  retry(tool: Tool): void {
    const why = tool.unsafeToRetry;
    if (why !== undefined && (this.step.retry?.max_retries ?? 0) > 0)
      this.report("unsafe_retry", null, `retrying ${name(tool)} is not safe: ${why}`, ["retry"]);
  }

  #wholeContext(tool: Tool, target: ObjectShape, context: KnownContext, kinds: Kinds): void {
    for (const [key, types] of target.keys) {
      const known = context.keys.get(key);
      if (known === undefined) continue;
      if (!isCompatible(known.types, types))
        this.report(
          kinds.type,
          key,
          `${name(tool)} takes ${inWords(types)} as ${JSON.stringify(key)}, and ${known.by} makes it ${inWords(known.types)}`,
        );
    }
    for (const key of target.required)
      if (!context.has(key))
        this.report(
          kinds.required,
          key,
          `${name(tool)} needs ${JSON.stringify(key)}, which is not in the context${hint(key, context.names())}`,
        );
  }

  #mapping(
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
        this.report(
          kinds.target,
          key,
          `${name(tool)} takes no ${JSON.stringify(key)}${hint(key, [...target.keys.keys()])}`,
          path,
        );
      const found = this.#source(source, context);
      if (found.missing !== undefined) {
        // Said once, of the tool that comes first.
        if (!isFallback)
          this.report(
            "missing_mapping_key",
            found.missing,
            `there is no ${JSON.stringify(found.missing)} in the context at this point${hint(found.missing, context.names()) || ". A key of the input must be in the schema that input_schema_ref names, a parameter in dynamic_params"}`,
            path,
          );
      } else if (!isCompatible(found.types, target.keys.get(key)))
        this.report(
          kinds.type,
          key,
          `${name(tool)} takes ${inWords(target.keys.get(key))} as ${JSON.stringify(key)}, and is given ${inWords(found.types)}`,
          path,
        );
      else if (!isFallback && source !== key && context.keys.has(key))
        this.report(
          "shadowed_key",
          key,
          `the tool gets another ${JSON.stringify(key)} than the context has`,
          path,
        );
    }
    const given = new Set(entries.map(([key]) => key));
    for (const key of target.required)
      if (!given.has(key))
        this.report(
          kinds.required,
          key,
          `${name(tool)} needs ${JSON.stringify(key)}, which input_mapping does not give it`,
          ["input_mapping"],
        );
  }

  #source(source: unknown, context: KnownContext): { readonly types: Types; readonly missing?: string } {
    if (typeof source !== "string") return { types: typesOfValue(source) };
    const [key = source, ...rest] = source.startsWith("/") ? pointerTokens(source) : [source];
    if (!context.has(key)) return { types: undefined, missing: key };
    return { types: rest.length > 0 ? undefined : context.keys.get(key)?.types };
  }
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

function name(tool: Tool | undefined): string {
  return tool === undefined ? "the tool" : `tool ${JSON.stringify(tool.name)}`;
}

function hint(wrong: string, names: readonly string[]): string {
  return didYouMean(wrong, names);
}
