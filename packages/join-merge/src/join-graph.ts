import type { Body, Branch } from "./branch.js";
import { isIterable, type Named } from "./branches.js";
import { ByLevel } from "./by-level.js";
import type { MergeContext, TaskContext } from "./context.js";
import { isolations, type Isolation, view } from "./isolate.js";
import { type BranchFunction, type Outcome, outcomes, type OutputOf } from "./join.js";
import type { KeyRulesOf, Merged } from "./merged.js";
import { intoOptions, type IntoOptions, Merging } from "./merging.js";
import { checkOneOf, type JoinMode, type JoinOptions, readSettings } from "./options.js";
import { ancestorsOf, comesAfter, levelsOf, type Plan, planOf } from "./plan.js";
import { Run } from "./run.js";
import type { Schedule } from "./schedule.js";
import type { Output } from "./store.js";
import { type AnyDeps, type Task, TaskGraph } from "./task-graph.js";
import { WhenReady } from "./when-ready.js";

/** Tasks by name, as an object or in pairs; a function is a task that depends on none. */
export type Tasks<C = TaskContext<AnyDeps>> = Named<Task<C> | BranchFunction<unknown, C>>;

/** What tasks make, by name; a `Map` where they came in pairs. */
export type TaskOutputs<T> =
  T extends TaskGraph<infer R, infer _Base>
    ? R
    : T extends Iterable<readonly [infer Name, infer X]>
      ? Map<Name, TaskOutput<X>>
      : { -readonly [Name in keyof T]: TaskOutput<T[Name]> };

type TaskOutput<X> = X extends { run(...args: never): infer R } ? Awaited<R> : OutputOf<X>;

/** What `joinGraph` resolves to: what each task made, or with `"wait-all"` what became of it. */
export type GraphResult<T, M extends JoinMode = "fail-fast"> =
  TaskOutputs<T> extends Map<infer Name, infer V>
    ? Map<Name, Outcome<V, M>>
    : { -readonly [Name in keyof TaskOutputs<T>]: Outcome<TaskOutputs<T>[Name], M> };

/** Lets tasks in an object depend on each other only, as far as names are known to the compiler. */
type KnownNames<T> =
  T extends Iterable<unknown>
    ? unknown
    : {
        readonly [Name in keyof T]: T[Name] extends { readonly dependsOn: readonly (infer D)[] }
          ? string extends D
            ? unknown
            : { readonly dependsOn: readonly Exclude<keyof T, Name>[] }
          : unknown;
      };

/** The base that the tasks of a graph ask for. */
type BaseOf<T> =
  T extends TaskGraph<object, infer Base> ? (unknown extends Base ? object : Base & object) : object;

interface ScheduleOptions {
  /** `"ready"` (default): a task starts when all that it depends on have ended. `"levels"`: when all tasks of earlier levels have. */
  readonly schedule?: "ready" | "levels" | undefined;
}

export interface GraphOptions<M extends JoinMode = JoinMode> extends JoinOptions<M>, ScheduleOptions {
  /** What tasks share when they get each other's output as `deps`. Default `"none"`. */
  readonly isolate?: Isolation | undefined;
}

export interface GraphMergeOptions<Base = object, Keys = unknown>
  extends JoinOptions, ScheduleOptions, IntoOptions<Base, Keys> {}

/**
 * Runs tasks that depend on each other: each once, as soon as those it depends on have ended, and resolves to what they
 * made, by name, in the order of declaration.
 *
 * The value, the error and the records up to the task that failed are those of running the tasks one at a time, always the
 * one declared first of those that can run: as with `join`, what comes after that says what had started by then. With `mode: "wait-all"` tasks that depend on one that failed are skipped, but for those that collect.
 *
 * **Cancel safety**: as `join`.
 *
 * **Complexity**: O(tasks × log(tasks) + dependencies), without recursion.
 *
 * @param tasks `graph().task(…)`, whose types are inferred; or an object or pairs of functions and `{ dependsOn, run }`, declared
 * in any order.
 * @throws By rejecting: as `join`. At once: as `join`, and `GraphError` for names that come twice, are unknown, or go round in
 * a circle, which it names.
 *
 * @example
 * ```ts
 * import { graph, joinGraph } from "@holdfast/join-merge";
 *
 * const tasks = graph()
 *   .task("user", async () => ({ id: 7 }))
 *   .task("posts", ["user"], ({ deps }) => [`by ${deps.user.id}`])
 *   .task("likes", ["user"], ({ deps }) => deps.user.id * 2)
 *   .task("page", ["posts", "likes"], ({ deps }) => `${deps.posts.length} posts, ${deps.likes} likes`);
 * const { page } = await joinGraph(tasks, { concurrency: 4 });
 * console.log(page); // => 1 posts, 14 likes
 * ```
 */
