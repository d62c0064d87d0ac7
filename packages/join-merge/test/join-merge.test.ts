import { describe, expect, it } from "vitest";
import {
  InvalidBranchOutputError,
  JoinError,
  joinMerge,
  type JoinReport,
  KeyCollisionError,
  ReducerError,
} from "../src/index.js";
import { Gates, rejection, settled, uncaught } from "./gates.js";

const append = (existing: readonly string[], incoming: readonly string[]): string[] => [
  ...existing,
  ...incoming,
];

describe("joinMerge", () => {
  it("[F1, JM2, F106] merges what branches make, in their order and not in that of their ends", async () => {
    const gates = new Gates();
    const merged = joinMerge(gates.branches("a", "b") as never as Record<string, () => object>, {
      base: { log: ["base"], x: 1 },
      keys: { log: append as never },
    });
    await gates.end("b", { log: ["b"], k: 1 });
    await gates.end("a", { log: ["a"] });
    const value = await merged;
    expect(Object.entries(value)).toEqual([
      ["log", ["base", "a", "b"]],
      ["x", 1],
      ["k", 1],
    ]);
  });

  it("[JM7] gives the base without branches", async () => {
    const base = { a: 1 };
    const value = await joinMerge({}, { base });
    expect(value).toEqual(base);
    expect(value).not.toBe(base);
    expect(await joinMerge({})).toEqual({});
  });

  it.each([
    ["b", "a"],
    ["a", "b"],
  ])(
    "[F21, F22, F25, U4] says which key collides, and the later branch in order has failed of it: %s first",
    async (...order) => {
      const gates = new Gates();
      const reports: JoinReport[] = [];
      const base = { x: 1 };
      const failed = rejection(
        joinMerge(gates.branches("a", "b") as never as Record<string, () => object>, {
          base,
          onBaseCollision: "overwrite",
          report: (each) => reports.push(each),
        }),
      );
      for (const name of order) await gates.end(name, { k: name });
      const error = (await failed) as KeyCollisionError;
      expect(error).toBeInstanceOf(KeyCollisionError);
      expect(error.collisions).toEqual([{ key: "k", kind: "sibling", by: "b", over: "a", policy: "error" }]);
      expect(error.records).toMatchObject([
        { name: "a", status: "succeeded", value: { k: "a" } },
        { name: "b", status: "failed", error },
      ]);
      expect(error.records[1]).not.toHaveProperty("value");
      expect(base).toEqual({ x: 1 });
      expect(reports.at(-1)).toEqual({ type: "end", records: error.records, error });
    },
  );

  it("[F20] blames the branch whose value a reducer would not take", async () => {
    const failed = joinMerge(
      { a: () => ({ k: 1 }), b: () => ({ k: 2 }) },
      {
        keys: {
          k: () => {
            throw new Error("no");
          },
        },
      },
    );
    const error = (await rejection(failed)) as ReducerError;
    expect(error).toBeInstanceOf(ReducerError);
    expect(error.records.map(({ status }) => status)).toEqual(["succeeded", "failed"]);
  });

  it("[F3, F4] tells of collisions that are allowed, in order, when the merge has succeeded", async () => {
    const reports: JoinReport[] = [];
    await joinMerge(
      { a: () => ({ x: 1, y: 1 }), b: () => ({ z: 2 }) },
      { base: { y: 0, x: 0, z: 0 }, keys: { z: "overwrite" }, report: (each) => reports.push(each) },
    );
    const said = reports.flatMap((each) =>
      each.type === "collision" ? [[each.level, each.collision.key, each.unordered]] : [],
    );
    expect(said).toEqual([
      ["warning", "x", false],
      ["warning", "y", false],
      ["debug", "z", false],
    ]);
    expect(reports.at(-1)?.type).toBe("end");
  });

  it("[F18] fails a branch that makes no object, which stops the others", async () => {
    const gates = new Gates();
    const failed = rejection(joinMerge(gates.branches("a", "b") as never as Record<string, () => object>));
    await gates.end("a", [1]);
    const error = (await failed) as JoinError;
    expect(error).toBeInstanceOf(JoinError);
    expect(error.cause).toBeInstanceOf(InvalidBranchOutputError);
    expect(error.cause).toMatchObject({ branch: "a", received: [1] });
    expect([...gates.stopped.keys()]).toEqual(["b"]);
  });

  it("passes on what reading an output throws, as it is", async () => {
    const boom = new Error("getter");
    const output = {
      get k(): never {
        throw boom;
      },
    };
    const error = await rejection(joinMerge({ a: () => output }));
    expect(error).toBe(boom);
    expect(error).not.toHaveProperty("records");
  });

  it("[F18] takes nothing else but objects, also where nothing is allowed", async () => {
    const failed = joinMerge({ a: () => 5 as never }, { allowNothing: true });
    expect((await rejection(failed)) as JoinError).toMatchObject({ cause: { received: 5 } });
  });

  it("[F18, F13] takes branches that make nothing, where that is allowed", async () => {
    expect(await joinMerge({ a: () => undefined, b: () => ({ x: 1 }) }, { allowNothing: true })).toEqual({
      x: 1,
    });
  });

  it("[F156, U24] merges what was completed before with what is new, once, in order", async () => {
    const gates = new Gates();
    const keys = { log: append as never };
    const branches = gates.branches("a", "b", "c") as never as Record<string, () => object>;
    const merged = joinMerge(branches, { keys, completed: { c: { log: ["c"] }, a: { log: ["a"] } } });
    expect(gates.started).toEqual(["b"]);
    await gates.end("b", { log: ["b"] });
    expect(await merged).toEqual({ log: ["a", "b", "c"] });
    expect(() => joinMerge(branches, { completed: { c: 5 } })).toThrow(InvalidBranchOutputError);
  });

  it("[F19] is not changed by a listener that throws, whose error is not lost", async () => {
    const broken = new Error("sink");
    let value: unknown;
    const lost = await uncaught(async () => {
      value = await joinMerge(
        { a: () => ({ x: 1 }) },
        {
          report: () => {
            throw broken;
          },
        },
      );
      await settled();
    });
    expect(value).toEqual({ x: 1 });
    expect(lost).toEqual([broken, broken, broken]);
  });
});

