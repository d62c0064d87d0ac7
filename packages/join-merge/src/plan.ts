import { checkFunction, demand } from "@holdfast/core";
import type { Body, Branch } from "./branch.js";
import { branchOf, mapNamed, mapOf, type Named } from "./branches.js";
import { GraphError, show } from "./errors.js";
import { Heap } from "./heap.js";
import { checkKnown, suggestion } from "./names.js";
import type { Task } from "./task-graph.js";

/** The tasks of a graph that can run, checked. */
export interface Plan {
  /** In the order of declaration. */
  readonly branches: readonly Branch[];
  /** In the order in which they would run one at a time: of those that can run, always the one declared first. */
  readonly order: readonly Branch[];
}

/** Checks `tasks`. Throws `GraphError` for what cannot run. **Complexity**: O(tasks × log(tasks) + dependencies). */
export function planOf(tasks: Named<Task<never> | Body>): Plan {
  const dependsOn: (readonly string[])[] = [];
  const branches = mapNamed(tasks, "tasks", "task", (name, task, index) => {
    if (typeof task === "function") return branchOf(name, task, index);
    dependsOn[index] = namesIn(task, name);
    const branch = branchOf(name, (context) => task.run(context), index);
    branch.collects = task.collects === true;
    return branch;
  });
  const byName = mapOf(branches);
  for (const branch of branches)
    branch.dependOn(dependenciesOf(branch, dependsOn[branch.index] ?? [], byName));
  return { branches, order: inOrder(branches) };
}

/** Checks a task that is no function. */
function namesIn(task: Task<never>, name: string): readonly string[] {
  const what = `task ${show(name)}`;
  demand(Object(task) === task, `${what} must be a function or { dependsOn, run }`, task);
  checkKnown(task, ["dependsOn", "collects", "run"], `tasks[${show(name)}]`);
  checkFunction((task as { run: unknown }).run, `the run of ${what}`);
  const { dependsOn = [], collects = false } = task;
  demand(typeof collects === "boolean", `collects of ${what} must be true or false`, collects);
  demand(Array.isArray(dependsOn), `dependsOn of ${what} must be an array of names`, dependsOn);
  return dependsOn;
}

function dependenciesOf(
  branch: Branch,
  names: readonly string[],
  branches: ReadonlyMap<string, Branch>,
): readonly Branch[] {
  const found = new Set<Branch>();
  for (const name of names) {
    const refuse = (reason: GraphError["reason"], words: string): GraphError =>
      new GraphError(`Task ${show(branch.name)} depends on ${words}`, reason, [branch.name, name]);
    const each = branches.get(name);
    if (each === undefined) {
      const hint = typeof name === "string" ? suggestion(name, branches.keys()) : "";
      throw refuse("unknown_dependency", `${show(name)}, which is no task${hint}`);
    }
    if (each === branch) throw refuse("self_dependency", "itself");
    if (found.has(each)) throw refuse("duplicate_dependency", `${show(name)} twice`);
    found.add(each);
  }
  return [...found];
}

function inOrder(branches: readonly Branch[]): readonly Branch[] {
  const ready = new Heap<Branch>((a, b) => a.index < b.index);
  for (const branch of branches) if (branch.missing === 0) ready.push(branch);
  const order: Branch[] = [];
  for (let branch; (branch = ready.pop()) !== undefined;) {
    branch.position = order.length;
    order.push(branch);
    for (const each of branch.dependents) {
      each.level = Math.max(each.level, branch.level + 1);
      if (each.loseDependency()) ready.push(each);
    }
  }
  if (order.length < branches.length) throw cycleIn(branches.filter(({ missing }) => missing > 0));
  return order;
}

/** The error for a way from a task back to itself among `stuck`, each of which depends on another of them. */
function cycleIn(stuck: readonly Branch[]): GraphError {
  const way = new Set<Branch>();
  let at = stuck[0];
  while (at !== undefined && !way.has(at)) {
    way.add(at);
    at = at.dependencies.find(({ missing }) => missing > 0);
  }
  const cycle = [...way].slice(at === undefined ? 0 : [...way].indexOf(at));
  const first = cycle.reduce((least, each) => (each.index < least.index ? each : least));
  const start = cycle.indexOf(first);
  const names = [...cycle.slice(start), ...cycle.slice(0, start), first].map(({ name }) => name);
  return new GraphError(
    `Tasks depend on each other: ${names.map((name) => show(name)).join(" needs ")}`,
    "cycle",
    names,
  );
}

/** The branches by level, each in the order of declaration; their positions are those of that order from now on. */
export function levelsOf(plan: Plan): readonly (readonly Branch[])[] {
  const levels: Branch[][] = [];
  for (const branch of plan.branches) (levels[branch.level] ??= []).push(branch);
  for (const [position, branch] of levels.flat().entries()) branch.position = position;
  return levels;
}

/** All that a branch depends on, directly or not, in order. */
export function ancestorsOf(branch: Branch): readonly Branch[] {
  const found = new Set(branch.dependencies);
  for (const each of found) for (const next of each.dependencies) found.add(next);
  return [...found].sort((a, b) => a.position - b.position);
}

/** Whether `branch` depends on `other`, directly or not. */
export function comesAfter(branch: Branch, other: Branch): boolean {
  const found = new Set([branch]);
  for (const each of found)
    for (const next of each.dependencies) {
      if (next === other) return true;
      if (next.position > other.position) found.add(next);
    }
  return false;
}
