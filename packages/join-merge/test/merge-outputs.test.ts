import { describe, expect, it } from "vitest";
import {
  type Collision,
  InvalidBranchOutputError,
  isLockError,
  KeyCollisionError,
  mergeOutputs,
  project,
  ReducerError,
} from "../src/index.js";
import { thrown } from "./gates.js";

const append = (existing: readonly string[], incoming: readonly string[]): string[] => [
  ...existing,
  ...incoming,
];

describe("a merge without collisions", () => {
  it("[F2, F19] has all of the base and then all of the outputs, in order, and changes none of them", () => {
    const base = Object.freeze({ z: 1, y: 2 });
    const outputs = { second: Object.freeze({ b: 3, a: 4 }), first: Object.freeze({ c: 5 }) };
    const { value, collisions } = mergeOutputs(base, outputs);
    expect(Object.entries(value)).toEqual([
      ["z", 1],
      ["y", 2],
      ["b", 3],
      ["a", 4],
      ["c", 5],
    ]);
    expect(collisions).toEqual([]);
    expect(Object.getPrototypeOf(value)).toBe(null);
  });

  it("[JM8, F50] has an identity: nothing to merge gives the base", () => {
    expect(mergeOutputs({ a: 1 }, {}).value).toEqual({ a: 1 });
    expect(mergeOutputs({}, { a: {}, b: { c: 1 } }).value).toEqual({ c: 1 });
  });

  it("[F14] takes values as they are", () => {
    const list: string[] = [];
    const { value } = mergeOutputs({ list }, { a: { same: list } });
    expect(value.list).toBe(list);
    expect(value.same).toBe(list);
  });

  it("[F15] reads each key of each output once", () => {
    const read: string[] = [];
    const watched = (output: Record<string, number>): Record<string, number> =>
      new Proxy(output, {
        get: (target, key: string) => {
          read.push(key);
          return target[key];
        },
        ownKeys: (target) => {
          read.push("keys");
          return Reflect.ownKeys(target);
        },
      });
    mergeOutputs({ x: 0 }, { one: watched({ a: 1, b: 2 }), two: watched({ c: 3 }) });
    expect(read).toEqual(["keys", "a", "b", "keys", "c"]);
  });

  it("[F16] knows own enumerable string keys, of any name, and `undefined` is a value", () => {
    const names = ["__proto__", "constructor", "prototype", "toString"];
    const output: object = Object.fromEntries(names.map((name) => [name, name]));
    const { value } = mergeOutputs({}, { a: output, b: { gone: undefined } });
    expect(Object.entries(value)).toEqual([...names.map((name) => [name, name]), ["gone", undefined]]);
    expect({}.constructor).toBe(Object);
    const error = thrown(() => mergeOutputs(output, { a: output }, { onBaseCollision: "error" }));
    expect(error).toMatchObject({ keys: names });
    const hidden = Object.create({ inherited: 1 }) as Record<string | symbol, unknown>;
    Object.setPrototypeOf(hidden, null);
    hidden[Symbol("s")] = 1;
    Object.defineProperty(hidden, "secret", { value: 1, enumerable: false });
    expect(mergeOutputs({}, { a: hidden }).value).toEqual({});
  });

  it("[F17] keeps the order of keys that are numbers where the base is a Map", () => {
    const entries = [
      ["b", 1],
      ["2", 2],
      ["1", 3],
      ["a", 4],
    ] as const;
    const { value } = mergeOutputs(new Map<string, unknown>(), { x: new Map(entries) });
    expect([...value.keys()]).toEqual(["b", "2", "1", "a"]);
    expect(Object.keys(mergeOutputs({}, { x: Object.fromEntries(entries) }).value)).toEqual([
      "1",
      "2",
      "b",
      "a",
    ]);
    const clash = thrown(() =>
      mergeOutputs(new Map(entries), { x: new Map(entries) }, { onBaseCollision: "error" }),
    );
    expect(clash).toMatchObject({ keys: ["b", "2", "1", "a"] });
    expect([...mergeOutputs(new Map(entries), { x: { c: 5 } }).value]).toEqual([...entries, ["c", 5]]);
    const add = { keys: { "2": (existing: number, incoming: number) => existing + incoming } } as never;
    expect(mergeOutputs(new Map(entries), { x: { 2: 40 } }, add).value.get("2")).toBe(42);
  });

  it("takes outputs in pairs, where order matters although names are numbers", () => {
    const rules = { keys: { k: append } };
    const outputs = new Map([
      ["9", { k: ["nine"] }],
      ["1", { k: ["one"] }],
    ]);
    expect(mergeOutputs({}, outputs, rules).value).toEqual({ k: ["nine", "one"] });
  });
});

