import { mutexes } from "../contestants.ts";
import { type Case, defineCase, type Runner, type Size, time } from "../harness/case.ts";

type Loops = typeof import("../loops/mutex.ts");

/** A copy of the loops for one contestant alone. */
async function loopsFor(name: string): Promise<Loops["default"]> {
  const { default: loops } = (await import(`../loops/mutex.ts?for=${encodeURIComponent(name)}`)) as Loops;
  return loops;
}

const step = 1_000;

function timed(operations: number, work: (batches: number) => Promise<void>): Runner {
  return {
    run: async (batches) => ({ time: await time(batches * operations, () => work(batches)) }),
  };
}

const uncontended = defineCase({
  id: "mutex/uncontended",
  title: "mutex, nobody else: await acquire(), release()",
  metrics: { time: "ns" },
  floor: "await undefined",
  contestants: mutexes,
  async prepare({ acquire, release, ...adapter }, name) {
    if (acquire === undefined || release === undefined) return undefined;
    const loops = await loopsFor(name);
    const lock = adapter.create();
    const calls = { acquire, release };
    return timed(step, (batches) => loops.acquireRelease(calls, lock, batches * step));
  },
});

const run = defineCase({
  id: "mutex/run",
  title: "mutex, nobody else: a synchronous body through with() or what the peer calls it",
  metrics: { time: "ns" },
  floor: "await undefined",
  contestants: mutexes,
  async prepare({ run, ...adapter }, name) {
    if (run === undefined) return undefined;
    const loops = await loopsFor(name);
    const lock = adapter.create();
    const calls = { run };
    return timed(step, (batches) => loops.run(calls, lock, batches * step));
  },
});

const tryAcquire = defineCase({
  id: "mutex/try",
  title: "mutex, nobody else: tryAcquire() ?? await acquire(), release()",
  metrics: { time: "ns" },
  floor: "await undefined",
  contestants: mutexes,
  async prepare({ acquire, release, tryAcquire, ...adapter }, name) {
    const loops = await loopsFor(name);
    const lock = adapter.create();
    if (acquire === undefined || release === undefined) return undefined;
    if (name === "await undefined") {
      const calls = { acquire, release };
      return timed(step, (batches) => loops.acquireRelease(calls, lock, batches * step));
    }
    if (tryAcquire === undefined) return undefined;
    const calls = { acquire, release, tryAcquire };
    return timed(step, (batches) => loops.tryOrAcquire(calls, lock, batches * step));
  },
});

/** Those who would take minutes for 100,000 waiters. */
const quadratic = ["effect", "web locks", "@matrixai"];

function contended(tasks: number, large: boolean): Case {
  return defineCase({
    id: `mutex/${tasks}`,
    title: `mutex, ${tasks.toLocaleString("en")} tasks at once`,
    metrics: { time: "ns" },
    floor: "list",
    large,
    contestants: mutexes.filter(
      ({ name }) => !name.startsWith("fresh") && (tasks < 100_000 || !quadratic.includes(name)),
    ),
    async prepare({ acquire, release, runAsync, ...adapter }, name, size: Size) {
      const loops = await loopsFor(name);
      const lock = adapter.create();
      const count = size === "tiny" ? 10 : tasks;
      const turns = size === "tiny" ? 2 : Math.max(1, 10_000 / tasks);
      if (acquire !== undefined && release !== undefined) {
        const calls = { acquire, release };
        return timed(count * turns, async (batches) => {
          for (let batch = 0; batch < batches; batch += 1) await loops.contend(calls, lock, count, turns);
        });
      }
      if (runAsync === undefined) return undefined;
      const calls = { runAsync };
      return timed(count * turns, async (batches) => {
        for (let batch = 0; batch < batches; batch += 1) await loops.contendRun(calls, lock, count, turns);
      });
    },
  });
}

export const mutexCases: readonly Case[] = [
  uncontended,
  run,
  tryAcquire,
  contended(10, false),
  contended(1_000, false),
  contended(10_000, false),
  contended(100_000, true),
];
