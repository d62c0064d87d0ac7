import { prioritized, priorityAbortables } from "../contestants.ts";
import type { PriorityAdapter } from "../harness/adapters.ts";
import { at } from "../harness/at.ts";
import { type Case, defineCase, type Runner, time } from "../harness/case.ts";
import { randomRanks } from "../harness/classes.ts";
import { abortion, plans } from "./abort.ts";

type Loops = typeof import("../loops/priority.ts");

/** A copy of the loops for one contestant alone. */
async function loopsFor(name: string): Promise<Loops["default"]> {
  const { default: loops } = (await import(`../loops/priority.ts?for=${encodeURIComponent(name)}`)) as Loops;
  return loops;
}

const step = 1_000;

/** The classes of those who come. */
function ranksOf(count: number, classes: number): Uint8Array {
  return Uint8Array.from({ length: count }, randomRanks(classes));
}

function timed(operations: number, work: (batches: number) => Promise<void>): Runner {
  return {
    run: async (batches) => ({ time: await time(batches * operations, () => work(batches)) }),
  };
}

function uncontended(classes: number): Case {
  const rank = classes >> 1;
  return defineCase({
    id: classes === 1 ? "priority/uncontended" : `priority/uncontended-${classes}`,
    title: `priority lock, ${classes === 1 ? "one class" : `the middle one of ${classes} classes`}, nobody else: await acquire(), release()`,
    metrics: { time: "ns" },
    floor: "Mutex",
    contestants: prioritized,
    async prepare({ acquire, release, ...adapter }, name) {
      if (acquire === undefined || release === undefined) return undefined;
      const loops = await loopsFor(name);
      const lock = adapter.create(classes);
      const calls = { acquire, release };
      return timed(step, (batches) => loops.acquireRelease(calls, lock, rank, batches * step));
    },
  });
}

const run = defineCase({
  id: "priority/run",
  title:
    "priority lock, the middle one of 5 classes, nobody else: a synchronous body through with() or what the peer calls it",
  metrics: { time: "ns" },
  floor: "Mutex",
  contestants: prioritized,
  async prepare({ run, ...adapter }, name) {
    if (run === undefined) return undefined;
    const loops = await loopsFor(name);
    const lock = adapter.create(5);
    const calls = { run };
    return timed(step, (batches) => loops.run(calls, lock, 2, batches * step));
  },
});

const contended = defineCase({
  id: "priority/1000",
  title: "priority lock, 1,000 tasks at once in 5 classes",
  metrics: { time: "ns" },
  floor: "Mutex",
  contestants: prioritized,
  async prepare({ acquire, release, runAsync, ...adapter }, name, size) {
    const loops = await loopsFor(name);
    const lock = adapter.create(5);
    const ranks = ranksOf(size === "tiny" ? 10 : 1_000, 5);
    const turns = size === "tiny" ? 2 : 10;
    let work: () => Promise<void>;
    if (acquire !== undefined && release !== undefined) {
      const calls = { acquire, release };
      work = () => loops.contend(calls, lock, ranks, turns);
    } else if (runAsync !== undefined) {
      const calls = { runAsync };
      work = () => loops.contendRun(calls, lock, ranks, turns);
    } else return undefined;
    return timed(ranks.length * turns, async (batches) => {
      for (let batch = 0; batch < batches; batch += 1) await work();
    });
  },
});

/** Takes a lock, which is free, and answers how to let go. */
async function hold(adapter: PriorityAdapter, lock: unknown): Promise<() => void> {
  const { acquire, release, runAsync } = adapter;
  if (acquire !== undefined && release !== undefined) {
    const held = await acquire(lock, 0);
    return () => {
      release(lock, held);
    };
  }
  return new Promise((held) => {
    void runAsync?.(
      lock,
      0,
      () =>
        new Promise<void>((letGo) => {
          held(letGo);
        }),
    );
  });
}

function drained(waiters: number, classes: number, large = false): Case {
  return defineCase({
    id: `priority/${waiters}-${classes}`,
    title: `priority lock, ${waiters.toLocaleString("en")} come in ${classes} classes while it is held, and are let in; per waiter`,
    metrics: { time: "ns" },
    floor: "heap",
    large,
    // Who excludes nobody lets nobody wait. The mutex has no classes: its like here is the list.
    contestants: prioritized.filter(({ name }) => name !== "await undefined" && name !== "Mutex"),
    async prepare(adapter, name, size) {
      const loops = await loopsFor(name);
      const lock = adapter.create(classes);
      const ranks = ranksOf(size === "tiny" ? 20 : waiters, classes);
      const served = new Uint32Array(ranks.length);
      const expected = Uint32Array.from(ranks.keys());
      if (adapter.order !== "FIFO")
        expected.sort((one, other) => at(ranks, one) - at(ranks, other) || one - other);
      const { acquire, release, runAsync } = adapter;
      let work: (letGo: () => void) => Promise<void>;
      if (acquire !== undefined && release !== undefined) {
        const calls = { acquire, release };
        work = (letGo) => loops.drain(calls, lock, ranks, served, letGo);
      } else if (runAsync !== undefined) {
        const calls = { runAsync };
        work = (letGo) => loops.drainRun(calls, lock, ranks, served, letGo);
      } else return undefined;
      return {
        async run(batches) {
          let each = 0;
          for (let batch = 0; batch < batches; batch += 1) {
            const letGo = await hold(adapter, lock);
            each += await time(batches * ranks.length, () => work(letGo));
            if (served.some((index, place) => index !== expected[place]))
              throw new Error(`${name} did not let them in ${adapter.order}`);
          }
          return { time: each };
        },
      };
    },
  });
}

export const priorityCases: readonly Case[] = [
  uncontended(1),
  uncontended(5),
  run,
  contended,
  drained(1_000, 3),
  drained(10_000, 2),
  drained(10_000, 3),
  drained(10_000, 5),
  drained(100_000, 3, true),
  abortion({
    id: "priority/abort-10000",
    title: "abort of 10,000 waiters in 5 classes, a signal each, at random; per waiter",
    count: 10_000,
    plan: at(plans, 2),
    contestants: priorityAbortables,
  }),
];
