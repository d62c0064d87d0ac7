import { describe, expect, it } from "vitest";
import { type BranchContext, GraphError, join, type JoinReport } from "../src/index.js";
import { Gates, settled, thrown } from "./gates.js";

describe("what a join resolves to", () => {
  it("[JM1, F60, F64, U2] has what each branch made, by name; branches overlap", async () => {
    const gates = new Gates();
    const all = join(gates.branches("a", "b", "c", "d"));
    expect(gates.running).toBe(4);
    for (const name of ["d", "b", "a"]) await gates.end(name, name.toUpperCase());
    let isOver = false;
    void all.then(() => (isOver = true));
    await settled();
    expect(isOver).toBe(false);
    await gates.end("c");
    expect(await all).toEqual({ a: "A", b: "B", c: "c", d: "D" });
  });

  it("[JM2, F61] has its keys in the order of declaration, whoever ends first", async () => {
    const gates = new Gates();
    const all = join(gates.branches("z", "a", "m"));
    for (const name of ["m", "a", "z"]) await gates.end(name);
    expect(Object.keys(await all)).toEqual(["z", "a", "m"]);
  });

  it("[JM7, F50] is empty without branches, at once", async () => {
    expect(await join({})).toEqual({});
    expect(await join(new Map())).toEqual(new Map());
    expect(await join({}, { timeout: 0, mode: "wait-all" })).toEqual({});
  });

  it("[F16] takes every name as data, and has no prototype", async () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const branches = Object.fromEntries(names.map((name) => [name, () => name]));
    const all = await join(branches);
    expect(Object.getPrototypeOf(all)).toBe(null);
    expect(Object.entries(all)).toEqual(names.map((name) => [name, name]));
  });

  it("[F17, F62] keeps the order of names that are numbers where branches come in pairs", async () => {
    const order: string[] = [];
    const branch = ({ name, index }: BranchContext): number => {
      order.push(name);
      return index;
    };
    const all = await join(
      new Map([
        ["10", branch],
        ["2", branch],
      ]),
      { concurrency: 1 },
    );
    expect([...all]).toEqual([
      ["10", 0],
      ["2", 1],
    ]);
    expect(order).toEqual(["10", "2"]);
    expect(await join([["x", () => 1] as const])).toEqual(new Map([["x", 1]]));
  });

  it("[F29] refuses a name that comes twice", () => {
    const error = thrown(() => join([["a", () => 1] as const, ["a", () => 2] as const]));
    expect(error).toBeInstanceOf(GraphError);
    expect(error).toMatchObject({
      name: "GraphError",
      code: "ERR_GRAPH",
      reason: "duplicate_name",
      path: ["a"],
      message: 'There are two branches "a"; names must differ',
    });
  });

  it("[F74] takes promises, other thenables and plain values", async () => {
    const all = await join({
      plain: () => 1,
      promise: () => Promise.resolve(2),
      thenable: () => ({
        then: (resolve: (value: number) => void) => {
          resolve(3);
        },
      }),
      nothing: () => undefined,
    });
    expect(all).toEqual({ plain: 1, promise: 2, thenable: 3, nothing: undefined });
  });

  it("[F74, JM9] starts branches in the call, in order", () => {
    const gates = new Gates();
    void join(gates.branches("b", "a", "c"));
    expect(gates.started).toEqual(["b", "a", "c"]);
  });

  it("calls a branch with nothing but its context", async () => {
    const seen: unknown[] = [];
    await join({
      a: function (this: unknown, ...args: unknown[]) {
        seen.push(this, args.length);
      },
    });
    expect(seen).toEqual([undefined, 1]);
  });

  it("shows the branch its name and where it was declared", async () => {
    const about = ({ name, index }: BranchContext): string => `${name} ${index}`;
    expect(await join({ x: about, y: about })).toEqual({ x: "x 0", y: "y 1" });
  });
});

describe("how many run at a time", () => {
  it.each([1, 2, 3, 5, 8, 9, Infinity])(
    "[JM9, F58, F59, F63, P73, U3] are at most as many as `concurrency` says: %d of 8",
    async (concurrency) => {
      const gates = new Gates();
      const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
      const all = join(gates.branches(...names), { concurrency });
      while (gates.open.length > 0) await gates.end(gates.open.at(-1) ?? "");
      expect(await all).toEqual(Object.fromEntries(names.map((name) => [name, name])));
      expect(gates.most).toBe(Math.min(concurrency, 8));
      expect(gates.started).toEqual(names);
    },
  );

  it("[P74, F77] are one with 1, which starts the next as soon as one has ended", async () => {
    const gates = new Gates();
    const all = join(gates.branches("a", "b", "c"), { concurrency: 1 });
    for (const name of ["a", "b", "c"]) {
      expect(gates.open).toEqual([name]);
      await gates.end(name);
    }
    expect(Object.keys(await all)).toEqual(["a", "b", "c"]);
  });

  it("[F70] gives a branch its own time from when it starts: it is not called before", async () => {
    const gates = new Gates();
    const all = join(gates.branches("a", "b"), { concurrency: 1 });
    await settled();
    expect(gates.started).toEqual(["a"]);
    await gates.end("a");
    expect(gates.started).toEqual(["a", "b"]);
    await gates.end("b");
    await all;
  });
});

describe("what is told meanwhile", () => {
  it("[F62, F63, F239] is each start, each end with its record, and at last all records in order", async () => {
    const gates = new Gates();
    const reports: JoinReport[] = [];
    const all = join(gates.branches("a", "b"), { report: (each) => reports.push(each) });
    await gates.end("b");
    await gates.end("a");
    await all;
    const a = { name: "a", index: 0, settled: 2, status: "succeeded", value: "a" };
    const b = { name: "b", index: 1, settled: 1, status: "succeeded", value: "b" };
    expect(reports).toEqual([
      { type: "start", name: "a", index: 0 },
      { type: "start", name: "b", index: 1 },
      { type: "settle", record: b },
      { type: "settle", record: a },
      { type: "end", records: [a, b] },
    ]);
  });

  it("[F156, U24] leaves out branches that were completed before, and takes what they made", async () => {
    const gates = new Gates();
    const reports: JoinReport[] = [];
    const all = join(gates.branches("a", "b", "c"), {
      completed: { a: "earlier", c: undefined },
      report: (each) => reports.push(each),
    });
    expect(gates.started).toEqual(["b"]);
    await gates.end("b");
    const result = await all;
    expect(result).toEqual({ a: "earlier", b: "b", c: undefined });
    expect(Object.keys(result)).toEqual(["a", "b", "c"]);
    expect(reports.at(-1)).toEqual({
      type: "end",
      records: [
        { name: "a", index: 0, status: "succeeded", value: "earlier" },
        { name: "b", index: 1, settled: 1, status: "succeeded", value: "b" },
        { name: "c", index: 2, status: "succeeded", value: undefined },
      ],
    });
    expect(await join(gates.branches("d"), { completed: new Map([["d", 1]]) })).toEqual({ d: 1 });
  });
});
