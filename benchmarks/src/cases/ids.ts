import { idRegistries } from "../contestants.ts";
import { type Case, defineCase, type Size, time } from "../harness/case.ts";

type Loops = typeof import("../loops/ids.ts");

/** A copy of the loops for one contestant alone. */
export async function loopsFor(name: string): Promise<Loops["default"]> {
  const { default: loops } = (await import(`../loops/ids.ts?for=${encodeURIComponent(name)}`)) as Loops;
  return loops;
}

const countOf = (size: Size, full: number): number => (size === "tiny" ? 50 : full);

export function firstIds(idOf: (index: number) => unknown, count: number): unknown[] {
  return Array.from({ length: count }, (_, index) => idOf(index));
}

/** All work here is synchronous. */
function timed(operations: number, work: () => void): Promise<number> {
  return time(operations, () => {
    work();
    return Promise.resolve();
  });
}

export const idCases: readonly Case[] = [
  defineCase({
    id: "id/turn",
    title: "ids, 1,000 of them, each reserved and released before the next",
    metrics: { time: "ns" },
    floor: "set + closure",
    contestants: idRegistries,
    async prepare(adapter, name, size) {
      const loops = await loopsFor(name);
      const ids = firstIds(adapter.idOf, countOf(size, 1_000));
      const registry = adapter.create();
      return {
        run: async (batches) => ({
          time: await timed(batches * ids.length, () => {
            loops.turn(adapter, registry, ids, batches);
          }),
        }),
      };
    },
  }),
  defineCase({
    id: "id/held",
    title: "ids, 100,000 reserved, and then all of them released",
    metrics: { time: "ns" },
    floor: "set + closure",
    singleBatch: true,
    contestants: idRegistries,
    async prepare(adapter, name, size) {
      const loops = await loopsFor(name);
      const ids = firstIds(adapter.idOf, countOf(size, 100_000));
      return {
        async run() {
          const registry = adapter.create();
          const work = (): void => {
            loops.letGo(adapter, registry, ids, loops.hold(adapter, registry, ids));
          };
          return { time: await timed(ids.length, work) };
        },
      };
    },
  }),
  defineCase({
    id: "id/refused",
    title: "ids, 1,000 that are taken, asked for",
    metrics: { time: "ns" },
    floor: "set",
    contestants: idRegistries,
    async prepare(adapter, name, size) {
      const loops = await loopsFor(name);
      const ids = firstIds(adapter.idOf, countOf(size, 1_000));
      const registry = adapter.create();
      loops.hold(adapter, registry, ids);
      return {
        async run(batches) {
          let refused = 0;
          const all = batches * ids.length;
          const each = await timed(all, () => {
            refused = loops.refused(adapter, registry, ids, batches);
          });
          if (refused !== all) throw new Error(`${name} gave an id that was taken`);
          return { time: each };
        },
      };
    },
  }),
];
