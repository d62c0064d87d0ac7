import { integerPools } from "../contestants.ts";
import { type Case, defineCase, time } from "../harness/case.ts";
import { randomNumbers } from "../harness/random.ts";

type Loops = typeof import("../loops/integers.ts");

async function loopsFor(name: string): Promise<Loops["default"]> {
  const { default: loops } = (await import(`../loops/integers.ts?for=${encodeURIComponent(name)}`)) as Loops;
  return loops;
}

const step = 1_000;

function exchanged(held: number, id: string): Case {
  return defineCase({
    id,
    title: `whole numbers, ${held.toLocaleString("en")} of them held: any one given back, and another taken`,
    metrics: { time: "ns" },
    floor: "counter + stack",
    contestants: integerPools,
    async prepare(adapter, name, size) {
      const loops = await loopsFor(name);
      const count = size === "tiny" ? 20 : held;
      const random = randomNumbers(3);
      const places = Uint32Array.from({ length: step }, () => Math.floor(random() * count));
      const pool = adapter.create();
      const taken = loops.take(adapter, pool, count);
      return {
        async run(batches) {
          const each = await time(batches * step, () => {
            loops.exchange(adapter, pool, taken, places, batches);
            return Promise.resolve();
          });
          const numbers = new Set(taken.map((one) => adapter.numberOf(one)));
          if (numbers.size !== count) throw new Error(`${name} handed out a number twice`);
          return { time: each };
        },
      };
    },
  });
}

export const integerCases: readonly Case[] = [
  exchanged(100, "id/integers"),
  exchanged(10_000, "id/integers-10000"),
];
