import { describe, expect, it } from "vitest";
import { isLockError, join, JoinError, joinMerge, type JoinReport, LockError } from "../src/index.js";
import { Gates, rejection, settled } from "./gates.js";

describe("fail-fast, in order", () => {
  it("[F78, F84, F107, JM4] rejects with what failed, and keeps what the others made", async () => {
    const gates = new Gates();
    const boom = new Error("boom");
    const failed = rejection(join(gates.branches("a", "b", "c"), { label: "nightly" }));
    await gates.end("a", 1);
    await gates.fail("b", boom);
    const error = (await failed) as JoinError;
    expect(error).toBeInstanceOf(JoinError);
    expect(error).toBeInstanceOf(LockError);
    expect(isLockError(error, "ERR_JOIN")).toBe(true);
    expect(error).toMatchObject({
      name: "JoinError",
      message: 'join "nightly": branch "b" failed: boom',
      branch: "b",
      cause: boom,
      errors: [boom],
      pending: [],
    });
    expect(Object.entries(error.partial)).toEqual([["a", 1]]);
    const reason = gates.stopped.get("c");
    expect(error.records).toEqual([
      { name: "a", index: 0, settled: 1, status: "succeeded", value: 1 },
      { name: "b", index: 1, settled: 2, status: "failed", error: boom },
      { name: "c", index: 2, settled: 3, status: "cancelled", reason, error: reason },
    ]);
    expect(isLockError(reason, "ERR_CANCELED")).toBe(true);
    expect(reason).toMatchObject({
      name: "AbortError",
      message: 'Cancelled: branch "b" failed: boom',
      cause: boom,
    });
  });

  it.each([
    ["ab", ["a", "b"]],
    ["ba", ["b", "a"]],
  ])("[F79, F66, U8] reports the first in order of several failures: %s", async (_, order) => {
    const gates = new Gates();
    const failed = rejection(
      join({ a: gates.branch("a"), b: gates.branch("b", false), c: gates.branch("c") }, { concurrency: 2 }),
    );
    for (const name of order) await gates.fail(name, name);
    const error = (await failed) as JoinError;
    expect([error.branch, error.cause]).toEqual(["a", "a"]);
    // Who fails after it was told to stop is cancelled, with what it threw.
    expect(error.errors).toEqual(order[0] === "b" ? ["a", "b"] : ["a"]);
    expect(error.records.map(({ status }) => status)).toEqual([
      "failed",
      order[0] === "b" ? "failed" : "cancelled",
      "not-started",
    ]);
    expect(error.message).toBe('join: branch "a" failed: a');
    expect(gates.started).toEqual(["a", "b"]);
  });

  it("[F79, U9] lets branches before the one that failed run to their end", async () => {
    const gates = new Gates();
    let isOver = false;
    const failed = rejection(join(gates.branches("a", "b"))).finally(() => (isOver = true));
    await gates.fail("b");
    expect([gates.stopped.size, isOver]).toEqual([0, false]);
    await gates.end("a");
    const error = (await failed) as JoinError;
    expect(error.branch).toBe("b");
    expect(error.partial).toEqual({ a: "a" });
  });

  it("[F65, U7] with 1 starts nothing after a failure", async () => {
    const gates = new Gates();
    const reports: JoinReport[] = [];
    const failed = rejection(
      join(gates.branches("a", "b", "c"), { concurrency: 1, report: (each) => reports.push(each) }),
    );
    await gates.fail("a");
    const { records } = (await failed) as JoinError;
    expect(gates.started).toEqual(["a"]);
    expect(records.map(({ status }) => status)).toEqual(["failed", "not-started", "not-started"]);
    expect(reports.map(({ type }) => type)).toEqual(["start", "settle", "end"]);
  });

  it("[P112] never starts a branch that waits when another fails, and does not wait for a slot to say so", async () => {
    const gates = new Gates();
    const failed = rejection(join(gates.branches("a", "b", "c"), { concurrency: 2 }));
    await gates.fail("a");
    await failed;
    expect(gates.started).toEqual(["a", "b"]);
  });
});

