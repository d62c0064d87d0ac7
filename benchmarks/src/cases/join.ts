import { setTimeout as sleep } from "node:timers/promises";
import { graphs, joins } from "../contestants.ts";
import { type Branches, branchesOf, chainOf, layersOf, type Task } from "../harness/branches.ts";
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

/** Six branches that wait for the same time. */
const leaves: Branches = Object.fromEntries(
  Array.from({ length: 6 }, (_, index) => [
    `leaf${index}`,
    async () => {
      await sleep(20);
      return { [`key${index}`]: index };
    },
  ]),
);

const fanOut = defineCase({
  id: "join/fan-out",
  title:
    "join of six branches that wait for 20 ms each, six at a time; per branch, which are 20 ms one after the other",
  metrics: { time: "ns" },
  floor: "Promise.all + assign",
  contestants: joins,
  prepare({ prepare, joinMerge, limited: bounded = joinMerge }) {
    const prepared = prepare(leaves);
    return Promise.resolve({
      run: async (batches: number) => ({
        time: await time(batches * 6, async () => {
          for (let i = 0; i < batches; i += 1) await bounded(prepared, 6);
        }),
      }),
    });
  },
});

const graphOf = (id: string, title: string, tasks: readonly Task[]): Case =>
  defineCase({
    id: `join/${id}`,
    title: `${title}; per task`,
    metrics: { time: "ns" },
    floor: "awaits by hand",
    contestants: graphs,
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
  fanOut,
  graphOf("chain-1000", "graph of 1,000 tasks, each after the one before", chainOf(1000)),
  graphOf(
    "layers-1000",
    "graph of 1,000 tasks in layers of 50, each after three of the layer before",
    layersOf(1000, 50),
  ),
];
