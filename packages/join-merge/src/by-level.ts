import { keep } from "@holdfast/core";
import type { Branch } from "./branch.js";
import type { Schedule } from "./schedule.js";

const nobody: readonly Branch[] = [];

/** A level when all of the one before have ended. */
export class ByLevel implements Schedule {
  static {
    keep(new ByLevel([]));
  }

  readonly #levels: readonly (readonly Branch[])[];
  readonly #onLevel: ((level: readonly Branch[]) => void) | undefined;
  #left: number;

  /** `onLevel` is called with each level that has ended, before the next one starts. */
  constructor(levels: readonly (readonly Branch[])[], onLevel?: (level: readonly Branch[]) => void) {
    this.#levels = levels;
    this.#onLevel = onLevel;
    this.#left = this.first().length;
  }

  first(): readonly Branch[] {
    return this.#levels[0] ?? nobody;
  }

  after({ level }: Branch): readonly Branch[] {
    this.#left -= 1;
    if (this.#left > 0) return nobody;
    this.#onLevel?.(this.#levels[level] ?? nobody);
    const next = this.#levels[level + 1] ?? nobody;
    this.#left = next.length;
    return next;
  }
}
