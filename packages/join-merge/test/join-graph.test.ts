import { describe, expect, it } from "vitest";
import {
  type BranchRecord,
  graph,
  GraphError,
  joinGraph,
  joinGraphMerge,
  JoinError,
  joinMerge,
  type JoinReport,
  KeyCollisionError,
  type MergeContext,
  ReducerError,
  type Task,
  type TaskContext,
} from "../src/index.js";
import { Gates, rejection, settled, thrown } from "./gates.js";

/** A task that ends as the gates say. */
function task(gates: Gates, name: string, ...dependsOn: string[]): Task<TaskContext<unknown>> {
  return { dependsOn, run: gates.branch(name) };
}

/** Tasks that do nothing, of which each depends on those after the colon: "a", "b: a", "c: a b". */
function tasks(...lines: string[]): [string, Task][] {
  return lines.map((line) => {
    const [name = "", rest = ""] = line.split(": ");
    return [name, { dependsOn: rest.split(" ").filter(Boolean), run: () => name }];
  });
}

async function orderOf(lines: readonly string[], schedule: "ready" | "levels"): Promise<string[]> {
  const order: string[] = [];
  const noted = tasks(...lines).map(([name, { dependsOn }]): [string, Task] => [
    name,
    {
      dependsOn,
      run: () => {
        order.push(name);
      },
    },
  ]);
  await joinGraph(noted, { schedule, concurrency: 1 });
  return order;
}

describe("what a graph may be", () => {
  const refused = (...lines: string[]): GraphError => thrown(() => joinGraph(tasks(...lines))) as GraphError;

  it("[F43, F44] has each name once, known dependencies, none of them twice, and none on itself", () => {
    const cases = [
      [refused("a", "a"), "duplicate_name", ["a"], 'There are two branches "a"; names must differ'],
      [
        refused("alpha", "b: alhpa"),
        "unknown_dependency",
        ["b", "alhpa"],
        'Task "b" depends on "alhpa", which is no task; did you mean "alpha"?',
      ],
      [refused("b: q"), "unknown_dependency", ["b", "q"], 'Task "b" depends on "q", which is no task'],
      [refused("a: a"), "self_dependency", ["a", "a"], 'Task "a" depends on itself'],
      [refused("a", "b: a a"), "duplicate_dependency", ["b", "a"], 'Task "b" depends on "a" twice'],
    ] as const;
    for (const [error, reason, path, message] of cases) {
      expect(error).toBeInstanceOf(GraphError);
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({ code: "ERR_GRAPH", reason, path, message });
    }
    // In this order, whatever else is wrong.
    expect(refused("x: y", "a", "a").reason).toBe("duplicate_name");
    expect(refused("a: b", "b: a", "c: q").reason).toBe("unknown_dependency");
  });

  it("[F44] has no circle, which it names from the task declared first", () => {
    expect(refused("a: b", "b: a")).toMatchObject({
      reason: "cycle",
      path: ["a", "b", "a"],
      message: 'Tasks depend on each other: "a" needs "b" needs "a"',
    });
    const path = ["x", "z", "y", "x"];
    expect(refused("x: z", "y: x", "z: y")).toMatchObject({ path });
    // Reached through tasks that are in no circle.
    expect(refused("start", "after: y", "x: z", "y: start x", "z: y")).toMatchObject({ path });
    expect(refused("after: w", "w: z", "z: x", "x: y", "y: z")).toMatchObject({
      path: ["z", "x", "y", "z"],
    });
  });

  it("[F50, JM7] may be empty, or one task", async () => {
    expect(await joinGraph({})).toEqual({});
    expect(await joinGraph(graph())).toEqual({});
    expect(await joinGraph({}, { schedule: "levels" })).toEqual({});
    expect(await joinGraph({ a: () => 1 })).toEqual({ a: 1 });
    expect(await joinGraph({ a: { run: () => 1 } })).toEqual({ a: 1 });
    expect(await joinGraphMerge({}, { base: { x: 1 }, schedule: "levels" })).toEqual({ x: 1 });
  });

  it("[F45, F55, P76] runs in the order of declaration where dependencies allow it", async () => {
    expect(await orderOf(["c: a b", "a", "b", "d: a"], "ready")).toEqual(["a", "b", "c", "d"]);
    expect(await orderOf(["c: a", "a", "b", "d"], "ready")).toEqual(["a", "c", "b", "d"]);
  });

  it("[F46, F47] by levels, strictly by level and declaration", async () => {
    expect(await orderOf(["A", "B", "Y: B", "X: A"], "levels")).toEqual(["A", "B", "Y", "X"]);
    expect(await orderOf(["c: a", "a", "b", "d"], "levels")).toEqual(["a", "b", "d", "c"]);
  });
});