export function joinGraph<const T extends Tasks, M extends JoinMode = "fail-fast">(
  tasks: T & KnownNames<T>,
  options: GraphOptions<M> = {},
): Promise<GraphResult<T, M>> {
  const plan = planOf(tasks as Named<Task<never> | Body>);
  const settings = readSettings(options, plan.branches, ["schedule", "isolate"]);
  const { isolate = "none" } = options;
  checkOneOf("isolate", isolate, isolations);
  const levels = readLevels(options, plan);
  const order = levels?.flat() ?? plan.order;
  const run = new Run(order, settings, {
    schedule: scheduleOf(order, levels),
    depsOf: (branch) => depsOf(branch, isolate),
    result: () => outcomes(plan.branches, settings.waitAll, givesMap(tasks)),
  });
  return run.start() as Promise<GraphResult<T, M>>;
}

/**
 * Runs tasks that depend on each other, and merges the objects that they make into one: `joinGraph` and `joinMerge` in one.
 *
 * A task reads in `context.base` the base with the outputs of all that it comes after. A key of one of those may be
 * written again and follows `onBaseCollision`; two tasks of which neither depends on the other must not write one key,
 * unless `keys` has a rule. With `schedule: "levels"` outputs are merged after each level, and `context.base` has all of earlier levels.
 *
 * **Complexity**: as `joinGraph`, and O(keys) for each task that reads `context.base`, for which it is made; by levels for each level of
 * which a task does. A long chain of which each task reads it takes quadratic time; `context.deps` has what the task before made without that.
 *
 * @throws As `joinGraph` and `joinMerge`.
 *
 * @example
 * ```ts
 * import { graph, joinGraphMerge } from "@holdfast/join-merge";
 *
 * const tasks = graph()
 *   .task("fetch", async () => ({ text: "a b c" }))
 *   .task("count", ["fetch"], ({ deps }) => ({ words: deps.fetch.text.split(" ").length }));
 * const state = await joinGraphMerge(tasks, { base: { url: "x" } });
 * console.log(state.url, state.text, state.words); // => x a b c 3
 * ```
 */
export function joinGraphMerge<
  const T extends Tasks<TaskContext<AnyDeps> & MergeContext<Base>>,
  Base extends BaseOf<T> = BaseOf<T>,
>(
  tasks: T & KnownNames<T>,
  options: GraphMergeOptions<Base, KeyRulesOf<Base, TaskOutputs<T>>> = {},
): Promise<Merged<Base, TaskOutputs<T>>> {
  const plan = planOf(tasks as Named<Task<never> | Body>);
  const settings = readSettings(options, plan.branches, ["schedule", ...intoOptions]);
  const levels = readLevels(options, plan);
  const order = levels?.flat() ?? plan.order;
  const merging = new Merging(options, (by, over) => {
    if (by.level === over.level) return "sibling";
    if (comesAfter(by, over)) return "base";
    return levels === undefined ? "sibling" : "unordered";
  });
  const run: Run = new Run(order, settings, {
    schedule: scheduleOf(order, levels, (level) => {
      try {
        if (run.failure() === undefined) merging.addLevel(level, run);
      } catch (error) {
        run.stop(error);
      }
    }),
    needsAll: true,
    accept: (branch, value) => {
      merging.accept(branch, value);
    },
    baseOf: (branch) => (levels === undefined ? merging.baseAfter(ancestorsOf(branch)) : merging.baseSoFar()),
    depsOf: (branch) => depsOf(branch, merging.isolation),
    faultOfOthers: (branch) => merging.faultOfOthers(branch, run),
    result: () => {
      if (levels === undefined) merging.add(order, run);
      return merging.value;
    },
  });
  return run.start() as Promise<Merged<Base, TaskOutputs<T>>>;
}

type Levels = readonly (readonly Branch[])[] | undefined;

function readLevels({ schedule }: ScheduleOptions, plan: Plan): Levels {
  checkOneOf("schedule", schedule, ["ready", "levels"]);
  return schedule === "levels" ? levelsOf(plan) : undefined;
}

function scheduleOf(
  order: readonly Branch[],
  levels: Levels,
  onLevel?: (level: readonly Branch[]) => void,
): Schedule {
  return levels === undefined ? new WhenReady(order) : new ByLevel(levels, onLevel);
}

/** Names in a graph that was built are known to the compiler: an object is what one wants then. */
function givesMap(tasks: object): boolean {
  return isIterable(tasks as Named<unknown>) && !(tasks instanceof TaskGraph);
}

/** What the tasks made that a task depends on, or where it collects what became of them, in the order in which it names them. */
function depsOf(branch: Branch, isolation: Isolation): object {
  return view(outcomes(branch.dependencies, branch.collects, false) as Output, isolation);
}