describe("a key that the base has", () => {
  const base = { x: 1, y: 2, z: 3 };
  const outputs = { b: { y: 20, n: 0 }, c: { x: 10 } };
  const collisions = (policy: Collision["policy"]): Collision[] => [
    { key: "y", kind: "base", by: "b", over: null, policy },
    { key: "x", kind: "base", by: "c", over: null, policy },
  ];

  it("[F3, F4, F7, F8] is overwritten, and told of in the order of the outputs", () => {
    for (const onBaseCollision of ["overwrite", "warn"] as const)
      expect(mergeOutputs(base, outputs, { onBaseCollision })).toEqual({
        value: { x: 10, y: 20, z: 3, n: 0 },
        collisions: collisions(onBaseCollision),
      });
    expect(mergeOutputs(base, outputs).collisions).toEqual(collisions("warn"));
  });

  it("[F5, F6, F7, F9, U6] is an error where that is wanted: nothing is merged, all are named, with who and over what", () => {
    const before = structuredClone(base);
    const error = thrown(() => mergeOutputs(base, outputs, { onBaseCollision: "error" }));
    expect(error).toBeInstanceOf(KeyCollisionError);
    expect(isLockError(error, "ERR_KEY_COLLISION")).toBe(true);
    expect(error).toMatchObject({
      name: "KeyCollisionError",
      kind: "base",
      keys: ["y", "x"],
      collisions: collisions("error"),
      records: [],
      message:
        'Nothing is merged: "y" of "b" is also in the base, "x" of "c" is also in the base; ' +
        'rename the key, or allow it with onBaseCollision "warn" or "overwrite"',
    });
    expect(base).toEqual(before);
  });

  it("[F10] collides although the value is the same, unless `equal` says that it is", () => {
    const same = { a: { x: 1 } };
    expect(mergeOutputs(base, same).collisions).toHaveLength(1);
    const options = { onBaseCollision: "error", onSiblingCollision: "error", equal: Object.is } as const;
    expect(mergeOutputs(base, same, options)).toEqual({ value: base, collisions: [] });
    expect(mergeOutputs({}, { a: { k: 1 }, b: { k: 1 } }, options).value).toEqual({ k: 1 });
    expect(thrown(() => mergeOutputs({}, { a: { k: 1 }, b: { k: 1 }, c: { k: 2 } }, options))).toMatchObject({
      collisions: [{ by: "c", over: "a" }],
    });
  });

  it("[F20] follows the rule for the key before the default", () => {
    const rules = { keys: { y: "error", x: { base: "overwrite" } } } as const;
    expect(thrown(() => mergeOutputs(base, outputs, rules))).toMatchObject({ keys: ["y"] });
    const lenient = {
      onBaseCollision: "error",
      keys: { y: "overwrite", x: { base: (a: number, b: number) => a + b, sibling: "last" } },
    } as const;
    expect(mergeOutputs(base, outputs, lenient)).toEqual({
      value: { x: 11, y: 20, z: 3, n: 0 },
      collisions: [
        { key: "y", kind: "base", by: "b", over: null, policy: "overwrite" },
        { key: "x", kind: "base", by: "c", over: null, policy: "reduce" },
      ],
    });
    // A word that is only for siblings says nothing of the base.
    expect(mergeOutputs({ k: 1 }, { a: { k: 2 } }, { keys: { k: "first" } })).toEqual({
      value: { k: 2 },
      collisions: [{ key: "k", kind: "base", by: "a", over: null, policy: "warn" }],
    });
  });
});