describe("joinGraph", () => {
  it("[F52, F53, P75, P81, U13] starts a task as soon as all that it depends on have ended, with what they made", async () => {
    const gates = new Gates();
    const deps: unknown[] = [];
    const all = joinGraph({
      slow: task(gates, "slow"),
      fast: task(gates, "fast"),
      after: {
        dependsOn: ["fast"],
        run: (context) => {
          deps.push(context.deps);
          return "after";
        },
      },
    });
    expect(gates.open).toEqual(["slow", "fast"]);
    await gates.end("fast", 5);
    expect(deps).toEqual([{ fast: 5 }]);
    await gates.end("slow");
    expect(Object.entries(await all)).toEqual([
      ["slow", "slow"],
      ["fast", 5],
      ["after", "after"],
    ]);
  });

  it("[F46] by levels starts nothing before all of the level before have ended", async () => {
    const gates = new Gates();
    const all = joinGraph(
      { slow: task(gates, "slow"), fast: task(gates, "fast"), after: task(gates, "after", "fast") },
      { schedule: "levels" },
    );
    await gates.end("fast");
    expect(gates.started).toEqual(["slow", "fast"]);
    await gates.end("slow");
    await gates.end("after");
    expect(Object.keys(await all)).toEqual(["slow", "fast", "after"]);
  });

  it("[F55] starts those that become ready together in the order of one at a time", async () => {
    const gates = new Gates();
    const all = joinGraph({
      x: task(gates, "x", "p", "q"),
      y: task(gates, "y", "p"),
      p: task(gates, "p"),
      q: task(gates, "q"),
    });
    await gates.end("q");
    await gates.end("p");
    expect(gates.started).toEqual(["p", "q", "y", "x"]);
    await gates.end("x");
    await gates.end("y");
    await all;
  });

  it("[P82] runs a task once however many depend on it, and gives all of them the same", async () => {
    let runs = 0;
    const tasks = graph()
      .task("top", () => ({ run: (runs += 1) }))
      .task("left", ["top"], ({ deps }) => deps.top)
      .task("right", ["top"], ({ deps }) => deps.top)
      .task("end", ["left", "right"], ({ deps }) => deps.left === deps.right);
    expect(await joinGraph(tasks)).toEqual({
      top: { run: 1 },
      left: { run: 1 },
      right: { run: 1 },
      end: true,
    });
    expect(runs).toBe(1);
  });

  it("[F55, P75] with 1 holds no slot for tasks that wait for others", async () => {
    const gates = new Gates();
    const all = joinGraph(
      { c: task(gates, "c", "a"), a: task(gates, "a"), b: task(gates, "b") },
      { concurrency: 1 },
    );
    for (const name of ["a", "c", "b"]) {
      expect(gates.open).toEqual([name]);
      await gates.end(name);
    }
    expect(Object.keys(await all)).toEqual(["c", "a", "b"]);
  });

  it("[F79] still starts tasks that would have run before the one that failed", async () => {
    const gates = new Gates();
    const failed = rejection(
      joinGraph({
        a: task(gates, "a"),
        b: task(gates, "b", "a"),
        c: task(gates, "c"),
        d: task(gates, "d", "c"),
      }),
    );
    await gates.fail("c", "c");
    await gates.end("a");
    expect(gates.started).toEqual(["a", "c", "b"]);
    await gates.fail("b", "b");
    const error = (await failed) as JoinError;
    expect([error.branch, error.errors]).toEqual(["b", ["b", "c"]]);
    expect(error.records.map(({ name, index, status }) => [name, index, status])).toEqual([
      ["a", 0, "succeeded"],
      ["b", 1, "failed"],
      ["c", 2, "failed"],
      ["d", 3, "not-started"],
    ]);
  });

  it.each([
    ["a", "c"],
    ["c", "a"],
  ])(
    "[F81, P111, U12] with wait-all skips what depends on a failure, and says on which: %s first",
    async (...order) => {
      const gates = new Gates();
      const reports: JoinReport[] = [];
      const all = joinGraph(
        {
          a: task(gates, "a"),
          b: task(gates, "b", "a"),
          c: task(gates, "c"),
          d: task(gates, "d", "c", "b"),
          e: task(gates, "e", "c"),
        },
        { mode: "wait-all", report: (each) => reports.push(each) },
      );
      for (const name of order) await (name === "a" ? gates.fail("a", "broken") : gates.end("c"));
      await gates.end("e");
      expect(await all).toEqual({
        a: { status: "failed", error: "broken" },
        b: { status: "skipped", because: "a" },
        c: { status: "succeeded", value: "c" },
        d: { status: "skipped", because: "a" },
        e: { status: "succeeded", value: "e" },
      });
      expect(gates.started).toEqual(["a", "c", "e"]);
      const told = reports.flatMap((each) => (each.type === "settle" ? [each.record.name] : []));
      expect(told.toSorted()).toEqual(["a", "b", "c", "d", "e"]);
    },
  );

  it("[F81] names the first in order of several failures that a task was skipped for", async () => {
    const gates = new Gates();
    const all = joinGraph(
      { a: task(gates, "a"), b: task(gates, "b"), c: task(gates, "c", "b", "a"), d: task(gates, "d", "c") },
      { mode: "wait-all", schedule: "levels" },
    );
    await gates.fail("b");
    expect(gates.started).toEqual(["a", "b"]);
    await gates.fail("a");
    expect(await all).toMatchObject({ c: { because: "a" }, d: { because: "a" } });
  });

  it("[P80, P84, P88, P107, P108] runs a task that collects whatever became of its dependencies, and tells it, in the order in which it names them", async () => {
    const seen: unknown[] = [];
    const boom = new Error("boom");
    const tasks = graph()
      .task("a", () => Promise.reject(boom))
      .task("b", ["a"], () => 1)
      .task("c", () => "c")
      .collect("all", ["c", "b", "a"], ({ deps }) => {
        seen.push(...Object.entries(deps));
        return deps.c.status;
      })
      .task("after", ["all"], ({ deps }) => deps.all);
    const result = await joinGraph(tasks, { mode: "wait-all" });
    expect(seen).toEqual([
      ["c", { status: "succeeded", value: "c" }],
      ["b", { status: "skipped", because: "a" }],
      ["a", { status: "failed", error: boom }],
    ]);
    expect(result.all).toEqual({ status: "succeeded", value: "succeeded" });
    expect(result.after).toEqual({ status: "succeeded", value: "succeeded" });
    // With fail-fast there is nothing to tell but successes.
    const fine = graph()
      .task("a", () => 1)
      .collect("all", ["a"], ({ deps }) => deps.a);
    expect(await joinGraph(fine)).toEqual({ a: 1, all: { status: "succeeded", value: 1 } });
    const object = {
      a: () => Promise.reject(boom),
      b: { dependsOn: ["a"], collects: true, run: () => 5 },
    } as const;
    expect((await joinGraph(object, { mode: "wait-all" })).b).toEqual({ status: "succeeded", value: 5 });
  });

  it("[F156] goes on from what was completed before", async () => {
    const gates = new Gates();
    const all = joinGraph(
      { a: task(gates, "a"), b: task(gates, "b", "a"), c: task(gates, "c", "b") },
      { completed: { a: 1, b: 2 } },
    );
    expect(gates.started).toEqual(["c"]);
    await gates.end("c");
    expect(await all).toEqual({ a: 1, b: 2, c: "c" });
    expect(await joinGraph({ a: task(gates, "a") }, { completed: { a: 1 }, schedule: "levels" })).toEqual({
      a: 1,
    });
  });

  it("[F17] gives a Map where tasks come in pairs, and an object for a graph that was built", async () => {
    expect([...(await joinGraph(tasks("2: 1", "1")))]).toEqual([
      ["2", "2"],
      ["1", "1"],
    ]);
    const built = graph().task("x", () => 1);
    expect(await joinGraph(built)).toEqual({ x: 1 });
  });

  it("calls `run` on its task", async () => {
    const own: Task = {
      dependsOn: [],
      run() {
        return this.dependsOn;
      },
    };
    expect(await joinGraph({ own })).toEqual({ own: [] });
  });

  it("[F49] gives tasks what others made frozen, or a copy", async () => {
    const seen: unknown[] = [];
    const look = ({ deps }: TaskContext<{ a: { list: number[] } }>): void => {
      seen.push(deps.a, Object.isFrozen(deps), Object.isFrozen(deps.a.list));
    };
    const made = { list: [1] };
    const run = { a: () => made, b: { dependsOn: ["a"], run: look } } as const;
    await joinGraph(run);
    await joinGraph(run, { isolate: "clone" });
    await joinGraph(run, { isolate: "freeze" });
    expect(seen).toEqual([made, true, false, made, true, false, made, true, true]);
    expect([seen[0] === made, seen[3] === made, seen[6] === made]).toEqual([true, false, true]);
  });

  it("builds on a graph without changing it", async () => {
    const one = graph().task("a", () => 1);
    const two = one.task("b", ["a"], ({ deps }) => deps.a + 1);
    const other = one.task("c", () => 3);
    expect(await joinGraph(one)).toEqual({ a: 1 });
    expect(await joinGraph(two)).toEqual({ a: 1, b: 2 });
    expect(await joinGraph(other)).toEqual({ a: 1, c: 3 });
  });
});