describe("fail-fast, eager", () => {
  it("[F80, U10, P103, P105] tells all others to stop, and reports the first failure in time", async () => {
    const gates = new Gates();
    const failed = rejection(join(gates.branches("a", "b", "c"), { failFast: "eager", concurrency: 2 }));
    await gates.fail("b", "b");
    const error = (await failed) as JoinError;
    expect(error.branch).toBe("b");
    expect(error.records.map(({ status }) => status)).toEqual(["cancelled", "failed", "not-started"]);
    expect([...gates.stopped.keys()]).toEqual(["a"]);
  });

  it("[F82, P105, P116] reports no failure of a branch that was told to stop, whatever it throws", async () => {
    const gates = new Gates();
    const failed = rejection(
      join({ a: gates.branch("a", false), b: gates.branch("b") }, { failFast: "eager" }),
    );
    await gates.fail("b", "first");
    await gates.fail("a", "late");
    const error = (await failed) as JoinError;
    expect([error.cause, error.errors]).toEqual(["first", ["first"]]);
    expect(error.records[0]).toMatchObject({
      status: "cancelled",
      error: "late",
      reason: { cause: "first" },
    });
  });

  it("[P115, P106] keeps what a branch made that was told to stop and did not", async () => {
    const gates = new Gates();
    const failed = rejection(
      join({ a: gates.branch("a", false), b: gates.branch("b") }, { failFast: "eager" }),
    );
    await gates.fail("b");
    await gates.end("a", "done");
    const error = (await failed) as JoinError;
    expect(error.partial).toEqual({ a: "done" });
    expect(error.records[0]).toMatchObject({ status: "succeeded", value: "done" });
  });

  it("[F82] knows a victim by what was done to it, and not by the name of its error", async () => {
    const gates = new Gates();
    const failed = rejection(join(gates.branches("a", "b"), { failFast: "eager" }));
    await gates.fail("a", new DOMException("not by us", "AbortError"));
    const error = (await failed) as JoinError;
    expect(error.branch).toBe("a");
    expect(error.records.map(({ status }) => status)).toEqual(["failed", "cancelled"]);
  });
});

