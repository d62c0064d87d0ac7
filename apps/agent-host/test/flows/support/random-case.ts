import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import type { RunResult } from "../../../src/flows/pipelines/run/pipeline-run.js";
import { randomPipeline, type RandomPipeline, yamlOf } from "./random-pipeline.js";

const kinds = ["plain", "plain", "nested", "file", "gate", "chained", "asks", "follows", "breaks"] as const;
type Kind = (typeof kinds)[number];

export interface Case {
  readonly random: RandomPipeline;
  readonly kinds: readonly Kind[];
}

/** Small pipelines with all that can be in one. */
export function cases(
  waitForAll: true | undefined,
  behaviours: Parameters<typeof randomPipeline>[0],
): fc.Arbitrary<Case> {
  return fc.record({
    random: randomPipeline(behaviours, waitForAll),
    kinds: fc.array(fc.constantFrom(...kinds), { minLength: 8, maxLength: 8 }),
  });
}

/** Called by name. */
const sub = [
  { id: "x", prompt: "{{ step.invocation.prompt }}/x", before: ["early"] },
  { id: "g", action: "pause_for_human" },
  { id: "y", prompt: "{{ step.x.response }}/y", async: true },
  { id: "z", prompt: "z", async: true },
  { id: "j", action: "join", depends_on: ["y", "z"] },
];

/** Called as another file. */
const other = {
  version: "1",
  defaults: { max_concurrency: 2 },
  pipelines: { deep: [{ id: "d", prompt: "{{ step.invocation.prompt }}/d" }] },
  pipeline: [
    { id: "p", prompt: "p", async: true },
    { id: "q", pipeline: "deep", prompt: "q", async: true },
    { id: "r", prompt: "r", async: true, depends_on: ["p"] },
    { id: "m", prompt: "m" },
    { id: "k", action: "join", depends_on: ["p", "q", "r"] },
  ],
};

function pipelineTextOf({ random, kinds: chosen }: Case): string {
  const file = JSON.parse(yamlOf(random)) as { pipeline: Record<string, unknown>[] };
  const pipeline = file.pipeline.map((step, index) => {
    if (!("prompt" in step) || "output_schema" in step) return step;
    const { prompt, ...rest } = step;
    const always = (action: string): object => ({ on_result: [{ always: true, action }] });
    switch (chosen[index]) {
      case "nested":
        return { ...rest, pipeline: "sub", prompt };
      case "file":
        return { ...rest, pipeline: "other.yaml", prompt };
      case "gate":
        return { ...rest, action: "pause_for_human" };
      case "chained":
        return { ...step, before: ["b"], then: ["t"] };
      case "asks":
        return { ...step, ...always("pause_for_human"), then: ["t"] };
      case "follows":
        return { ...step, ...always("pipeline: sub") };
      case "breaks":
        // Of a branch it would depend on time how far the main flow comes.
        return step["async"] === true ? step : { ...step, ...always("break") };
      default:
        return step;
    }
  });
  return JSON.stringify({ ...file, pipeline, pipelines: { sub } });
}

/** Writes its file, and the one that it may call, beside it. */
export function writeCase(one: Case, path: string): void {
  writeFileSync(path, pipelineTextOf(one));
  writeFileSync(join(dirname(path), "other.yaml"), JSON.stringify(other));
}

/** All that does not depend on time. */
export function essence({ status, response, view, breakAt, error }: RunResult): object {
  const records = view.records.map(({ stepId, prompt, response: said, join, stdout }) => ({
    ...{ stepId, prompt, said, stdout },
    join: join && { ...join, entries: join.entries && [...join.entries] },
  }));
  if (status === "failed") return { status, type: error?.type };
  return { status, response, breakAt, records };
}
