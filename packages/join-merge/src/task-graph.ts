import type { MergeContext, TaskContext } from "./context.js";
import type { BranchFunction } from "./join.js";
import type { Settled } from "./record.js";

/** A task that depends on others; a function alone is one that depends on none. */
export interface Task<C = TaskContext<AnyDeps>> {
  readonly dependsOn?: readonly string[] | undefined;
  /** It runs also when some of them failed or were skipped, as happens with `"wait-all"`, and is told of each what became of it. */
  readonly collects?: boolean | undefined;
  // A method, so that who knows the types of the dependencies can say so.
  run(context: C): unknown;
}

/** The outputs of dependencies that are known only by name. */
export type AnyDeps = Readonly<Record<string, unknown>>;

/** What a task of a graph is given: with a base where the graph has said that there is one. */
type ContextOf<Deps, Base> = unknown extends Base
  ? TaskContext<Deps>
  : TaskContext<Deps> & MergeContext<Base>;

/** What `graph()` makes of its tasks, by name: what each of them makes. */
type With<R, Name extends string, T> = { readonly [K in keyof R | Name]: K extends keyof R ? R[K] : T };

/** A name that is not taken. */
type New<Name extends string, R> = Name & (Name extends keyof R ? never : unknown);

/**
 * Tasks, each of which may depend on those before it: `graph().task(…).task(…)`, for `joinGraph`. A name that there is not
 * is an error of the compiler, and so is one that comes twice; types of dependencies are inferred.
 *
 * It never changes: `task` makes a new one.
 */
export class TaskGraph<R extends object = object, Base = unknown> implements Iterable<Entry> {
  declare protected readonly types: [R, Base];
  private readonly before: TaskGraph | undefined;
  private readonly last: Entry | undefined;

  constructor(before?: TaskGraph, last?: Entry) {
    this.before = before;
    this.last = last;
  }

  /** These tasks and one more. */
  task<const Name extends string, T>(
    name: New<Name, R>,
    run: BranchFunction<T, ContextOf<object, Base>>,
  ): TaskGraph<With<R, Name, T>, Base>;
  task<const Name extends string, const D extends keyof R & string, T>(
    name: New<Name, R>,
    dependsOn: readonly D[],
    run: BranchFunction<T, ContextOf<{ readonly [K in D]: R[K] }, Base>>,
  ): TaskGraph<With<R, Name, T>, Base>;
  task(name: string, ...rest: readonly unknown[]): never {
    const run = rest.at(-1) as Task["run"];
    const dependsOn = rest.length > 1 ? (rest[0] as readonly string[]) : [];
    return this.with(name, { dependsOn, run });
  }

  /** These and one that runs whatever becomes of those it depends on, and is told what that is. */
  collect<const Name extends string, const D extends keyof R & string, T>(
    name: New<Name, R>,
    dependsOn: readonly D[],
    run: BranchFunction<T, ContextOf<{ readonly [K in D]: Settled<R[K]> }, Base>>,
  ): TaskGraph<With<R, Name, T>, Base> {
    return this.with(name, { dependsOn, collects: true, run });
  }

  private with(name: string, task: Task): never {
    return new TaskGraph(this as never, [name, task]) as never;
  }

  *[Symbol.iterator](): Generator<Entry, void> {
    const tasks = [];
    // A loop: a long graph is a long chain.
    for (let at = this as TaskGraph | undefined; at?.last !== undefined; at = at.before) tasks.push(at.last);
    yield* tasks.reverse();
  }
}

type Entry = readonly [name: string, task: Task];

/** No tasks yet. `Base` is what they are merged into by `joinGraphMerge`, for tasks that read it. */
export function graph<Base = unknown>(): TaskGraph<object, Base> {
  return new TaskGraph();
}