describe("wait-all", () => {
  it("[F81, P107, P80, P128] stops nobody, and tells of each what became of it, in order", async () => {
    const gates = new Gates();
    const all = join(gates.branches("a", "b", "c"), { mode: "wait-all", concurrency: 2 });
    await gates.fail("b", "b");
    await gates.fail("a", "a");
    expect(gates.stopped.size).toBe(0);
    await gates.end("c");
    const result = await all;
    expect(Object.entries(result)).toEqual([
      ["a", { status: "failed", error: "a" }],
      ["b", { status: "failed", error: "b" }],
      ["c", { status: "succeeded", value: "c" }],
    ]);
  });

  it("[F81, F84] of a merge rejects when all have ended, with all failures in order", async () => {
    const gates = new Gates();
    const base = { x: 1 };
    const branches = gates.branches("a", "b", "c") as never as Record<"a" | "b" | "c", () => Promise<object>>;
    const failed = rejection(joinMerge(branches, { mode: "wait-all", base }));
    await gates.fail("c", "c");
    await gates.end("b", { y: 2 });
    await gates.fail("a", "a");
    const error = (await failed) as JoinError;
    expect([error.branch, error.errors]).toEqual(["a", ["a", "c"]]);
    expect(error.partial).toEqual({ b: { y: 2 } });
    expect(base).toEqual({ x: 1 });
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe("whatever a branch throws", () => {
  it("[F73, P127] counts the same thrown or rejected, and later branches are accounted for", async () => {
    const gates = new Gates();
    const failed = rejection(
      join({
        a: () => {
          throw new Error("at once");
        },
        b: gates.branch("b"),
      }),
    );
    const error = (await failed) as JoinError;
    expect(error.message).toBe('join: branch "a" failed: at once');
    expect(gates.started).toEqual(["b"]);
    expect(error.records[1]).toMatchObject({ status: "cancelled" });
  });

  it.each([
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
    [5n, "5"],
    [{ a: 1 }, "[object Object]"],
    [Object.create(null), "[object Object]"],
    [Symbol("s"), "Symbol(s)"],
  ])("[F107] is the cause of the error: %s", async (value, words) => {
    const error = (await rejection(join({ a: () => Promise.reject(value) }))) as JoinError;
    expect(error.message).toBe(`join: branch "a" failed: ${words}`);
    expect([error.cause, "cause" in error, error.errors]).toEqual([value, true, [value]]);
  });

  it.each<[string, unknown]>([
    ["a message without prototype", Object.assign(new Error(), { message: Object.create(null) as string })],
    [
      "a message that throws",
      Object.defineProperty(new Error(), "message", {
        get: () => {
          throw new Error("hostile");
        },
      }),
    ],
    ["a revoked proxy", revoked()],
    [
      "a tag that throws",
      {
        get [Symbol.toStringTag](): never {
          throw new Error("hostile");
        },
      },
    ],
  ])("[F107, JM1, JM6] is the cause also where it cannot be put into words: %s", async (_, value) => {
    const gates = new Gates();
    const branches = {
      a: () => {
        throw value;
      },
      b: gates.branch("b"),
    };
    const error = (await rejection(join(branches))) as JoinError;
    expect(error.message).toBe('join: branch "a" failed: an error that cannot be shown');
    expect(Object.is(error.cause, value)).toBe(true);
    expect(gates.stopped.get("b")).toMatchObject({
      message: 'Cancelled: branch "a" failed: an error that cannot be shown',
    });
  });

  it("[F107] is put into words although its message is a symbol", async () => {
    const value = Object.assign(new Error(), { message: Symbol("s") as never });
    const error = (await rejection(join({ a: () => Promise.reject(value) }))) as JoinError;
    expect(error.message).toBe('join: branch "a" failed: Symbol(s)');
  });

  it.each<[string, (promise: Promise<number>) => void]>([
    [
      "throws",
      (promise) => {
        promise.then = () => {
          throw new Error("hostile");
        };
      },
    ],
    [
      "settles twice",
      (promise) => {
        promise.then = ((done: (value: number) => void, fail: (error: Error) => void) => {
          done(2);
          fail(new Error("hostile"));
          done(3);
        }) as never;
      },
    ],
    [
      "never settles",
      (promise) => {
        promise.then = (() => undefined) as never;
      },
    ],
  ])(
    "[JM1, F240] takes a promise for what it is, as await does, though it has a `then` that %s",
    async (_, change) => {
      const ends: string[] = [];
      const promise = Promise.resolve(1);
      change(promise);
      const all = join(
        { a: () => promise, b: () => 2 },
        {
          report: (event) => {
            if (event.type === "settle") ends.push(event.record.name);
          },
        },
      );
      expect(await all).toEqual({ a: await promise, b: 2 });
      expect(ends).toEqual(["a", "b"]);
    },
  );

  it("[JM1, F73] is a failure too where a promise cannot be listened to", async () => {
    const promise = Promise.resolve(1);
    let asked = 0;
    void Object.defineProperty(promise, "constructor", {
      get: () => {
        asked += 1;
        if (asked > 1) throw new Error("hostile");
        return Promise;
      },
    });
    const error = (await rejection(join({ a: () => promise }))) as JoinError;
    expect(error.message).toBe('join: branch "a" failed: hostile');
  });

  it("[F73] is a failure too when it throws as it is asked for `then`", async () => {
    const hostile = {
      get then(): never {
        throw new Error("hostile");
      },
    };
    const error = (await rejection(join({ a: () => hostile }))) as JoinError;
    expect(error.message).toBe('join: branch "a" failed: hostile');
  });

  it("[F240] is settled once, and nothing is told afterwards", async () => {
    const gates = new Gates();
    const reports: JoinReport[] = [];
    const failed = rejection(
      join(
        { a: gates.branch("a"), b: gates.branch("b", false) },
        { drain: false, report: (each) => reports.push(each) },
      ),
    );
    await gates.fail("a");
    const error = (await failed) as JoinError;
    expect(reports.at(-1)).toEqual({ type: "end", records: error.records, error });
    const told = reports.length;
    await gates.end("b");
    await settled();
    expect(reports).toHaveLength(told);
    expect(error.records[1]).toEqual({ name: "b", index: 1, status: "running" });
  });
});
