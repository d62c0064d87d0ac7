import { keep } from "@holdfast/core";
import type { Branch } from "./branch.js";
import type { Schedule } from "./schedule.js";

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
