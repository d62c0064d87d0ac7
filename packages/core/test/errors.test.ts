import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import {
  CanceledError,
  ClosedError,
  DeadlockError,
  isLockError,
  LockError,
  QueueFullError,
  TimeoutError,
} from "../src/index.js";

const errors = [
  { error: new TimeoutError("late", 5), name: "TimeoutError", code: "ERR_TIMEOUT" },
  { error: new CanceledError("canceled"), name: "AbortError", code: "ERR_CANCELED" },
  { error: new ClosedError("closed"), name: "ClosedError", code: "ERR_CLOSED" },
  { error: new QueueFullError("full", 2), name: "QueueFullError", code: "ERR_QUEUE_FULL" },
  { error: new DeadlockError("cycle", ["a", "b"]), name: "DeadlockError", code: "ERR_DEADLOCK" },
] as const;

describe("the errors", () => {
  for (const { error, name, code } of errors)
    it(`[L17, L18] ${code} is an Error with its name, code and message, and a stack of its own`, () => {
      expect(error).toBeInstanceOf(LockError);
      expect(error).toBeInstanceOf(Error);
      expect([error.name, error.code]).toEqual([name, code]);
      expect(String(error)).toBe(`${name}: ${error.message}`);
      expect(error.stack).toContain("errors.test");
      expect(isLockError(error)).toBe(true);
      expect(errors.filter((each) => isLockError(error, each.code)).map((each) => each.code)).toEqual([code]);
    });

  it("[L17] carries the limit that passed or was reached, and the chain of a deadlock", () => {
    expect(new TimeoutError("late", 5).timeout).toBe(5);
    expect(new QueueFullError("full", 2).limit).toBe(2);
    expect(new DeadlockError("cycle", ["a", "b"]).chain).toEqual(["a", "b"]);
  });

  it("[L17] is told from everything else, whatever that is", () => {
    const others: unknown[] = [
      undefined,
      null,
      5,
      "ERR_TIMEOUT",
      {},
      { code: "ERR_TIMEOUT", name: "TimeoutError" },
      new Error("mine"),
      AbortSignal.timeout(0),
      new DOMException("late", "TimeoutError"),
      Object.assign(() => undefined, { code: "ERR_TIMEOUT" }),
      runInNewContext("new Error('theirs')"),
    ];
    for (const other of others)
      expect([isLockError(other), isLockError(other, "ERR_TIMEOUT")]).toEqual([false, false]);
  });

  it("[L17] is known across two copies of the package, where instanceof is not", () => {
    // Another copy has classes of its own; what it shares is the registered symbol.
    class Theirs extends Error {}
    Object.defineProperty(Theirs.prototype, Symbol.for("holdfast.LockError"), { value: true });
    const error = Object.assign(new Theirs("theirs"), { code: "ERR_CLOSED" });
    expect(error).not.toBeInstanceOf(LockError);
    expect([isLockError(error), isLockError(error, "ERR_CLOSED"), isLockError(error, "ERR_TIMEOUT")]).toEqual(
      [true, true, false],
    );
  });

  it("[L17] carries the mark by which every copy knows it", async () => {
    vi.resetModules();
    const copy = await import("../src/index.js");
    const error = new copy.ClosedError("closed");
    expect(Reflect.get(error, Symbol.for("holdfast.LockError"))).toBe(true);
    expect(isLockError(error, "ERR_CLOSED")).toBe(true);
    expect(Object.keys(error)).not.toContain("holdfast.LockError");
  });
});
