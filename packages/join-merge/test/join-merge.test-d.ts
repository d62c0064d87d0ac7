import type { Governor } from "@holdfast/core";
import { describe, expectTypeOf, it } from "vitest";
import {
  type BranchContext,
  graph,
  join,
  type JoinError,
  joinGraph,
  joinGraphMerge,
  joinMerge,
  type JoinMode,
  type KeyCollisionError,
  mergeOutputs,
  type MergeContext,
  project,
  type Settled,
  type TaskContext,
} from "../src/index.js";

const user = (): Promise<{ id: number }> => Promise.resolve({ id: 1 });

describe("the types of join", () => {
  it("infers what each branch makes, awaited", () => {
    expectTypeOf(join({ a: () => 1, b: () => Promise.resolve("x"), c: user })).resolves.toEqualTypeOf<{
      a: number;
      b: string;
      c: { id: number };
    }>();
    expectTypeOf(join({})).resolves.toEqualTypeOf<{}>(); // eslint-disable-line @typescript-eslint/no-empty-object-type
    // @ts-expect-error there is no such branch
    void join({ a: () => 1 }).then(({ b }) => b as unknown);
    // @ts-expect-error a promise has started already, and cannot be limited
    void join({ a: Promise.resolve(1) });
  });

  it("has an outcome for each branch with wait-all, and either where the mode is not known", () => {
    const branches = { a: () => 1, b: () => Promise.resolve("x") };
    expectTypeOf(join(branches, { mode: "wait-all" })).resolves.toEqualTypeOf<{
      a: Settled<number>;
      b: Settled<string>;
    }>();
    expectTypeOf(join(branches, { mode: "fail-fast", concurrency: 2 })).resolves.toEqualTypeOf<{
      a: number;
      b: string;
    }>();
    expectTypeOf(join({ a: () => 1 }, { mode: "wait-all" as JoinMode })).resolves.toEqualTypeOf<{
      a: number | Settled<number>;
    }>();
  });

  it("gives a Map for pairs", () => {
    const branches = new Map<string, () => number>();
    expectTypeOf(join(branches)).resolves.toEqualTypeOf<Map<string, number>>();
    expectTypeOf(join(branches, { mode: "wait-all" })).resolves.toEqualTypeOf<Map<string, Settled<number>>>();
  });

  it("knows the context", () => {
    void join({
      a: (context) => {
        expectTypeOf(context).toEqualTypeOf<BranchContext>();
        expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
        expectTypeOf(context.idle(() => Promise.resolve(5))).toEqualTypeOf<Promise<number>>();
        // @ts-expect-error there is no base to merge into
        return context.base as unknown;
      },
    });
  });

  it("takes a number or a governor, and no other options than there are", () => {
    const governor = {} as Governor;
    void join({}, { concurrency: governor, drain: 5, failFast: "eager", within: {} as BranchContext });
    // @ts-expect-error it is spelt otherwise
    void join({}, { concurency: 2 });
    // @ts-expect-error there is no such mode
    void join({}, { mode: "all" });
    // @ts-expect-error only graphs have a schedule
    void join({}, { schedule: "levels" });
  });

  it("knows the errors", () => {
    expectTypeOf<JoinError["code"]>().toEqualTypeOf<"ERR_JOIN">();
    expectTypeOf<KeyCollisionError["kind"]>().toEqualTypeOf<"base" | "sibling">();
  });
});

