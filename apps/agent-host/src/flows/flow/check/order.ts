import type { FlowDefinition } from "../definition/definition.js";

/** How the steps of a flow stand to each other. Says something sensible of a graph that has a circle, too. */
export class StepOrder {
  /** The level of each step; `undefined` where steps go in a circle. */
  readonly levels: readonly number[] | undefined;
  /** The order in which steps run one at a time, by index. */
  readonly canonical: readonly number[];
  readonly #byLevel: boolean;
  readonly #dependencies: readonly (readonly number[])[];
  /** As far as somebody has asked: of all steps they are many. */
  readonly #ancestors = new Map<number, ReadonlySet<number>>();

  constructor(flow: FlowDefinition) {
    const dependencies = dependenciesOf(flow);
    this.#byLevel = flow.type === "Flow" || flow.scheduling === "levels";
    this.#dependencies = dependencies;
    this.levels = levelsOf(dependencies);
    this.canonical = this.#order(dependencies);
  }

  /** The steps whose outputs a step can see, in the order in which they are merged. */
  visibleTo(step: number): readonly number[] {
    const { canonical, levels } = this;
    const level = levels?.[step];
    if (this.#byLevel && levels !== undefined && level !== undefined)
      return canonical.filter((other) => (levels[other] ?? 0) < level);
    const ancestors = this.#ancestorsOf(step);
    return canonical.filter((other) => ancestors.has(other));
  }

  /** Whether both may write one key only by a rule: neither comes after the other. */
  areSiblings(a: number, b: number): boolean {
    if (this.#byLevel && this.levels !== undefined) return this.levels[a] === this.levels[b];
    return !this.#ancestorsOf(a).has(b) && !this.#ancestorsOf(b).has(a);
  }

  /** The steps after which a step comes, directly or not. */
  #ancestorsOf(step: number): ReadonlySet<number> {
    const known = this.#ancestors.get(step) ?? reachable(step, this.#dependencies);
    this.#ancestors.set(step, known);
    return known;
  }

  #order(dependencies: readonly (readonly number[])[]): readonly number[] {
    const { levels } = this;
    const declared = dependencies.map((_, step) => step);
    if (levels === undefined) return declared;
    if (this.#byLevel) return declared.sort((a, b) => (levels[a] ?? 0) - (levels[b] ?? 0) || a - b);
    const order: number[] = [];
    const done = new Set<number>();
    while (order.length < declared.length) {
      const next = declared.find(
        (step) => !done.has(step) && dependencies[step]?.every((each) => done.has(each)) === true,
      );
      if (next === undefined) return declared;
      done.add(next);
      order.push(next);
    }
    return order;
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
