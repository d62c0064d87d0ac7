import { setImmediate as breath } from "node:timers/promises";
import { abortablesAndTimeouts, idRegistries, keyedMutexes, mutexes, prioritized } from "../contestants.ts";
import type { AbortAdapter, MutexAdapter } from "../harness/adapters.ts";
import { type Case, defineCase, type Runner, type Size } from "../harness/case.ts";
import { asMutex } from "../harness/classes.ts";
import { firstIds, loopsFor } from "./ids.ts";
import { Crowd, type Plan, plans } from "./abort.ts";

const reason = new Error("Aborted by the benchmark");
const maxRounds = 4;

async function heap(): Promise<number> {
  // More than once, in different turns: what a weak reference or a pending callback held at first is gone at last.
  for (let times = 0; times < 3; times += 1) {
    await breath();
    globalThis.gc?.();
  }
  return process.memoryUsage().heapUsed;
}

const excluding = ({ name }: { readonly name: string }): boolean =>
  !name.startsWith("fresh") && name !== "await undefined";

const ofWaiters: Pick<Case, "metrics" | "floor" | "maxRounds" | "singleBatch"> = {
  metrics: { task: "B", promise: "B" },
  floor: "list",
  maxRounds,
  singleBatch: true,
};

const waiters = defineCase({
  id: "memory/waiter",
  title: "what one of 10,000 waiters keeps: its promise alone, and a whole task that waits",
  ...ofWaiters,
  contestants: mutexes.filter(excluding),
  prepare: (adapter, _name, size) => Promise.resolve(bytesPerWaiter(adapter, size)),
});

const priorityWaiters = defineCase({
  id: "memory/priority-waiter",
  title: "what one of 10,000 waiters in 5 classes keeps: its promise alone, and a whole task that waits",
  ...ofWaiters,
  contestants: prioritized.filter(excluding),
  prepare: (adapter, _name, size) => Promise.resolve(bytesPerWaiter(asMutex(adapter), size)),
});

function bytesPerWaiter({ acquire, release, ...adapter }: MutexAdapter, size: Size): Runner | undefined {
  if (acquire === undefined || release === undefined) return undefined;
  const count = size === "tiny" ? 20 : 10_000;
  const task = async (lock: unknown): Promise<void> => {
    const held = await acquire(lock);
    release(lock, held);
  };
  const perWaiter = async (start: (lock: unknown) => unknown): Promise<[bytes: number, all: unknown[]]> => {
    const lock = adapter.create();
    const holder = await acquire(lock);
    const waits = new Array<unknown>(count).fill(undefined);
    const before = await heap();
    for (let i = 0; i < count; i += 1) waits[i] = start(lock);
    const bytes = ((await heap()) - before) / count;
    release(lock, holder);
    return [bytes, waits];
  };
  return {
    run: async () => {
      const [perTask, tasks] = await perWaiter(task);
      await Promise.all(tasks);
      let only: unknown;
      const [perPromise, promises] = await perWaiter((lock) => {
        only = lock;
        return acquire(lock);
      });
      // Not one after the other: not all locks let them in in the order in which they came.
      await Promise.all(
        promises.map(async (promise) => {
          release(only, await promise);
        }),
      );
      return { task: perTask, promise: perPromise };
    },
  };
}

/** The two that take minutes for a million keys. */
const tooSlow = ["@matrixai", "web locks"];

const distinctKeys = defineCase({
  id: "memory/distinct-keys",
  title: "1,000,000 keys, each used once: what is kept per key, and how many keys it says it has",
  metrics: { heap: "B left", size: "left" },
  floor: "map + list",
  maxRounds: 2,
  singleBatch: true,
  contestants: keyedMutexes.filter(({ name }) => !tooSlow.includes(name)),
  async prepare(adapter, name, size) {
    const { default: loops } = (await import(
      `../loops/keyed.ts?for=${encodeURIComponent(name)}`
    )) as typeof import("../loops/keyed.ts");
    const count = size === "tiny" ? 100 : 1_000_000;
    let run = 0;
    // Outside, so that the lock lives until its memory has been measured.
    let lock: unknown;
    return {
      async run() {
        lock = adapter.create();
        run += 1;
        // What is made once is not counted.
        await loops.fresh(adapter, lock, `warm-up ${run} `, Math.min(count, 1_000));
        const before = await heap();
        await loops.fresh(adapter, lock, `key of run ${run} `, count);
        const left = ((await heap()) - before) / count;
        return adapter.size === undefined ? { heap: left } : { heap: left, size: adapter.size(lock) };
      },
    };
  },
});