describe("the types of what is merged", () => {
  it("has all keys of the branches and of the base", () => {
    const merged = joinMerge(
      { a: () => ({ x: 1, both: "" }), b: () => Promise.resolve({ y: [true] }) },
      { base: { z: null, both: 5 } },
    );
    expectTypeOf(merged).resolves.toEqualTypeOf<{ x: number; y: boolean[]; z: null; both: string }>();
  });

  it("has keys perhaps that a branch makes perhaps", () => {
    const merged = joinMerge(
      {
        a: (): { x: number } | { y: string } => ({ x: 1 }),
        b: (): { z?: boolean } | undefined => undefined,
        c: (): { q?: number } => ({}),
      },
      { base: { q: "" }, allowNothing: true },
    );
    expectTypeOf(merged).resolves.toEqualTypeOf<{
      x?: number;
      y?: string;
      z?: boolean;
      q: string | number | undefined;
    }>();
  });

  it("knows what a reducer is given, and what it must give", () => {
    const outputs = { a: { log: ["a"] }, b: { log: ["b"], n: 1 } };
    mergeOutputs({ log: new Set<string>() }, outputs, {
      keys: {
        log: (existing, incoming, { key, existingOwner }) => {
          expectTypeOf(existing).toEqualTypeOf<string[] | Set<string>>();
          expectTypeOf(incoming).toEqualTypeOf<string[]>();
          expectTypeOf(key).toEqualTypeOf<string>();
          expectTypeOf(existingOwner).toEqualTypeOf<string | null>();
          return [...existing, ...incoming];
        },
        n: { base: "error", sibling: (a, b) => a + b },
      },
    });
    // @ts-expect-error a number is not what the key has
    mergeOutputs({}, outputs, { keys: { log: () => 5 } });
    // @ts-expect-error nobody makes this key
    mergeOutputs({}, outputs, { keys: { lgo: "first" } });
    // @ts-expect-error that is a rule for siblings
    mergeOutputs({}, outputs, { keys: { n: { base: "first" } } });
    // @ts-expect-error a number cannot be merged
    void joinMerge({ a: () => 5 });
  });

  it("[F42] has an error for a key that two branches make without a rule, where collisions are said to be errors", () => {
    const lint = (): { warnings: number; notes: string[] } => ({ warnings: 2, notes: ["long"] });
    const test = (): Promise<{ passed: boolean; notes: string[] }> =>
      Promise.resolve({ passed: true, notes: [] });
    // @ts-expect-error notes are in both
    void joinMerge({ lint, test }, { onSiblingCollision: "error" });
    // @ts-expect-error that is the other key
    void joinMerge({ lint, test }, { onSiblingCollision: "error", keys: { warnings: "overwrite" } });
    void joinMerge({ lint, test }, { onSiblingCollision: "error", keys: { notes: (a, b) => [...a, ...b] } });
    void joinMerge({ lint, passed: () => ({ passed: true }) }, { onSiblingCollision: "error" });
    const perhaps: { x?: number } = {};
    // @ts-expect-error x may be in both
    mergeOutputs({}, { a: { x: 1 }, b: perhaps }, { onSiblingCollision: "error" });
    mergeOutputs({}, { a: { x: 1 }, b: { y: 1 } }, { onSiblingCollision: "error" });
  });

  it("[F42] leaves it to the run where nobody asked, values are compared, or keys are not known", () => {
    const outputs = { a: { x: 1 }, b: { x: 2 } };
    mergeOutputs({}, outputs);
    mergeOutputs({}, outputs, { onBaseCollision: "error" });
    mergeOutputs({}, outputs, { onSiblingCollision: "last" });
    mergeOutputs({}, outputs, { onSiblingCollision: "error", equal: Object.is });
    mergeOutputs({}, outputs, { onSiblingCollision: "error", delta: true });
    const records = {} as Record<"a" | "b", Record<string, number>>;
    mergeOutputs({}, records, { onSiblingCollision: "error" });
    mergeOutputs({}, new Map([["a", { x: 1 }]]), { onSiblingCollision: "error" });
    const maps = { a: new Map<string, number>(), b: new Map<string, number>() };
    mergeOutputs(new Map(), maps, { onSiblingCollision: "error" });
    const anyOf = (branches: Record<string, () => object>): Promise<object> =>
      joinMerge(branches, { onSiblingCollision: "error" });
    const generic = <B extends Record<string, () => object>>(branches: B): [B, Promise<object>] => [
      branches,
      joinMerge(branches, { concurrency: 2 }),
    ];
    expectTypeOf(anyOf).toBeFunction();
    expectTypeOf(generic).toBeFunction();
  });

  it("shows branches the base", () => {
    void joinMerge(
      {
        a: (context) => {
          expectTypeOf(context).toEqualTypeOf<MergeContext<{ x: number }>>();
          expectTypeOf(context.base).toEqualTypeOf<Readonly<{ x: number }>>();
          return {};
        },
      },
      { base: { x: 1 } },
    );
  });

  it("is a Map for a Map, and projects by name", () => {
    expectTypeOf(mergeOutputs(new Map<string, number>(), {}).value).toEqualTypeOf<Map<string, unknown>>();
    expectTypeOf(project({ a: 1, b: "" }, { x: "b" })).toEqualTypeOf<{ x: string }>();
    // @ts-expect-error there is no such key
    project({ a: 1 }, { x: "b" });
  });
});

