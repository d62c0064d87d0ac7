import fc from "fast-check";

/** How a step of a random pipeline behaves. */
export type Behaviour = "ok" | "fail" | "skip" | "hang" | "deaf";

interface RandomStep {
  readonly id: string;
  readonly kind: "prompt" | "join";
  readonly async: boolean;
  readonly dependsOn: readonly string[];
  readonly waitForAll: boolean;
  readonly structured: boolean;
  readonly continues: boolean;
  readonly behaviour: Behaviour;
}

export interface RandomPipeline {
  readonly steps: readonly RandomStep[];
  readonly cap: number | undefined;
}

/** Pipelines of up to eight steps that are valid: whatever is async is waited for by a join at the end. */
export function randomPipeline(
  behaviours: readonly Behaviour[],
  waitForAll?: boolean,
): fc.Arbitrary<RandomPipeline> {
  const draft = fc.record({
    kind: fc.constantFrom<RandomStep["kind"]>("prompt", "prompt", "prompt", "join"),
    async: fc.boolean(),
    picks: fc.array(fc.nat(6), { maxLength: 3 }),
    waitForAll: waitForAll === undefined ? fc.boolean() : fc.constant(waitForAll),
    structured: fc.boolean(),
    continues: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    behaviour: fc.constantFrom(...behaviours),
  });
  const cap = fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined });
  return fc
    .tuple(fc.array(draft, { minLength: 1, maxLength: 7 }), cap, fc.boolean())
    .map(([drafts, limit, patient]) => {
      const steps: RandomStep[] = [];
      for (const [index, { picks, ...rest }] of drafts.entries()) {
        // Ids that look like numbers, whose order an object would change.
        const earlier = steps.map(({ id }) => id);
        const dependsOn = [
          ...new Set(picks.map((pick) => earlier[pick % Math.max(earlier.length, 1)])),
        ].filter((id) => id !== undefined);
        const kind = dependsOn.length === 0 ? "prompt" : rest.kind;
        steps.push({ ...rest, kind, id: String(90 - index), dependsOn });
      }
      const named = new Set(steps.flatMap(({ dependsOn }) => dependsOn));
      const orphans = steps.filter((step) => step.async && !named.has(step.id)).map(({ id }) => id);
      if (orphans.length > 0)
        steps.push({
          id: "end",
          kind: "join",
          async: false,
          dependsOn: orphans,
          waitForAll: waitForAll ?? patient,
          structured: false,
          continues: false,
          behaviour: "ok",
        });
      return { steps, cap: limit };
    });
}

export function yamlOf({ steps, cap }: RandomPipeline): string {
  return JSON.stringify({
    version: "1",
    defaults: cap === undefined ? undefined : { max_concurrency: cap },
    pipeline: steps.map((step) => ({
      id: step.id,
      ...(step.kind === "join"
        ? { action: "join", on_error: step.waitForAll ? "wait_for_all" : undefined }
        : {
            prompt: `p${step.id}`,
            on_error: step.continues ? "continue" : undefined,
            output_schema: step.structured ? { type: "object" } : undefined,
          }),
      async: step.async || undefined,
      depends_on: step.dependsOn,
      condition: step.behaviour === "skip" ? "never" : undefined,
    })),
  });
}

/** All that a step waits for, one way or another; or only what comes to it through those that pass it on. */
export function reachOf(
  { steps }: RandomPipeline,
  id: string,
  passesOn: (id: string) => boolean = () => true,
): Set<string> {
  const reach = new Set(steps.find((step) => step.id === id)?.dependsOn);
  for (const each of reach)
    if (passesOn(each))
      for (const dependency of steps.find((step) => step.id === each)?.dependsOn ?? []) reach.add(dependency);
  return reach;
}
