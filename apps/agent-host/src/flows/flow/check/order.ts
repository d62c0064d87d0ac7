import type { FlowDefinition } from "../definition/definition.js";

/** How the steps of a flow stand to each other. Says something sensible of a graph that has a circle, too. */
export class StepOrder {
  /** The level of each step; `undefined` where steps go in a circle. */
  readonly levels: readonly number[] | undefined;
  /** The order in which steps run one at a time, by index. */
  readonly canonical: readonly number[];
  /** For each step those that are surely done when it starts. */
  readonly #earlier: readonly ReadonlySet<number>[];

  constructor(flow: FlowDefinition) {
    const dependencies = dependenciesOf(flow);
    const levels = levelsOf(dependencies);
    this.levels = levels && dependencies.map((_, step) => levelOf(step, levels));
    const byLevel = flow.type === "DAGFlow" && flow.scheduling === "levels" ? levels : undefined;
    this.canonical = byLevel?.flat() ?? oneAtATime(dependencies);
    this.#earlier = dependencies.map((_, step) =>
      byLevel === undefined ? reachable(step, dependencies) : inEarlierLevels(step, byLevel),
    );
  }

  /** The steps whose outputs a step can see, in the order in which they are merged. */
  visibleTo(step: number): readonly number[] {
    return this.canonical.filter((other) => this.#isEarlier(other, step));
  }

  /** Whether both may write one key only by a rule: neither comes after the other. */
  areSiblings(a: number, b: number): boolean {
    return !this.#isEarlier(a, b) && !this.#isEarlier(b, a);
  }

  #isEarlier(one: number, other: number): boolean {
    return this.#earlier[other]?.has(one) === true;
  }
}

/** What each step depends on, by index. In a list, on the one before. */
export function dependenciesOf(flow: FlowDefinition): readonly (readonly number[])[] {
  if (flow.type === "Flow") return flow.steps.map((_, index) => (index === 0 ? [] : [index - 1]));
  const indexes = new Map(flow.steps.map(({ step_id }, index) => [step_id, index]));
  return flow.steps.map(({ depends_on }) =>
    depends_on.flatMap((id) => {
      const index = indexes.get(id);
      return index === undefined ? [] : [index];
    }),
  );
}

function reachable(step: number, dependencies: readonly (readonly number[])[]): ReadonlySet<number> {
  const found = new Set(dependencies[step]);
  for (const each of found) for (const next of dependencies[each] ?? []) found.add(next);
  found.delete(step);
  return found;
}

function levelOf(step: number, levels: readonly (readonly number[])[]): number {
  return levels.findIndex((level) => level.includes(step));
}

function inEarlierLevels(step: number, levels: readonly (readonly number[])[]): ReadonlySet<number> {
  return new Set(levels.slice(0, levelOf(step, levels)).flat());
}

/** The steps of each level, in the order of declaration. `undefined` where steps go in a circle. */
function levelsOf(dependencies: readonly (readonly number[])[]): readonly (readonly number[])[] | undefined {
  const levels: number[][] = [];
  const done = new Set<number>();
  while (done.size < dependencies.length) {
    const ready = dependencies.flatMap((needed, step) =>
      !done.has(step) && needed.every((each) => done.has(each)) ? [step] : [],
    );
    if (ready.length === 0) return undefined;
    for (const step of ready) done.add(step);
    levels.push(ready);
  }
  return levels;
}

/** Each step as early as those allow that it depends on, the first declared first; as they are declared if they go in a circle. */
function oneAtATime(dependencies: readonly (readonly number[])[]): readonly number[] {
  const done = new Set<number>();
  while (done.size < dependencies.length) {
    const next = dependencies.findIndex(
      (needed, step) => !done.has(step) && needed.every((each) => done.has(each)),
    );
    if (next === -1) return dependencies.map((_, step) => step);
    done.add(next);
  }
  return [...done];
}