describe("what branches may read", () => {
  it("[F48, F49] is the base as it was, frozen at its top, the same for all", async () => {
    const base = { list: [1] };
    const seen: unknown[] = [];
    await joinMerge(
      {
        a: (context) => {
          seen.push(context.base, context.base);
          expect(() => {
            (context.base as { more?: number }).more = 1;
          }).toThrow(TypeError);
          return { x: 1 };
        },
        b: ({ base: shown }) => {
          seen.push(shown);
          return {};
        },
      },
      { base },
    );
    expect(seen[0]).toEqual(base);
    expect(new Set(seen).size).toBe(1);
    expect((seen[0] as typeof base).list).toBe(base.list);
  });

  it("[F49] can be frozen all the way down, also in a circle, but for what has a class of its own", async () => {
    const date = new Date(0);
    const inner: Record<string, unknown> = { list: [{ deep: 1 }, null, undefined, "text", 5], date };
    inner["self"] = inner;
    await joinMerge(
      {
        a: (context) => {
          const shown = context.base.inner as { list: { deep: number }[] };
          expect(() => shown.list.push({ deep: 2 })).toThrow(TypeError);
          expect(() => {
            for (const each of shown.list.slice(0, 1)) each.deep = 2;
          }).toThrow(TypeError);
          return {};
        },
      },
      { base: { inner }, isolate: "freeze" },
    );
    expect(Object.isFrozen(date)).toBe(false);
  });

  it("[F49] can be a copy for each", async () => {
    const base = { list: [1] };
    const lists: number[][] = [];
    const push = ({ base: shown }: { base: { list: number[] } }): object => {
      shown.list.push(2);
      lists.push(shown.list);
      return {};
    };
    await joinMerge({ a: push, b: push }, { base, isolate: "clone" });
    expect(lists).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(base).toEqual({ list: [1] });
  });

  it("[F17, F49] is a copy of a Map, which cannot be frozen", async () => {
    const base = new Map<string, unknown>([["2", { deep: [1] }]]);
    const value = await joinMerge(
      {
        a: (context) => {
          (context.base as Map<string, unknown>).set("x", 1);
          expect(Object.isFrozen((context.base.get("2") as { deep: unknown }).deep)).toBe(true);
          return new Map([["1", 1]]);
        },
      },
      { base, isolate: "freeze" },
    );
    expect([...value.keys()]).toEqual(["2", "1"]);
    expect([...base.keys()]).toEqual(["2"]);
  });

  it("[F243] is what a branch may return with its changes", async () => {
    const base = { a: 1, b: { n: 1 } };
    const value = await joinMerge(
      { one: (context) => ({ ...context.base, a: 2 }), two: (context) => ({ ...context.base, c: 3 }) },
      { base, delta: true, isolate: "clone" },
    );
    expect(value).toEqual({ a: 2, b: { n: 1 }, c: 3 });
  });
});
