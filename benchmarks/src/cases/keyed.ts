import { at } from "../harness/at.ts";
import { keyedMutexes, keyedRwLocks } from "../contestants.ts";
import type { KeyedAdapter } from "../harness/adapters.ts";
import { type Case, type Contestant, defineCase, type Runner, type Size, time } from "../harness/case.ts";
import { zipf } from "../harness/random.ts";

type Loops = typeof import("../loops/keyed.ts");

async function loopsFor(name: string): Promise<Loops["default"]> {
  const { default: loops } = (await import(`../loops/keyed.ts?for=${encodeURIComponent(name)}`)) as Loops;
  return loops;
}

const step = 1_000;

/** One use after the other, the keys in turn: so many at a time, and the next ones in the next batch. */
async function stream(
  adapter: KeyedAdapter,
  name: string,
  keys: readonly string[],
): Promise<Runner | undefined> {
  const loops = await loopsFor(name);
  const lock = adapter.create();
  const { acquire, release, run } = adapter;
  let work: (keys: readonly string[]) => Promise<void>;
  if (acquire !== undefined && release !== undefined) {
    const calls = { acquire, release };
    work = (some) => loops.stream(calls, lock, some);
  } else if (run !== undefined) {
    const calls = { run };
    work = (some) => loops.streamRun(calls, lock, some);
  } else return undefined;
  const parts: string[][] = [];
  for (let start = 0; start < keys.length; start += step) parts.push(keys.slice(start, start + step));
  let next = 0;
  return {
    run: async (batches) => ({
      time: await time(batches * at(parts, 0).length, async () => {
        for (let batch = 0; batch < batches; batch += 1) {
          await work(at(parts, next));
          next = (next + 1) % parts.length;
        }
      }),
    }),
  };
}

/** A task per entry of `keys`, all at once. */
async function contended(
  adapter: KeyedAdapter,
  name: string,
  keys: readonly string[],
  turns: number,
): Promise<Runner | undefined> {
  const loops = await loopsFor(name);
  const lock = adapter.create();
  const { acquire, release, runAsync } = adapter;
  let work: () => Promise<void>;
  if (acquire !== undefined && release !== undefined) {
    const calls = { acquire, release };
    work = () => loops.contend(calls, lock, keys, turns);
  } else if (runAsync !== undefined) {
    const calls = { runAsync };
    work = () => loops.contendRun(calls, lock, keys, turns);
  } else return undefined;
  return {
    run: async (batches) => ({
      time: await time(batches * keys.length * turns, async () => {
        for (let batch = 0; batch < batches; batch += 1) await work();
      }),
    }),
  };
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `/home/someone/project/src/file-${index}.ts`);
}

const hotKey = "/home/someone/project/src/index.ts";

function hotFree(kind: string, contestants: readonly Contestant<KeyedAdapter>[]): Case {
  return defineCase({
    id: `${kind}/hot-free`,
    title: `${kind}, one key, nobody else: await acquire(key), release()`,
    metrics: { time: "ns" },
    floor: "map + list",
    contestants,
    prepare: (adapter, name) => stream(adapter, name, new Array<string>(step).fill(hotKey)),
  });
}

function hot(kind: string, contestants: readonly Contestant<KeyedAdapter>[]): Case {
  return defineCase({
    id: `${kind}/hot-1000`,
    title: `${kind}, one key, 1,000 tasks at once`,
    metrics: { time: "ns" },
    floor: "map + list",
    contestants: contestants.filter(({ name }) => name !== "bare map"),
    prepare(adapter, name, size: Size) {
      return contended(adapter, name, new Array<string>(size === "tiny" ? 10 : 1_000).fill(hotKey), 10);
    },
  });
}

export const keyedCases: readonly Case[] = [
  hotFree("keyed", keyedMutexes),
  hot("keyed", keyedMutexes),
  defineCase({
    id: "keyed/distinct",
    title: "keyed, 100,000 keys one after the other, each used once",
    metrics: { time: "ns" },
    floor: "map + list",
    contestants: keyedMutexes,
    prepare: (adapter, name, size) => stream(adapter, name, names(size === "tiny" ? 100 : 100_000)),
  }),
  defineCase({
    id: "keyed/zipf",
    title: "keyed, 10,000 tasks at once over 10,000 keys, Zipf",
    metrics: { time: "ns" },
    floor: "map + list",
    contestants: keyedMutexes.filter(({ name }) => name !== "bare map"),
    prepare(adapter, name, size) {
      const count = size === "tiny" ? 50 : 10_000;
      const keys = names(count);
      const drawn = zipf(count, count, 7).map((index) => at(keys, index));
      return contended(adapter, name, drawn, 1);
    },
  }),
  hotFree("keyed-rw", keyedRwLocks),
  hot("keyed-rw", keyedRwLocks),
];
