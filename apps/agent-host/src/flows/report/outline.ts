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
export function outlineOfFlow({ steps }: FlowDefinition): Outline[] {
  return steps.map((step, index) => {
    const tool = step.tool_name ?? "";
    if ("step_id" in step) return { name: step.step_id, kind: `tool ${tool}`, dependsOn: step.depends_on };
    // In a list each step comes after the one before, which is no news.
    return { name: `${index} ${tool}`, kind: "tool", dependsOn: [] };
  });
}