describe("a key that two branches make", () => {
  const outputs = { a: { k: 1, x: 1 }, b: { k: 2 }, c: { y: 1, k: 3, x: 3 } };

  it("[JM3, F21, F22, F23, F28, U4] is an error, whatever holds for the base: all are named, by key, then branch", () => {
    for (const onBaseCollision of ["overwrite", "warn", "error"] as const) {
      const error = thrown(() =>
        mergeOutputs({ k: 0 }, outputs, { onBaseCollision, keys: { k: undefined } }),
      );
      const over = (key: string, by: string, whose: string | null): unknown => ({
        ...{ key, by, over: whose, kind: whose === null ? "base" : "sibling", policy: "error" },
      });
      expect(error).toMatchObject({ kind: "sibling" });
      expect((error as KeyCollisionError).collisions).toEqual(
        onBaseCollision === "error"
          ? [over("k", "a", null), over("k", "b", null), over("k", "c", null), over("x", "c", "a")]
          : [over("k", "b", "a"), over("k", "c", "a"), over("x", "c", "a")],
      );
    }
    const error = thrown(() => mergeOutputs({}, outputs));
    expect(error).toMatchObject({
      keys: ["k", "x"],
      message:
        'Nothing is merged: "k" of "b" is also in "a", "k" of "c" is also in "a", "x" of "c" is also in "a"; ' +
        'give the key a reducer, "first" or "last" in options.keys, or rename it in one of the branches',
    });
  });

  it("[F27] has the value of the first or the last in order where a rule says so, for the key or for all", () => {
    const x = { x: "first" } as const;
    expect(mergeOutputs({}, outputs, { keys: { ...x, k: "first" } }).value).toEqual({ k: 1, x: 1, y: 1 });
    expect(mergeOutputs({}, outputs, { keys: { ...x, k: "last" } }).value).toEqual({ k: 3, x: 1, y: 1 });
    expect(mergeOutputs({}, outputs, { onSiblingCollision: "last", keys: x })).toEqual({
      value: { k: 3, x: 1, y: 1 },
      collisions: [
        { key: "k", kind: "sibling", by: "b", over: "a", policy: "last" },
        { key: "k", kind: "sibling", by: "c", over: "b", policy: "last" },
        { key: "x", kind: "sibling", by: "c", over: "a", policy: "first" },
      ],
    });
    const first = mergeOutputs({}, outputs, { onSiblingCollision: "first" });
    expect(first.value).toEqual({ k: 1, x: 1, y: 1 });
    expect(first.collisions.map(({ by, over }) => [by, over])).toEqual([
      ["b", "a"],
      ["c", "a"],
      ["c", "a"],
    ]);
  });

  it("[F20, F27, U5] is folded by a reducer from left to right, base first, with who made what", () => {
    const folds: unknown[] = [];
    const { value, collisions } = mergeOutputs(
      { log: ["base"] },
      { a: { log: ["a"] }, b: { log: ["b"] } },
      {
        keys: {
          log: (existing, incoming, about) => {
            folds.push(about);
            return append(existing, incoming);
          },
        },
      },
    );
    expect(value).toEqual({ log: ["base", "a", "b"] });
    expect(folds).toEqual([
      { key: "log", existingOwner: null, incomingOwner: "a" },
      { key: "log", existingOwner: "a", incomingOwner: "b" },
    ]);
    expect(collisions.map(({ kind, policy }) => [kind, policy])).toEqual([
      ["base", "reduce"],
      ["sibling", "reduce"],
    ]);
  });

  it("[F20, F106] a reducer that throws is an error of its own, and nothing is merged", () => {
    const cause = new Error("no");
    const error = thrown(() =>
      mergeOutputs({}, outputs, {
        keys: {
          k: () => {
            throw cause;
          },
        },
      }),
    );
    expect(error).toBeInstanceOf(ReducerError);
    expect(isLockError(error, "ERR_REDUCER")).toBe(true);
    expect(error).toMatchObject({
      ...{ name: "ReducerError", key: "k", branch: "b", cause, records: [] },
      message: 'The reducer for "k" failed with the value of "b": no',
    });
  });

  it("[F20] can have a rule for siblings alone", () => {
    const keys = { k: { sibling: (a: number, b: number) => a + b } };
    expect(mergeOutputs({ k: 10 }, { a: { k: 1 }, b: { k: 2 } }, { keys })).toEqual({
      value: { k: 3 },
      collisions: [
        { key: "k", kind: "base", by: "a", over: null, policy: "warn" },
        { key: "k", kind: "sibling", by: "b", over: "a", policy: "reduce" },
      ],
    });
  });
});

describe("outputs that are the base with changes", () => {
  const base = { a: 1, b: 2, list: [1] };

  it("[F243] collide only in keys that two have changed", () => {
    const outputs = { one: { ...base, a: 10 }, two: { ...base, b: 20, c: 3 } };
    expect(mergeOutputs(base, outputs, { delta: true })).toEqual({
      value: { a: 10, b: 20, list: [1], c: 3 },
      collisions: [
        { key: "a", kind: "base", by: "one", over: null, policy: "overwrite" },
        { key: "b", kind: "base", by: "two", over: null, policy: "overwrite" },
      ],
    });
    const error = thrown(() =>
      mergeOutputs(base, { ...outputs, three: { ...base, a: 11 } }, { delta: true }),
    );
    expect((error as KeyCollisionError).collisions).toEqual([
      { key: "a", kind: "sibling", by: "three", over: "one", policy: "error" },
    ]);
  });

  it("[F243] are not owned by who returns them unchanged", () => {
    const outputs = { one: { ...base, c: 1 }, two: { ...base, a: 10 } };
    expect(mergeOutputs(base, outputs, { delta: true }).collisions).toEqual([
      { key: "a", kind: "base", by: "two", over: null, policy: "overwrite" },
    ]);
  });

  it("[F243] are compared by `equal`, where there is one", () => {
    const copy = { one: structuredClone(base), two: structuredClone(base) };
    expect(() => mergeOutputs(base, copy, { delta: true })).toThrow(KeyCollisionError);
    const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
    expect(mergeOutputs(base, copy, { delta: true, equal })).toEqual({ value: base, collisions: [] });
  });
});

