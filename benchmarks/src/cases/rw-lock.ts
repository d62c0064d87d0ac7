import { rwLocks } from "../contestants.ts";
import { type Case, defineCase, time } from "../harness/case.ts";
import { randomNumbers } from "../harness/random.ts";

type Loops = typeof import("../loops/rw-lock.ts");

async function loopsFor(name: string): Promise<Loops["default"]> {
  const { default: loops } = (await import(`../loops/rw-lock.ts?for=${encodeURIComponent(name)}`)) as Loops;
  return loops;
}

const step = 1_000;

function alone(side: "reads" | "writes"): Case {
  return defineCase({
    id: `rw/${side}`,
    title: `rw-lock, nobody else: await ${side === "reads" ? "read()" : "write()"}, release()`,
    metrics: { time: "ns" },
    floor: "await undefined",
    contestants: rwLocks,
    async prepare(adapter, name) {
      const loops = await loopsFor(name);
      const lock = adapter.create();
      return {
        run: async (batches) => ({
          time: await time(batches * step, () => loops[side](adapter, lock, batches * step)),
        }),
      };
    },
  });
}

function mixed(tasks: number): Case {
  return defineCase({
    id: `rw/mix-${tasks}`,
    title: `rw-lock, ${tasks.toLocaleString("en")} tasks at once, 90 reads to 10 writes`,
    metrics: { time: "ns" },
    floor: "list",
    contestants: rwLocks,
    async prepare(adapter, name, size) {
      const loops = await loopsFor(name);
      const lock = adapter.create();
      const count = size === "tiny" ? 20 : tasks;
      const turns = size === "tiny" ? 2 : Math.max(1, 10_000 / tasks);
      const random = randomNumbers(90);
      const plan = Uint8Array.from({ length: count * turns }, () => (random() < 0.1 ? 1 : 0));
      return {
        run: async (batches) => ({
          time: await time(batches * count * turns, async () => {
            for (let batch = 0; batch < batches; batch += 1)
              await loops.mix(adapter, lock, count, turns, plan);
          }),
        }),
      };
    },
  });
}

export const rwCases: readonly Case[] = [alone("reads"), alone("writes"), mixed(1_000), mixed(10_000)];
