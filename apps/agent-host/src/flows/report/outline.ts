import { dependenciesOf } from "../flow/check/order.js";
import type { FlowDefinition } from "../flow/definition/definition.js";
import type { Body, Scope } from "../pipelines/definition/model.js";
import type { Outline } from "./report.js";

const kinds = {
  prompt: "prompt",
  shell: "command",
  pipeline: "pipeline",
  join: "join",
  gate: "human gate",
} as const satisfies Record<Body["kind"], string>;

/** The steps of a pipeline. */
export function outlineOfPipeline({ steps }: Scope): Outline[] {
  return steps.map(({ id, body, dependsOn }) => ({ name: id, kind: kinds[body.kind], dependsOn }));
}

/** The steps of a flow; those of a list by their place and tool. */
export function outlineOfFlow(flow: FlowDefinition): Outline[] {
  const names = flow.steps.map((step, index) =>
    "step_id" in step ? step.step_id : `${index} ${step.tool_name ?? ""}`,
  );
  // In a list each step comes after the one before, which is no news.
  const dependencies = flow.type === "Flow" ? [] : dependenciesOf(flow);
  return flow.steps.map((step, index) => ({
    name: names[index] ?? "",
    kind: "step_id" in step ? `tool ${step.tool_name ?? ""}` : "tool",
    dependsOn: (dependencies[index] ?? []).map((each) => names[each] ?? ""),
  }));
}