describe("joinGraphMerge", () => {
  const values = (reports: readonly JoinReport[]): unknown[] =>
    reports.flatMap((each) =>
      each.type === "collision" ? [{ ...each.collision, level: each.level, unordered: each.unordered }] : [],
    );

  it("[F53, F54, U13] shows a task the base with what its ancestors made, and merges all in order", async () => {
    const seen: Record<string, unknown> = {};
    const value = await joinGraphMerge(
      graph<{ x: number }>()
        .task("slow", async () => {
          await settled();
          return { s: 1 };
        })
        .task("fast", () => ({ f: 1 }))
        .task("after", ["fast"], ({ base, name }) => {
          seen[name] = base;
          return { a: 1 };
        })
        .task("last", ["after", "slow"], ({ base, name }) => {
          seen[name] = base;
          return {};
        })
        .task("alone", ({ base, name }) => {
          seen[name] = base;
          return {};
        }),
      { base: { x: 0 } },
    );
    expect(seen).toEqual({
      alone: { x: 0 },
      after: { x: 0, f: 1 },
      last: { x: 0, s: 1, f: 1, a: 1 },
    });
    expect(Object.keys(seen["last"] as object)).toEqual(["x", "s", "f", "a"]);
    expect(Object.keys(value)).toEqual(["x", "s", "f", "a"]);
  });

  it("[F48, F49] by levels shows all of a level the same, merged before it", async () => {
    const seen: unknown[] = [];
    const see = (output: object): Task<TaskContext<unknown> & { base: unknown }> => ({
      dependsOn: ["root"],
      run: ({ base }) => {
        seen.push(base);
        return output;
      },
    });
    const value = await joinGraphMerge(
      { root: () => ({ r: 1 }), other: () => ({ o: 1 }), a: see({ a: 1 }), b: see({ b: 1 }) },
      { schedule: "levels" },
    );
    expect(seen).toEqual([
      { r: 1, o: 1 },
      { r: 1, o: 1 },
    ]);
    expect(Object.keys(value)).toEqual(["r", "o", "a", "b"]);
  });

  it("[F51] gives a chain the value and records of doing one after the other", async () => {
    const reports: JoinReport[] = [];
    const chain = graph()
      .task("a", () => ({ k: 1 }))
      .task("b", ["a"], ({ deps }) => ({ k: deps.a.k + 1 }))
      .task("c", ["b"], ({ deps }) => ({ k: deps.b.k * 10 }));
    for (const schedule of ["ready", "levels"] as const) {
      const value = await joinGraphMerge(chain, { schedule, report: (each) => reports.push(each) });
      expect(value).toEqual({ k: 20 });
      expect(values(reports.splice(0))).toEqual([
        { key: "k", kind: "base", by: "b", over: "a", policy: "warn", level: "warning", unordered: false },
        { key: "k", kind: "base", by: "c", over: "b", policy: "warn", level: "warning", unordered: false },
      ]);
    }
  });

  it.each([
    ["b", "c"],
    ["c", "b"],
  ])("[F26, U14] lets depth decide nothing silently: %s first", async (...order) => {
    for (const schedule of ["ready", "levels"] as const) {
      const gates = new Gates();
      const reports: JoinReport[] = [];
      const outcome = joinGraphMerge(
        { root: () => ({}), b: task(gates, "b", "root"), c: task(gates, "c") } as never,
        { schedule, onBaseCollision: "overwrite", report: (each) => reports.push(each) },
      ).catch((error: unknown) => error);
      await settled();
      for (const name of schedule === "levels" ? ["c", "b"] : order) await gates.end(name, { v: name });
      if (schedule === "ready") {
        expect(await outcome).toBeInstanceOf(KeyCollisionError);
        expect(((await outcome) as KeyCollisionError).collisions).toEqual([
          { key: "v", kind: "sibling", by: "c", over: "b", policy: "error" },
        ]);
      } else {
        expect(await outcome).toEqual({ v: "b" });
        expect(values(reports)).toEqual([
          {
            key: "v",
            kind: "base",
            by: "b",
            over: "c",
            policy: "overwrite",
            level: "warning",
            unordered: true,
          },
        ]);
      }
    }
  });

  it("[F21, F23] by levels stops before the next level when two of one collide", async () => {
    const gates = new Gates();
    const error = (await rejection(
      joinGraphMerge({ a: () => ({ k: 1 }), b: () => ({ k: 2 }), c: task(gates, "c", "a") } as never, {
        schedule: "levels",
      }),
    )) as KeyCollisionError;
    expect(error).toBeInstanceOf(KeyCollisionError);
    expect(gates.started).toEqual([]);
    expect(error.records.map(({ status }) => status)).toEqual(["succeeded", "failed", "not-started"]);
  });

  it("[F21, F23] by levels goes on to no other level when what was completed before collides", async () => {
    let folds = 0;
    const error = (await rejection(
      joinGraphMerge(
        graph()
          .task("a", () => ({ k: 1 }))
          .task("b", () => ({ k: 2 }))
          .task("c", ["a"], () => ({ l: 1 }))
          .task("d", ["a"], () => ({ l: 2 })),
        {
          schedule: "levels",
          completed: { a: { k: 1 }, b: { k: 2 }, c: { l: 1 }, d: { l: 2 } },
          keys: { l: () => (folds += 1) },
        },
      ),
    )) as KeyCollisionError;
    expect([error.keys, folds]).toEqual([["k"], 0]);
    expect(error.records.map(({ status }) => status)).toEqual([
      "succeeded",
      "failed",
      "succeeded",
      "succeeded",
    ]);
  });

  it("[F93] by levels merges nothing of a level that was stopped, with wait-all", async () => {
    const gates = new Gates();
    const reports: JoinReport[] = [];
    const controller = new AbortController();
    const stop = new Error("stop");
    const ends = ["a", "b"].map((name) => [name, gates.branch(name, false)] as const);
    const failed = rejection(
      joinGraphMerge(Object.fromEntries(ends), {
        mode: "wait-all",
        schedule: "levels",
        signal: controller.signal,
        report: (report) => reports.push(report),
      }),
    );
    controller.abort(stop);
    for (const name of ["a", "b"]) await gates.fail(name, Object.assign(new Error(name), { code: name }));
    expect(await failed).toBe(stop);
    expect(reports.at(-1)).toMatchObject({
      type: "end",
      error: stop,
      records: [
        { name: "a", status: "cancelled", reason: stop },
        { name: "b", status: "cancelled", reason: stop },
      ],
    });
  });

  it("[F18] fails a task that makes no object", async () => {
    const failed = joinGraphMerge({ a: () => [1] });
    expect(await rejection(failed)).toMatchObject({
      branch: "a",
      cause: { name: "InvalidBranchOutputError" },
    });
  });

  it("[F9, F46] by levels names the task that wrote a key before, and not its level", async () => {
    const error = (await rejection(
      joinGraphMerge(
        graph()
          .task("a", () => ({ x: 1 }))
          .task("b", () => ({ y: 1 }))
          .task("c", ["b"], () => ({ z: 1 }))
          .task("d", ["a", "b"], () => ({ y: 2 })),
        { schedule: "levels", onBaseCollision: "error" },
      ),
    )) as KeyCollisionError;
    expect(error.collisions).toEqual([{ key: "y", kind: "base", by: "d", over: "b", policy: "error" }]);
  });

  it.each(["ready", "levels"] as const)(
    "[F81] merges nothing when a task failed, with wait-all: %s",
    async (schedule) => {
      const error = (await rejection(
        joinGraphMerge(
          {
            a: () => Promise.reject(new Error("x")),
            b: () => ({ k: 1 }),
            c: () => ({ k: 2 }),
            d: { dependsOn: ["a"], run: () => ({}) },
          },
          { mode: "wait-all", schedule },
        ),
      )) as JoinError;
      expect(error).toBeInstanceOf(JoinError);
      expect(error.branch).toBe("a");
      expect(error.partial).toEqual({ b: { k: 1 }, c: { k: 2 } });
    },
  );

  it.each(["ready", "levels"] as const)(
    "[F243] takes from each task only what it changed: %s",
    async (schedule) => {
      const tasks = graph<{ n: number }>()
        .task("a", ({ base }) => ({ ...base, x: 1 }))
        .task("b", ({ base }) => ({ ...base, y: 1 }))
        .task("c", ["a", "b"], ({ base }) => ({ ...base, n: base.n + 1 }));
      expect(await joinGraphMerge(tasks, { base: { n: 0 }, delta: true, schedule })).toEqual({
        n: 1,
        x: 1,
        y: 1,
      });
    },
  );

  it.each(
    (["ready", "levels"] as const).flatMap((schedule) =>
      (["none", "freeze", "clone"] as const).map((isolate) => ({ schedule, isolate })),
    ),
  )(
    "[F156, F243] takes what a task changed also where it never looked at the base: %o",
    async ({ schedule, isolate }) => {
      const base = { x: 0, y: 0 };
      const tasks = graph<typeof base>()
        .task("a", (context) => ({ ...context.base, x: 1 }))
        .task("b", (context) => ({ ...context.base, y: 1 }))
        .task("c", ["a", "b"], (context) => ({ ...context.base, x: 2 }))
        .task("d", ["a", "b"], (context) => ({ ...context.base, y: 2 }));
      const options = { base, delta: true, schedule, isolate } as const;
      const made = { a: { x: 1, y: 0 }, b: { x: 0, y: 1 }, c: { x: 2, y: 1 }, d: { x: 1, y: 2 } };
      const { a, b, c, d } = made;
      expect(await joinGraphMerge(tasks, options)).toEqual({ x: 2, y: 2 });
      for (const completed of [{ a }, { a, b }, { a, b, d }, { a, b, c, d }])
        expect(await joinGraphMerge(tasks, { ...options, completed })).toEqual({ x: 2, y: 2 });
      const closures = graph()
        .task("a", () => ({ ...base, x: 1 }))
        .task("b", () => ({ ...base, y: 1 }));
      expect(await joinGraphMerge(closures, options)).toEqual({ x: 1, y: 1 });
    },
  );

  it.each(["ready", "levels"] as const)(
    "[F48, F49] shows by default what there is itself, and freezes nothing in it: %s",
    async (schedule) => {
      const value = { k: 1 };
      const seen: unknown[] = [];
      const look = (context: MergeContext<{ value: object }>): object => {
        seen.push(context.base.value);
        return { [context.name]: 1 };
      };
      const tasks = graph<{ value: object }>().task("a", look).task("b", ["a"], look);
      await joinGraphMerge(tasks, { schedule, base: { value } });
      expect(seen[0]).toBe(value);
      expect(seen[1]).toBe(value);
      expect(Object.isFrozen(value)).toBe(false);
    },
  );

  it.each(["none", "freeze", "clone"] as const)(
    "[F48, F49] by levels shows all of a level one object, and copies only where each is to have its own: %s",
    async (isolate) => {
      const seen: Record<string, unknown> = {};
      const look = ({ base, name }: MergeContext<object>): object => {
        seen[name] = base;
        return { [name]: 1 };
      };
      const tasks = graph<object>()
        .task("a", look)
        .task("b", look)
        .task("c", ["a"], look)
        .task("d", ["b"], look);
      await joinGraphMerge(tasks, { schedule: "levels", isolate, base: { x: 0 } });
      expect(seen).toEqual({
        a: { x: 0 },
        b: { x: 0 },
        c: { x: 0, a: 1, b: 1 },
        d: { x: 0, a: 1, b: 1 },
      });
      expect([seen["a"] === seen["b"], seen["c"] === seen["d"]]).toEqual(
        isolate === "clone" ? [false, false] : [true, true],
      );
    },
  );

  it.each(["ready", "levels"] as const)(
    "[F49] gives each task a copy of its own of what others made: %s",
    async (schedule) => {
      const seen: unknown[] = [];
      const look = ({ base }: MergeContext<object>): object => {
        seen.push((base as { list: unknown }).list);
        return {};
      };
      const tasks = graph<object>()
        .task("a", () => ({ list: [1] }))
        .task("b", ["a"], look)
        .task("c", ["a"], look);
      const { list } = await joinGraphMerge(tasks, { schedule, isolate: "clone" });
      expect(seen).toEqual([[1], [1]]);
      expect(new Set([list, ...seen]).size).toBe(3);
    },
  );

  it("[F20] folds in order, and shows the fold so far to those that come after", async () => {
    const seen: unknown[] = [];
    const value = await joinGraphMerge(
      graph<{ log: string[] }>()
        .task("z", async () => {
          await settled();
          return { log: ["z"] };
        })
        .task("a", () => ({ log: ["a"] }))
        .task("end", ["a", "z"], ({ base }) => {
          seen.push(base.log);
          return {};
        }),
      { base: { log: ["base"] }, keys: { log: (existing, incoming) => [...existing, ...incoming] } },
    );
    expect(value.log).toEqual(["base", "z", "a"]);
    expect(seen).toEqual([["base", "z", "a"]]);
  });

  it("[F160] what was completed before is merged by the same rules, and what collides is told as ever", async () => {
    const reports: JoinReport[] = [];
    const again = joinGraphMerge(
      { a: () => ({ k: 1 }), b: { dependsOn: ["a"], run: () => ({ k: 2 }) } },
      {
        onBaseCollision: "error",
        schedule: "levels",
        completed: { a: { k: 1 }, b: { k: 2 } },
        report: (report) => reports.push(report),
      },
    );
    const error = await rejection(again);
    expect(error).toBeInstanceOf(KeyCollisionError);
    expect(reports).toMatchObject([
      { type: "end", error, records: [{ status: "succeeded" }, { status: "failed" }] },
    ]);
  });

  describe("[F20, F106] a reducer that throws", () => {
    const no = new Error("no");
    const rules = {
      keys: {
        k: () => {
          throw no;
        },
      },
    };
    const two = graph<object>()
      .task("a", () => ({ k: 1 }))
      .task("b", () => ({ k: 2 }));
    const statuses = ({ records }: { records: readonly BranchRecord[] }): string[] =>
      records.map(({ name, status }) => `${name} ${status}`);

    it.each(["fail-fast", "wait-all"] as const)(
      "is the error of the task whose value it would not take, also where another one needs what it makes: %s",
      async (mode) => {
        const read = ({ base }: MergeContext<object>): object => base;
        const tasks = two.task("c", ["a", "b"], read).task("d", ["a", "b"], read);
        const blind = two.task("c", ["a", "b"], () => ({})).task("d", () => ({}));
        const reader = (await rejection(joinGraphMerge(tasks, { ...rules, mode }))) as ReducerError;
        const other = (await rejection(joinGraphMerge(blind, { ...rules, mode }))) as ReducerError;
        for (const error of [reader, other]) {
          expect(error).toBeInstanceOf(ReducerError);
          expect(error).toMatchObject({ key: "k", branch: "b", cause: no, message: other.message });
          expect(error.records[1]).toMatchObject({ name: "b", status: "failed", error });
        }
        expect(reader.records[2]).toMatchObject({ status: "cancelled", reason: reader, error: reader });
        // Who was told to stop has been told why.
        const told = mode === "fail-fast" ? "AbortError" : "ReducerError";
        expect(reader.records[3]).toMatchObject({ reason: { name: told }, error: { name: "ReducerError" } });
        expect(statuses(reader)).toEqual(["a succeeded", "b failed", "c cancelled", "d cancelled"]);
        expect(statuses(other)).toEqual(["a succeeded", "b failed", "c succeeded", "d succeeded"]);
      },
    );

    it("counts from where it was needed: a failure before that is the one that one at a time would have had", async () => {
      const gates = new Gates();
      const failed = rejection(
        joinGraphMerge(
          two.task("x", gates.branch("x") as never).task("c", ["a", "b"], ({ base }) => base),
          rules,
        ),
      );
      await settled();
      await gates.fail("x");
      const error = (await failed) as JoinError;
      expect([error.name, error.branch]).toEqual(["JoinError", "x"]);
      expect(statuses(error).slice(0, 3)).toEqual(["a succeeded", "b succeeded", "x failed"]);
    });

    it("is a task's own error where it throws one of another merge", async () => {
      const inner = (): Promise<object> =>
        joinMerge({ x: () => ({ k: 1 }), y: () => ({ k: 2 }) }, rules as never);
      const error = (await rejection(joinGraphMerge({ a: inner }))) as JoinError;
      expect(error).toMatchObject({
        name: "JoinError",
        branch: "a",
        cause: { name: "ReducerError", branch: "y" },
      });
    });

    it("is not taken for what `equal` throws, which is no branch's value", async () => {
      const equal = (): never => {
        throw no;
      };
      const tasks = two.task("c", ["a", "b"], ({ base }) => base);
      expect(await rejection(joinGraphMerge(tasks, { equal }))).toMatchObject({ branch: "c", cause: no });
    });

    it("is no error for a task that does without", async () => {
      const error = await rejection(
        joinGraphMerge(
          two.task("c", ["a", "b"], (context) => {
            expect(() => context.base).toThrow(ReducerError);
            return {};
          }),
          rules,
        ),
      );
      expect(error).toMatchObject({ name: "ReducerError", branch: "b" });
      expect(statuses(error as ReducerError)[2]).toBe("c succeeded");
    });
  });
});
