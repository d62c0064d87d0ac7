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

  it.each<[string, (index: number, count: number) => readonly number[]]>([
    ["a chain", (index) => (index === 0 ? [] : [index - 1])],
    ["a fan", (index) => (index === 0 ? [] : [0])],
    ["a funnel", (index, count) => (index === count - 1 ? [...Array(index).keys()] : [])],
  ])(
    "[F223] takes time in proportion to its size: %s of 20,000",
    async (_, dependenciesOf) => {
      const time = async (count: number, concurrency: number): Promise<number> => {
        const tasks = Array.from({ length: count }, (_, index): [string, Task] => [
          `n${index}`,
          { dependsOn: dependenciesOf(index, count).map((each) => `n${each}`), run: () => index },
        ]);
        let best = Infinity;
        for (let round = 0; round < 4; round += 1) {
          // Of this process alone, so that others on the machine do not count.
          const before = process.cpuUsage();
          await joinGraph(tasks, { concurrency });
          const { user, system } = process.cpuUsage(before);
          best = Math.min(best, user + system);
        }
        return best;
      };
      // Sixteen times as many take some 45 times as long, as they do not fit into the caches; were it the square, 256 times.
      for (const concurrency of [1, Infinity])
        expect((await time(20_000, concurrency)) / (await time(1250, concurrency))).toBeLessThan(100);
    },
    60_000,
  );
});