describe("what cannot be merged", () => {
  class Thing {
    x = 1;
  }
  it.each([
    [null, "null"],
    [undefined, "undefined"],
    [5, "a number"],
    ["text", "a string"],
    [[1], "an array"],
    [new Map(), "a Map"],
    [new Date(0), "a Date"],
    [new Thing(), "a Thing"],
    [() => 1, "a function"],
    [
      Object.create(Object.create(Object.create(null) as object) as object) as object,
      "an object that is not plain",
    ],
    [Object.create({}) as object, "an object that is not plain"],
    [Object.assign(new Thing(), { constructor: null }), "an object that is not plain"],
    [Object.assign(new Thing(), { constructor: { name: 5 } }), "an object that is not plain"],
    [
      new (class {
        y = 1;
      })(),
      "an object that is not plain",
    ],
  ])("[F18] is told of: %s", (output, words) => {
    const error = thrown(() => mergeOutputs({}, { a: output as object }));
    expect(error).toBeInstanceOf(InvalidBranchOutputError);
    expect(isLockError(error, "ERR_BRANCH_OUTPUT")).toBe(true);
    const hint = output == null ? ", or set options.allowNothing" : "";
    expect(error).toMatchObject({
      ...{ name: "InvalidBranchOutputError", branch: "a", received: output },
      message: `Branch "a" must return a plain object to be merged${hint}, received ${words}`,
    });
  });

  it("[F18] may be nothing, with `allowNothing`", () => {
    const outputs = { a: undefined, b: { x: 1 }, c: null };
    expect(mergeOutputs({}, outputs, { allowNothing: true }).value).toEqual({ x: 1 });
    expect(() => mergeOutputs({}, outputs, { delta: false })).toThrow(InvalidBranchOutputError);
    expect(() => mergeOutputs({}, { a: 5 as never }, { allowNothing: true })).toThrow(
      InvalidBranchOutputError,
    );
  });

  it("[F18] may be a Map only where the base is one", () => {
    expect(thrown(() => mergeOutputs(new Map(), { a: 5 as never }))).toMatchObject({
      message: 'Branch "a" must return a plain object or a Map to be merged, received a number',
    });
  });

  it("[F18] is no object of another realm, as long as it is plain", async () => {
    const { runInNewContext } = await import("node:vm");
    const foreign = runInNewContext("({ x: 1 })") as object;
    expect(mergeOutputs({}, { a: foreign }).value).toEqual({ x: 1 });
  });
});

describe("project", () => {
  it("[F11, F24] takes the keys that are named, under the names they are to have, in that order", () => {
    const picked = project({ stdout: "ok", code: 0, more: 1 }, { z: "code", log: "stdout" });
    expect(Object.entries(picked)).toEqual([
      ["z", 0],
      ["log", "ok"],
    ]);
    const { value } = mergeOutputs(
      {},
      { a: project({ out: 1 }, { x: "out" }), b: project({ out: 2 }, { y: "out" }) },
    );
    expect(value).toEqual({ x: 1, y: 2 });
    expect([...Object.keys(project(new Map([["k", 1]]), { q: "k" } as never))]).toEqual(["q"]);
  });

  it("[F12] says which key there is not, and which there are", () => {
    const error = thrown(() => project({ stdout: 1, code: 0 }, { log: "stdot" } as never));
    expect(error).toBeInstanceOf(InvalidBranchOutputError);
    expect(error).toMatchObject({
      branch: undefined,
      received: { stdout: 1, code: 0 },
      message: 'There is no key "stdot" in the output; did you mean "stdout"?',
    });
    expect(thrown(() => project({ a: 1, b: 2 }, { x: "toString" } as never))).toMatchObject({
      message: 'There is no key "toString" in the output; it has "a", "b"',
    });
    expect(thrown(() => project({}, { x: "y" } as never))).toMatchObject({
      message: 'There is no key "y" in the output; it has none',
    });
    expect(thrown(() => project(5 as never, {}))).toMatchObject({
      message: "output must be an object, received 5",
    });
  });
});
