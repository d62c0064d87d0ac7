import type { FlowDefinition } from "../definition/definition.js";
import type { OfStep, StepPlace } from "./events.js";

/** How steps are called: in the graph that runs them, and in events and records. */
export class StepPlaces {
  readonly #flow: FlowDefinition;
  readonly #levels: readonly number[] | undefined;
  readonly #indexes: ReadonlyMap<string, number>;

  constructor(flow: FlowDefinition, levels: readonly number[]) {
    this.#flow = flow;
    this.#levels = flow.type === "DAGFlow" && flow.scheduling === "levels" ? levels : undefined;
    this.#indexes = new Map(flow.steps.map((_, index) => [this.nameOf(index), index]));
  }

  /** What a step is called in the graph. */
  nameOf(index: number): string {
    return this.#idOf(index) ?? String(index);
  }

  indexOf(name: string): number {
    return this.#indexes.get(name) ?? -1;
  }

  placeOf(index: number): StepPlace {
    return {
      step_index: index,
      step_id: this.#idOf(index),
      tool_name: this.#flow.steps[index]?.tool_name ?? null,
    };
  }

  /** Where levels do not matter there is none. */
  levelOf(index: number): number | null {
    return this.#levels?.[index] ?? null;
  }

  ofStep(index: number): OfStep {
    const level = this.levelOf(index);
    return { ...this.placeOf(index), level, group: level === null ? null : `level-${level}` };
  }

  #idOf(index: number): string | null {
    const step = this.#flow.steps[index];
    return step !== undefined && "step_id" in step ? step.step_id : null;
  }
}
