import type { FlowDefinition } from "../definition/definition.js";
import { dependenciesOf, StepOrder } from "../check/order.js";

/** Which steps can start once others have ended, as the graph that runs them has it. */
export class ReadySteps {
  /** Of each step; of none where they go in a circle. */
  readonly levels: readonly number[];
  readonly dependencies: readonly (readonly number[])[];
  /** For each step, how many must end before it. */
  readonly #missing: number[];
  readonly #dependents: readonly (readonly number[])[];
  readonly #byLevel: boolean;
  readonly #left = new Map<number, number>();

  constructor(flow: FlowDefinition) {
    this.dependencies = dependenciesOf(flow);
    this.levels = new StepOrder(flow).levels ?? [];
    this.#byLevel = flow.type === "Flow" || flow.scheduling === "levels";
    this.#missing = this.dependencies.map((each) => each.length);
    const dependents = this.dependencies.map((): number[] => []);
    for (const [step, each] of this.dependencies.entries())
      for (const dependency of each) dependents[dependency]?.push(step);
    this.#dependents = dependents;
    for (const level of this.levels) this.#left.set(level, (this.#left.get(level) ?? 0) + 1);
  }

  first(): readonly number[] {
    return this.#missing.flatMap((missing, step) => (missing === 0 ? [step] : []));
  }

  /** Who can start now that this one has ended well. */
  after(step: number): readonly number[] {
    if (!this.#byLevel)
      return (this.#dependents[step] ?? []).filter((each) => {
        const missing = (this.#missing[each] ?? 0) - 1;
        this.#missing[each] = missing;
        return missing === 0;
      });
    const level = this.levels[step] ?? 0;
    const left = (this.#left.get(level) ?? 0) - 1;
    this.#left.set(level, left);
    return left > 0 ? [] : this.levels.flatMap((other, each) => (other === level + 1 ? [each] : []));
  }
}
