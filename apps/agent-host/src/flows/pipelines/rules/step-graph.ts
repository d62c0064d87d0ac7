import { nameLike } from "../../file/suggestion.js";
import type { Unread } from "../../file/unread.js";
import type { Scope, Step } from "../definition/model.js";

/**
 * Who depends on whom among the steps of one scope. Names that mean no earlier step are left out, so there are no cycles. A misspelt
 * name stands for the one that was meant, and what could not be read for all the names in it: what is wrong there is told once.
 */
export class StepGraph {
  readonly scope: Scope;
  readonly #unread: Unread;
  readonly #byId = new Map<string, Step>();
  readonly #reach = new Map<Step, ReadonlySet<Step>>();
  readonly #named = new Map<Step, readonly string[]>();

  constructor(scope: Scope, unread: Unread) {
    this.scope = scope;
    this.#unread = unread;
    for (const step of scope.steps) if (!this.#byId.has(step.id)) this.#byId.set(step.id, step);
  }

  step(id: string): Step | undefined {
    return this.#byId.get(id);
  }

  /** What a step names in `depends_on`, or means to. */
  names(step: Step): readonly string[] {
    let names = this.#named.get(step);
    if (names === undefined) {
      names = [
        ...step.dependsOn.map((id) => (this.#byId.has(id) ? id : (nameLike(id, this.idsBefore(step)) ?? id))),
        ...this.#unread.namesIn(step.at, "depends_on"),
        ...(this.isGuess(step) ? this.idsBefore(step) : []),
      ];
      this.#named.set(step, names);
    }
    return names;
  }

  /** Whether a step names somebody, and nobody can tell whom. */
  isGuess({ at }: Step): boolean {
    return this.#unread.has([...at, "depends_on"]) && this.#unread.namesIn(at, "depends_on").size === 0;
  }

  idsBefore(step: Step): string[] {
    return this.scope.steps.slice(0, step.index).map(({ id }) => id);
  }

  /** The steps that these names mean, in that order. */
  dependencies(step: Step): Step[] {
    return [...new Set(this.names(step))].flatMap((id) => {
      const found = this.#byId.get(id);
      return found !== undefined && found.index < step.index ? [found] : [];
    });
  }

  /** The same with what those depend on, and so on. */
  reach(step: Step): ReadonlySet<Step> {
    let reach = this.#reach.get(step);
    if (reach === undefined) {
      const all = new Set<Step>();
      // Backwards, so that one pass is enough: dependencies are earlier.
      const wanted = new Set(this.dependencies(step));
      for (const earlier of this.scope.steps.slice(0, step.index).reverse()) {
        if (!wanted.has(earlier)) continue;
        all.add(earlier);
        for (const each of this.dependencies(earlier)) wanted.add(each);
      }
      reach = all;
      this.#reach.set(step, reach);
    }
    return reach;
  }

  /** Whether `earlier` is over before `later` starts, whatever takes how long. */
  isOver(earlier: Step, later: Step): boolean {
    return !earlier.async || this.reach(later).has(earlier) || this.isCollectedBefore(earlier, later);
  }

  /** Whether a step of the main flow that waits for `branch` comes before `later`. */
  isCollectedBefore(branch: Step, later: Step): boolean {
    return this.scope.steps.some(
      (each) => each.index < later.index && !each.async && this.reach(each).has(branch),
    );
  }

  /** The last step of the main flow before this one that can have a response. */
  mainBefore(step: Step): Step | undefined {
    return this.scope.steps.findLast((each) => each.index < step.index && !each.async);
  }

  /** Whose response is `last_response` when this step starts. */
  predecessor(step: Step): Step | undefined {
    // A join merges; it does not read the last response of those it waits for, and has no input of its own.
    if (step.body.kind === "join") return undefined;
    return this.dependencies(step).at(-1) ?? this.mainBefore(step);
  }
}
