import { setTimeout as sleep } from "node:timers/promises";
import { graphs, joins, merges, waits } from "../contestants.ts";
import { type Branches, branchesOf, chainOf, layersOf, outputsOf, type Task } from "../harness/branches.ts";
import { type Case, defineCase, time } from "../harness/case.ts";

type Loops = typeof import("../loops/join.ts");

/** A copy of the loops for one contestant alone. */
async function loopsFor(name: string): Promise<Loops["default"]> {
  const { default: loops } = (await import(`../loops/join.ts?for=${encodeURIComponent(name)}`)) as Loops;
  return loops;
}

const joinOf = (count: number): Case =>
  defineCase({
    id: `join/${count}`,
    title: `join of ${count.toLocaleString("en")} branches of one microtask, their objects merged; per branch`,
    metrics: { time: "ns" },
    floor: "branches alone",
    contestants: joins,
    async prepare(adapter, name) {
      const loops = await loopsFor(name);
      const prepared = adapter.prepare(branchesOf(count));
      const rounds = Math.ceil(1000 / count);
      return {
        run: async (batches) => ({
          time: await time(batches * rounds * count, () =>
            loops.joinMerge(adapter, prepared, batches * rounds),
          ),
        }),
      };
    },
  });

const limited = defineCase({
  id: "join/1000-by-10",
  title: "join of 1,000 branches of one microtask, 10 at a time; per branch",
  metrics: { time: "ns" },
  floor: "branches alone",
  contestants: joins,
  async prepare({ limited: run, ...adapter }, name) {
    if (run === undefined) return undefined;
    const loops = await loopsFor(name);
    const prepared = adapter.prepare(branchesOf(1000));
    return {
      run: async (batches) => ({
        time: await time(batches * 1000, () => loops.limited({ limited: run }, prepared, 10, batches)),
      }),
    };
  },
});

/** Branches that wait for so many milliseconds each. */
const waitsOf = (milliseconds: readonly number[]): Branches =>
  Object.fromEntries(
    milliseconds.map((wait, index) => [
      `leaf${index}`,
      async () => {
        await sleep(wait);
        return { [`key${index}`]: index };
      },
    ]),
  );

const fanOut = (id: string, title: string, milliseconds: readonly number[]): Case =>
  defineCase({
    id: `join/${id}`,
    title: `join of six branches that wait for ${title}, six at a time; all of them`,
    metrics: { time: "ns" },
    floor: "one at a time",
    contestants: waits,
    prepare({ prepare, joinMerge, limited: bounded = joinMerge }) {
      const prepared = prepare(waitsOf(milliseconds));
      return Promise.resolve({
        run: async (batches: number) => ({
          time: await time(batches, async () => {
            for (let i = 0; i < batches; i += 1) await bounded(prepared, 6);
          }),
        }),
      });
    },
  });

const mergeOf = (count: number, keys: number): Case =>
  defineCase({
    id: `join/merge-${count}x${keys}`,
    title: `merge of ${count.toLocaleString("en")} outputs of ${keys} ${keys === 1 ? "key" : "keys"}, all of which differ; per key`,
    metrics: { time: "ns" },
    floor: "assign loop",
    contestants: merges,
    async prepare(adapter, name) {
      const loops = await loopsFor(name);
      const outputs = outputsOf(count, keys);
      const rounds = Math.ceil(1000 / (count * keys));
      return {
        run: async (batches) => ({
          time: await time(batches * rounds * count * keys, () => {
            loops.merge(adapter, outputs, batches * rounds);
            return Promise.resolve();
          }),
        }),
      };
    },
  });

const graphOf = (id: string, title: string, tasks: readonly Task[], contestants = graphs): Case =>
  defineCase({
    id: `join/${id}`,
    title: `${title}; per task`,
    metrics: { time: "ns" },
    floor: "awaits by hand",
    contestants,
    async prepare(adapter, name) {
      const loops = await loopsFor(name);
      const prepared = adapter.prepare(tasks);
      return {
        run: async (batches) => ({
          time: await time(batches * tasks.length, () => loops.graph(adapter, prepared, batches)),
        }),
      };
    },
  });

export const joinCases: readonly Case[] = [
  joinOf(2),
  joinOf(10),
  joinOf(1000),
  limited,
  fanOut("fan-out", "50 ms each", [50, 50, 50, 50, 50, 50]),
  fanOut("fan-out-uneven", "10 to 60 ms", [10, 20, 30, 40, 50, 60]),
  mergeOf(10, 10),
  mergeOf(1000, 1),
  graphOf("chain-1000", "graph of 1,000 tasks, each after the one before", chainOf(1000)),
  graphOf(
    "chain-10000",
    "graph of 10,000 tasks, each after the one before",
    chainOf(10_000),
    // async walks all tasks for each: 2 ms per task.
    graphs.filter(({ name }) => !name.startsWith("async")),
  ),
  graphOf(
    "layers-1000",
    "graph of 1,000 tasks in layers of 50, each after three of the layer before",
    layersOf(1000, 50),
  ),
];
