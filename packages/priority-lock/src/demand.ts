/// <reference lib="esnext.disposable" preserve="true" />
import type { PriorityClass } from "./classes.js";
import type { DemandEntry, HolderInfo } from "./introspection.js";
import type { PriorityGate } from "./priority-gate.js";

/** Work that is announced: lower classes are not let in until it is released. */
export interface DemandHandle<C extends string = string> extends Disposable {
  /** Whom it asked to yield; `null` where there was nobody to ask, or who held was asked before. */
  readonly preempted: HolderInfo<C> | null;
  /** Ends it; those it held back come in in the same step. Does nothing twice. */
  release(): void;
  /** The same as `release()`, for `using`. */
  [Symbol.dispose](): void;
}

/** One demand of a gate. */
export class Demand implements DemandHandle<never> {
  preempted: HolderInfo<never> | null = null;
  readonly asked: PriorityClass;
  readonly #label: string | undefined;
  #gate: PriorityGate | undefined;

  constructor(gate: PriorityGate, asked: PriorityClass, label: string | undefined) {
    this.#gate = gate;
    this.asked = asked;
    this.#label = label;
  }

  /** What `snapshot()` shows of it. */
  get entry(): DemandEntry<never> {
    const priority = this.asked.name as never;
    return this.#label === undefined ? { priority } : { priority, label: this.#label };
  }

  release(): void {
    const gate = this.#gate;
    this.#gate = undefined;
    gate?.withdrawDemand(this);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
