import { keep } from "@holdfast/core";
import type { Branch } from "./branch.js";

/** Whose turn it is. */
export interface Schedule {
  /** Who can start at once. */
  first(): readonly Branch[];
  /** Who can start now that this one has ended. */
  after(branch: Branch): readonly Branch[];
}

const nobody: readonly Branch[] = [];

/** Each as soon as all that it depends on have ended. **Complexity**: O(dependencies) in all. */
export class WhenReady implements Schedule {
  static {
    keep(new WhenReady([]));
  }

  readonly #first: readonly Branch[];

  /** `branches` in the order in which those that can start together are to start. */
  constructor(branches: readonly Branch[]) {
    for (const each of branches) {
      each.missing = each.dependencies.length;
      each.dependents.sort((a, b) => a.position - b.position);
    }
    this.#first = branches.filter(({ missing }) => missing === 0);
  }

  first(): readonly Branch[] {
    return this.#first;
  }

  after({ dependents }: Branch): readonly Branch[] {
    return dependents.filter((each) => each.loseDependency());
  }
}

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
