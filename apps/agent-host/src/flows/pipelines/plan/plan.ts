import type { Scope, Step } from "../definition/model.js";

/** The node before the first step of the main flow. No step can have that name. */
export const start = "(start)";

/** A step as a node of a graph. */
interface PlanNode {
  readonly step: Step;
  /** The main-flow step, or the start, after which it is launched or comes next. */
  readonly from: string;
  /** All that must be over before it starts: `from`, and what it names in `depends_on`. */
  readonly dependsOn: readonly string[];
}

/** A pipeline as one graph. */
export interface Plan {
  readonly scope: Scope;
  /** In the order of declaration. */
  readonly nodes: readonly PlanNode[];
  /** The async steps that are launched when a main-flow step, or the start, is over. */
  readonly launches: ReadonlyMap<string, readonly Step[]>;
  /** The main-flow step that comes after each of those, and after the start. */
  readonly next: ReadonlyMap<string, Step>;
}

/**
 * Lowers a pipeline to a graph: a step of the main flow comes after the one before it, an async step after the one at which it is
 * launched, and both after what they depend on.
 */
export function planOf(scope: Scope): Plan {
  const launches = new Map<string, Step[]>();
  const next = new Map<string, Step>();
  let from = start;
  const nodes = scope.steps.map((step): PlanNode => {
    const node = { step, from, dependsOn: [...new Set([from, ...step.dependsOn])] };
    if (step.async) launches.set(from, [...(launches.get(from) ?? []), step]);
    else {
      next.set(from, step);
      from = step.id;
    }
    return node;
  });
  return { scope, nodes, launches, next };
}
