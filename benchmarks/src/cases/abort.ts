import { getEventListeners } from "node:events";
import { abortables } from "../contestants.ts";
import { at } from "../harness/at.ts";
import type { AbortAdapter } from "../harness/adapters.ts";
import { type Case, type Contestant, defineCase } from "../harness/case.ts";
import { shuffled } from "../harness/random.ts";

type Loops = typeof import("../loops/abort.ts");

async function loopsFor(name: string): Promise<Loops["default"]> {
  const { default: loops } = (await import(`../loops/abort.ts?for=${encodeURIComponent(name)}`)) as Loops;
  return loops;
}

const reason = new Error("Aborted by the benchmark");

/** Who shares a signal, and the order in which the signals abort. */
export interface Plan {
  readonly name: string;
  readonly shared: boolean;
  readonly random: boolean;
}

export const plans: readonly Plan[] = [
  { name: "shared", shared: true, random: false },
  { name: "own", shared: false, random: false },
  { name: "own-random", shared: false, random: true },
];

/** Those who wait for a lock that is held, and their signals. */
export class Crowd {
  /** In the order in which they are to abort. */
  readonly controllers: readonly AbortController[];
  /** One for each of the crowd, in the order in which they come. */
  readonly signals: readonly AbortSignal[];
  readonly waits: Promise<unknown>[] = [];
  #settled = 0;
  #allSettled: (() => void) | undefined;

  constructor(count: number, { shared, random }: Plan) {
    const controllers = Array.from({ length: shared ? 1 : count }, () => new AbortController());
    this.signals = Array.from({ length: count }, (_, index) => at(controllers, shared ? 0 : index).signal);
    this.controllers = random ? shuffled(count, 11).map((index) => at(controllers, index)) : controllers;
  }

  /** Counts the waits that end, either way. */
  watch(): void {
    const settled = (): void => {
      this.#settled += 1;
      if (this.#settled === this.waits.length) this.#allSettled?.();
    };
    for (const wait of this.waits) void wait.then(settled, settled);
  }

  async allSettled(): Promise<void> {
    if (this.#settled < this.waits.length)
      await new Promise<void>((resolve) => {
        this.#allSettled = resolve;
      });
  }

  get listeners(): number {
    let count = 0;
    for (const { signal } of this.controllers) count += getEventListeners(signal, "abort").length;
    return count;
  }
}

interface Abortion {
  readonly id: string;
  readonly title: string;
  readonly count: number;
  readonly plan: Plan;
  readonly contestants: readonly Contestant<AbortAdapter>[];
}

/** So many wait, and then all of them give up. */
export function abortion({ id, title, count, plan, contestants }: Abortion): Case {
  return defineCase({
    id,
    title,
    metrics: { total: "ns", enqueue: "ns", abort: "ns" },
    floor: "listener per signal",
    contestants,
    async prepare(adapter, name, size) {
      const loops = await loopsFor(name);
      const waiters = size === "tiny" ? 20 : count;
      const aborts = adapter.aborted !== "never";
      return {
        async run(batches) {
          let enqueue = 0;
          let abort = 0;
          for (let batch = 0; batch < batches; batch += 1) {
            const lock = adapter.create();
            const letGo = await adapter.hold(lock);
            const crowd = new Crowd(waiters, plan);
            const start = performance.now();
            loops.enqueue(adapter, lock, crowd.signals, crowd.waits);
            enqueue += performance.now() - start;
            crowd.watch();
            if (aborts) {
              const abortStart = performance.now();
              loops.abortAll(crowd.controllers, reason);
              await crowd.allSettled();
              abort += performance.now() - abortStart;
            }
            letGo();
          }
          const scale = 1e6 / (batches * waiters);
          return aborts
            ? { total: (enqueue + abort) * scale, enqueue: enqueue * scale, abort: abort * scale }
            : { enqueue: enqueue * scale };
        },
      };
    },
  });
}

function ofMutex(count: number, plan: Plan): Case {
  return abortion({
    id: `abort/${plan.name}-${count}`,
    title: `abort of ${count.toLocaleString("en")} waiters, ${
      plan.shared ? "one signal for all" : `a signal each, ${plan.random ? "at random" : "in order"}`
    }; per waiter`,
    count,
    plan,
    contestants: abortables,
  });
}

export const abortCases: readonly Case[] = [
  ofMutex(1_000, at(plans, 0)),
  ...plans.map((plan) => ofMutex(10_000, plan)),
];
