import { labelOf } from "../../flows/flow/check/compile.js";
import { shapeOf } from "../../flows/flow/check/object-shape.js";
import { dependenciesOf, StepOrder } from "../../flows/flow/check/order.js";
import type { FlowDefinition, Step } from "../../flows/flow/definition/definition.js";
import type { Toolset } from "../../flows/flow/tools/tool.js";
import { openFlow } from "./open-flow.js";

/** A plan, in words and as a Mermaid graph. */
export interface Explanation {
  readonly words: string;
  readonly mermaid: string;
}

/** What a flow would do: as text, and as a Mermaid graph. Nothing of it runs, but modules are imported. Throws as `openFlow`. */
export async function explainFlow(path: string): Promise<Explanation> {
  await using opened = await openFlow(path, { servers: false });
  const { flow, toolbox } = opened;
  return { words: planText(flow, toolbox.tools), mermaid: mermaid(flow) };
}

function planText(flow: FlowDefinition, tools: Toolset): string {
  const order = new StepOrder(flow);
  const dependencies = dependenciesOf(flow);
  const steps = order.canonical.map((index, position) => {
    const step = flow.steps[index];
    if (step === undefined) return "";
    const after = dependencies[index]?.map((each) => labelOf(flow, each)) ?? [];
    return [
      `${position + 1}. ${labelOf(flow, index)}: ${step.tool_name ?? ""}${policies(step)}`,
      `   after: ${flow.type === "Flow" ? "the one before" : after.join(", ") || "nothing"}`,
      `   gets:  ${inputs(step)}`,
      `   adds:  ${outputs(step, tools)}`,
    ].join("\n");
  });
  return [`${flow.name} ${flow.version}: ${flow.description}`, mode(flow), ...steps].join("\n");
}

function mode(flow: FlowDefinition): string {
  if (flow.type === "Flow") return "a list: each step when the one before is done";
  const when =
    flow.scheduling === "ready"
      ? "each step when those it depends on are done"
      : "each step when all of earlier levels are done";
  const bound = flow.max_concurrency === null ? "" : `, at most ${flow.max_concurrency} at a time`;
  return `a graph: ${when}${bound}`;
}

function policies({ on_error, retry, timeout_ms, exclusive }: Step): string {
  const parts = [
    retry !== null && `up to ${retry.max_retries} retries`,
    timeout_ms !== null && `${timeout_ms} ms each`,
    exclusive !== null && `alone with ${JSON.stringify(exclusive)}`,
    on_error !== "fail" && `on failure ${on_error}`,
  ].filter((each) => each !== false);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

function inputs({ input_mapping }: Step): string {
  const entries = Object.entries(input_mapping);
  if (entries.length === 0) return "the whole context";
  return entries
    .map(([target, source]) =>
      typeof source === "string" ? `${target} from ${source}` : `${target} = ${JSON.stringify(source)}`,
    )
    .join(", ");
}

function outputs({ output_mapping, tool_name }: Step, tools: Toolset): string {
  if (output_mapping !== null)
    return (
      Object.entries(output_mapping)
        .map(([to, from]) => (to === from ? to : `${to} from ${from}`))
        .join(", ") || "nothing"
    );
  const { keys, open } = shapeOf(tools.get(tool_name ?? "")?.traits.output_schema);
  return [...keys.keys(), ...(open ? ["whatever its tool makes"] : [])].join(", ") || "nothing";
}

function mermaid(flow: FlowDefinition): string {
  const nodes = flow.steps.map((_, index) => `  s${index}["${escaped(labelOf(flow, index))}"]`);
  const edges = dependenciesOf(flow).flatMap((each, index) => each.map((from) => `  s${from} --> s${index}`));
  return ["flowchart TD", ...nodes, ...edges].join("\n");
}

/** What would end a label, or be a piece of markup in it. */
function escaped(label: string): string {
  return label.replaceAll(/[&"<>#]/g, (char) => `#${char.charCodeAt(0)};`);
}
