// Imported once per contestant under a query of its own, so that what the engine learns about one never slows another.
import type { RwAdapter } from "../harness/adapters.ts";

async function reads(adapter: RwAdapter, lock: unknown, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const held = await adapter.read(lock);
    adapter.releaseRead(lock, held);
  }
}

async function writes(adapter: RwAdapter, lock: unknown, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const held = await adapter.write(lock);
    adapter.releaseWrite(lock, held);
  }
}

/** So many tasks at once, each so many times; `plan` says which turns write. */
async function mix(
  adapter: RwAdapter,
  lock: unknown,
  tasks: number,
  turns: number,
  plan: Uint8Array,
): Promise<void> {
  const task = async (first: number): Promise<void> => {
    for (let turn = first; turn < first + turns; turn += 1) {
      if (plan[turn] === 1) {
        const held = await adapter.write(lock);
        adapter.releaseWrite(lock, held);
      } else {
        const held = await adapter.read(lock);
        adapter.releaseRead(lock, held);
      }
    }
  };
  const all: Promise<void>[] = [];
  for (let i = 0; i < tasks; i += 1) all.push(task(i * turns));
  await Promise.all(all);
}

/** @public Imported under a query, which static analysis does not see through. */
export default { reads, writes, mix };