const heldIds = defineCase({
  id: "memory/held-id",
  title: "what one of 100,000 ids that are reserved keeps, the id itself not counted",
  metrics: { heap: "B" },
  floor: "set + closure",
  maxRounds,
  singleBatch: true,
  contestants: idRegistries,
  async prepare(adapter, name, size) {
    const loops = await loopsFor(name);
    const ids = firstIds(adapter.idOf, size === "tiny" ? 50 : 100_000);
    return {
      async run() {
        const registry = adapter.create();
        const before = await heap();
        const held = loops.hold(adapter, registry, ids);
        // The array in which they are held is not theirs.
        const each = ((await heap()) - before) / ids.length - 8;
        loops.letGo(adapter, registry, ids, held);
        return { heap: each };
      },
    };
  },
});

const endedIds = defineCase({
  id: "memory/ended-ids",
  title:
    "1,000,000 ids, each reserved and committed, or released where there is no commit: what is kept per id",
  metrics: { heap: "B left" },
  floor: "set + closure",
  maxRounds: 2,
  singleBatch: true,
  contestants: idRegistries,
  async prepare(adapter, name, size) {
    const loops = await loopsFor(name);
    const count = size === "tiny" ? 100 : 1_000_000;
    // Outside, so that it lives until its memory has been measured.
    let registry: unknown;
    return {
      async run() {
        registry = adapter.create();
        // What is made once is not counted.
        loops.fresh(adapter, registry, 0, Math.min(count, 1_000));
        const before = await heap();
        loops.fresh(adapter, registry, 1_000, count);
        return { heap: ((await heap()) - before) / count };
      },
    };
  },
});

function afterAbort(plan: Plan): Case {
  return defineCase({
    id: `memory/abort-${plan.name}`,
    title: `what a lock keeps of 10,000 waiters after their abort, ${
      plan.shared ? "one signal for all" : `a signal each, ${plan.random ? "at random" : "in order"}`
    }: heap per waiter, waiters, listeners, timers`,
    metrics: { heap: "B left", waiting: "left", listeners: "left", timers: "left" },
    floor: "listener per signal",
    maxRounds,
    singleBatch: true,
    contestants: abortablesAndTimeouts,
    prepare(adapter, _name, size) {
      const count = size === "tiny" ? 20 : 10_000;
      return Promise.resolve({
        async run() {
          const lock = adapter.create();
          const letGo = await adapter.hold(lock);
          const timersBefore = timers();
          const before = await heap();
          const listeners = await comeAndGo(adapter, lock, count, plan);
          const left = {
            heap: ((await heap()) - before) / count,
            listeners,
            timers: timers() - timersBefore,
          };
          const waiting = adapter.waiting?.(lock);
          letGo();
          return waiting === undefined ? left : { ...left, waiting };
        },
      });
    },
  });
}

/** All wait, all abort, and nobody knows of them any more; answers how many listeners were left on their signals. */
async function comeAndGo(adapter: AbortAdapter, lock: unknown, count: number, plan: Plan): Promise<number> {
  const crowd = new Crowd(count, plan);
  for (const signal of crowd.signals) crowd.waits.push(adapter.wait(lock, signal));
  crowd.watch();
  for (const controller of crowd.controllers) controller.abort(reason);
  await crowd.allSettled();
  return crowd.listeners;
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((type) => type === "Timeout").length;
}

export const memoryCases: readonly Case[] = [
  waiters,
  priorityWaiters,
  distinctKeys,
  heldIds,
  endedIds,
  ...plans.map(afterAbort),
];
