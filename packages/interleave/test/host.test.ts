import { afterEach, describe, expect, it, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe("a macrotask", () => {
  it.each([
    ["setImmediate", []],
    ["a message", ["setImmediate"]],
    ["setTimeout", ["setImmediate", "MessageChannel"]],
  ])("through %s comes after all microtasks, and in order", async (_way, missing) => {
    for (const name of missing) vi.stubGlobal(name, undefined);
    const { queueMacrotask } = await import("../src/host.js");
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      queueMacrotask(() => order.push("first"));
      queueMacrotask(() => {
        order.push("second");
        resolve();
      });
      void Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => order.push("microtask"));
    });
    expect(order).toEqual(["microtask", "first", "second"]);
  });
});