describe("the types of graphs", () => {
  const tasks = graph()
    .task("user", user)
    .task("posts", ["user"], ({ deps }) => {
      expectTypeOf(deps).toEqualTypeOf<{ readonly user: { id: number } }>();
      return [deps.user.id];
    })
    .task("page", ["posts", "user"], (context) => {
      expectTypeOf(context).toEqualTypeOf<
        TaskContext<{ readonly posts: number[]; readonly user: { id: number } }>
      >();
      return Promise.resolve("page");
    });

  it("infers what dependencies make, and the result", () => {
    expectTypeOf(joinGraph(tasks)).resolves.toEqualTypeOf<{
      user: { id: number };
      posts: number[];
      page: string;
    }>();
    expectTypeOf(joinGraph(tasks, { mode: "wait-all", schedule: "levels" })).resolves.toEqualTypeOf<{
      user: Settled<{ id: number }>;
      posts: Settled<number[]>;
      page: Settled<string>;
    }>();
  });

  it("knows of those that a task collects that they may have failed", () => {
    tasks.collect("all", ["user", "page"], ({ deps }) => {
      expectTypeOf(deps).toEqualTypeOf<{
        readonly user: Settled<{ id: number }>;
        readonly page: Settled<string>;
      }>();
    });
    // @ts-expect-error there is no such task
    tasks.collect("all", ["usr"], () => 1);
  });

  it("has an error for names that are unknown, come later, or come twice", () => {
    // @ts-expect-error there is no such task
    tasks.task("a", ["usr"], () => 1);
    // @ts-expect-error a task comes after itself only
    tasks.task("a", ["a"], () => 1);
    // @ts-expect-error the name is taken
    tasks.task("user", () => 1);
    // @ts-expect-error it does not depend on that one
    tasks.task("a", ["user"], ({ deps }) => deps.posts as unknown);
  });

  it("infers results of tasks in an object, and has an error for names that are unknown", () => {
    const all = joinGraph({
      b: { dependsOn: ["a"], run: ({ deps }: TaskContext<{ a: number }>) => Promise.resolve(deps.a) },
      a: () => 1,
    });
    expectTypeOf(all).resolves.toEqualTypeOf<{ a: number; b: number }>();
    void joinGraph({
      a: () => 1,
      b: {
        dependsOn: ["a"],
        run: ({ deps }) => {
          expectTypeOf(deps).toEqualTypeOf<Readonly<Record<string, unknown>>>();
        },
      },
    });
    // @ts-expect-error there is no such task
    void joinGraph({ a: () => 1, b: { dependsOn: ["c"], run: () => 1 } });
    // @ts-expect-error a task cannot depend on itself
    void joinGraph({ a: { dependsOn: ["a"], run: () => 1 } });
  });

  it("merges what tasks make, and shows them the base that the graph asks for", () => {
    const based = graph<{ url: string }>()
      .task("fetch", ({ base }) => ({ text: base.url }))
      .task("count", ["fetch"], ({ base, deps }) => ({ size: deps.fetch.text.length + base.url.length }));
    expectTypeOf(joinGraphMerge(based, { base: { url: "" } })).resolves.toEqualTypeOf<{
      url: string;
      text: string;
      size: number;
    }>();
    // @ts-expect-error that is another base
    void joinGraphMerge(based, { base: { uri: "" } });
    expectTypeOf(joinGraphMerge({ a: () => ({ x: 1 }) })).resolves.toEqualTypeOf<{ x: number }>();
  });
});
