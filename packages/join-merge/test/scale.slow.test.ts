import { describe, expect, it } from "vitest";
import { GraphError, joinGraph, type Task } from "../src/index.js";

describe("a graph", () => {
  it("[F223, F221] may be a chain of 10,000, or 20,000 tasks in layers, without a stack that overflows", async () => {
    const chain = Array.from({ length: 10_000 }, (_, index): [string, Task] => [
      `n${index}`,
      {
        dependsOn: index === 0 ? [] : [`n${index - 1}`],
        run: ({ deps }) => (index === 0 ? 0 : (deps[`n${index - 1}`] as number) + 1),
      },
    ]);
    expect((await joinGraph(chain)).get("n9999")).toBe(9999);
    const failing = chain.map(([name, each], index): [string, Task] => [
      name,
      index === 0 ? { run: () => Promise.reject(new Error("root")) } : each,
    ]);
    const skipped = await joinGraph(failing, { mode: "wait-all" });
    expect(skipped.get("n9999")).toEqual({ status: "skipped", because: "n0" });
    const layers = Array.from({ length: 20_000 }, (_, index): [string, Task] => {
      const above = (Math.floor(index / 100) - 1) * 100;
      const dependsOn =
        index < 100 ? [] : [1, 3, 7].map((step) => `n${above + ((index * step + step) % 100)}`);
      return [`n${index}`, { dependsOn: [...new Set(dependsOn)], run: () => index }];
    });
    const all = await joinGraph(layers, { concurrency: 10 });
    expect([all.size, all.get("n19999")]).toEqual([20_000, 19_999]);
    expect(() => joinGraph([...chain.slice(1), ["n0", { dependsOn: ["n9999"], run: () => 0 }]])).toThrow(
      GraphError,
    );
  }, 20_000);
});
