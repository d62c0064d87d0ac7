import { didYouMean } from "../../file/suggestion.js";
import type { Tool } from "../tools/tool.js";
import { anyObject, clashOf, shapeOf, type Types } from "./object-shape.js";
import { nameOf, type StepCheck } from "./step-check.js";

/** What a step adds to the context: what its tool makes, as far as it is taken over. */
export function contributionOf(
  check: StepCheck,
  tool: Tool | undefined,
): { readonly keys: ReadonlyMap<string, Types>; readonly open: boolean } {
  const made = tool === undefined ? anyObject : shapeOf(tool.traits.output_schema);
  const { output_mapping } = check.step;
  if (output_mapping === null) {
    const why = whyUnknown(check, tool, made.open);
    if (why !== undefined)
      check.report(
        "unknown_contribution",
        null,
        `what it adds to the context is not known before it runs, because ${why}`,
      );
    return made;
  }
  const keys = new Map<string, Types>();
  for (const [to, from] of Object.entries(output_mapping)) {
    if (!made.open && !made.keys.has(from))
      check.report(
        "unknown_output_key",
        from,
        `its output has no ${JSON.stringify(from)}${didYouMean(from, [...made.keys.keys()])}`,
        ["output_mapping", to],
      );
    keys.set(to, made.keys.get(from));
  }
  return { keys, open: false };
}

/** Of a tool that does not exist there is nothing more to say. */
function whyUnknown({ step }: StepCheck, tool: Tool | undefined, isOpen: boolean): string | undefined {
  if (step.tool_name === undefined) return "it runs another flow, whose output schema is not known here";
  return tool !== undefined && isOpen ? "the tool declares no complete output schema" : undefined;
}

/** Whether the tool that runs in place of another makes what is expected of that one. */
export function checkFallbackOutputs(check: StepCheck, tool: Tool, fallback: Tool): void {
  const expected = shapeOf(tool.traits.output_schema);
  const made = shapeOf(fallback.traits.output_schema);
  const { output_mapping } = check.step;
  const wanted = output_mapping === null ? [...expected.keys.keys()] : Object.values(output_mapping);
  for (const key of wanted) {
    const clash = clashOf(made.keys.get(key), expected.keys.get(key));
    if (!made.keys.has(key) && !made.open) {
      if (output_mapping === null)
        check.report(
          "fallback_output_shape_divergence",
          key,
          `the output of ${nameOf(fallback)} has no ${JSON.stringify(key)}, which that of ${nameOf(tool)} has`,
          ["on_error"],
        );
      else
        check.report(
          "fallback_output_missing_mapped_key",
          key,
          `output_mapping takes ${JSON.stringify(key)}, which the output of ${nameOf(fallback)} does not have`,
          ["on_error"],
        );
    } else if (clash !== undefined)
      check.report(
        "fallback_output_type_mismatch",
        key,
        `${JSON.stringify(key)} is ${clash.made} from ${nameOf(fallback)} and ${clash.wanted} from ${nameOf(tool)}`,
        ["on_error"],
      );
  }
  if (output_mapping === null && !expected.open)
    for (const key of made.keys.keys())
      if (!expected.keys.has(key))
        check.report(
          "fallback_output_shape_divergence",
          key,
          `the output of ${nameOf(fallback)} has ${JSON.stringify(key)}, which that of ${nameOf(tool)} does not have`,
          ["on_error"],
        );
}
