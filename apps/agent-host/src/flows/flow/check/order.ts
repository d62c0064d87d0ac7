import type { FlowDefinition } from "../definition/definition.js";

/** How the steps of a flow stand to each other. Says something sensible of a graph that has a circle, too. */
export class StepOrder {
  /** The level of each step; `undefined` where steps go in a circle. */
  readonly levels: readonly number[] | undefined;
  /** The order in which steps run one at a time, by index. */
  readonly canonical: readonly number[];
  readonly #dependencies: readonly (readonly number[])[];
  /** The levels, where all of one is done before the next one starts. */
  readonly #byLevel: readonly number[] | undefined;
  /** As far as somebody has asked: of all steps they are many. */
  readonly #ancestors = new Map<number, ReadonlySet<number>>();

  constructor(flow: FlowDefinition) {
    this.#dependencies = dependenciesOf(flow);
    this.levels = levelsOf(this.#dependencies);
    // In a list, each step is a level.
    this.#byLevel = flow.type === "Flow" || flow.scheduling === "levels" ? this.levels : undefined;
    this.canonical =
      this.#byLevel === undefined ? oneAtATime(this.#dependencies) : levelByLevel(this.#byLevel);
  }

  /** The steps whose outputs a step can see, in the order in which they are merged. */
  visibleTo(step: number): readonly number[] {
    return this.canonical.filter((other) => this.#isEarlier(other, step));
  }

  /** Whether both may write one key only by a rule: neither comes after the other. */
  areSiblings(a: number, b: number): boolean {
    return !this.#isEarlier(a, b) && !this.#isEarlier(b, a);
  }

  /** Whether one is surely done when the other starts. */
  #isEarlier(one: number, other: number): boolean {
    if (this.#byLevel === undefined) return this.#ancestorsOf(other).has(one);
    return (this.#byLevel[one] ?? 0) < (this.#byLevel[other] ?? 0);
  }

  /** The steps after which a step comes, directly or not. */
  #ancestorsOf(step: number): ReadonlySet<number> {
    const known = this.#ancestors.get(step) ?? reachable(step, this.#dependencies);
    this.#ancestors.set(step, known);
    return known;
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

function levelsOf(dependencies: readonly (readonly number[])[]): readonly number[] | undefined {
  const missing = dependencies.map(({ length }) => length);
  const dependents = dependencies.map((): number[] => []);
  for (const [step, each] of dependencies.entries())
    for (const dependency of each) dependents[dependency]?.push(step);
  const levels = new Map<number, number>();
  let ready = missing.flatMap((count, step) => (count === 0 ? [step] : []));
  for (let level = 0; ready.length > 0; level += 1) {
    for (const step of ready) levels.set(step, level);
    ready = ready.flatMap((step) =>
      (dependents[step] ?? []).filter((each) => {
        const left = (missing[each] ?? 0) - 1;
        missing[each] = left;
        return left === 0;
      }),
    );
  }
  return levels.size < dependencies.length ? undefined : dependencies.map((_, step) => levels.get(step) ?? 0);
}

function levelByLevel(levels: readonly number[]): readonly number[] {
  return levels.map((_, step) => step).sort((a, b) => (levels[a] ?? 0) - (levels[b] ?? 0) || a - b);
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
