// Imported once per contestant under a query of its own, so that what the engine learns about one never slows another.
import type { PriorityAdapter } from "../harness/adapters.ts";

type Acquiring = Required<Pick<PriorityAdapter, "acquire" | "release">>;
type Running = Required<Pick<PriorityAdapter, "run">>;
type RunningAsync = Required<Pick<PriorityAdapter, "runAsync">>;

const nothing = (): undefined => undefined;
const resolved = Promise.resolve();
// Holds the lock for one microtask, as whoever awaits acquire() does: with a shorter body some would never contend.
const oneMicrotask = (): Promise<void> => resolved;

async function acquireRelease(adapter: Acquiring, lock: unknown, rank: number, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const held = await adapter.acquire(lock, rank);
    adapter.release(lock, held);
  }
}

async function run(adapter: Running, lock: unknown, rank: number, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await adapter.run(lock, rank, nothing);
}

/** A task per entry of `ranks`, all at once, each so many times. */
async function contend(adapter: Acquiring, lock: unknown, ranks: Uint8Array, turns: number): Promise<void> {
  const task = async (rank: number): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) {
      const held = await adapter.acquire(lock, rank);
      adapter.release(lock, held);
    }
  };
  const tasks: Promise<void>[] = [];
  for (const rank of ranks) tasks.push(task(rank));
  await Promise.all(tasks);
}

async function contendRun(
  adapter: RunningAsync,
  lock: unknown,
  ranks: Uint8Array,
  turns: number,
): Promise<void> {
  const task = async (rank: number): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) await adapter.runAsync(lock, rank, oneMicrotask);
  };
  const tasks: Promise<void>[] = [];
  for (const rank of ranks) tasks.push(task(rank));
  await Promise.all(tasks);
}

/** A task per entry of `ranks`, all of which wait until it is let go. Writes down in which order they were served. */
async function drain(
  adapter: Acquiring,
  lock: unknown,
  ranks: Uint8Array,
  served: Uint32Array,
  letGo: () => void,
): Promise<void> {
  let count = 0;
  const task = async (index: number, rank: number): Promise<void> => {
    const held = await adapter.acquire(lock, rank);
    served[count++] = index;
    adapter.release(lock, held);
  };
  const tasks: Promise<void>[] = [];
  for (let i = 0; i < ranks.length; i += 1) tasks.push(task(i, ranks[i] ?? 0));
  letGo();
  await Promise.all(tasks);
}

async function drainRun(
  adapter: RunningAsync,
  lock: unknown,
  ranks: Uint8Array,
  served: Uint32Array,
  letGo: () => void,
): Promise<void> {
  let count = 0;
  const task = async (index: number, rank: number): Promise<void> => {
    await adapter.runAsync(lock, rank, () => {
      served[count++] = index;
      return resolved;
    });
  };
  const tasks: Promise<void>[] = [];
  for (let i = 0; i < ranks.length; i += 1) tasks.push(task(i, ranks[i] ?? 0));
  letGo();
  await Promise.all(tasks);
}

/** @public Imported under a query, which static analysis does not see through. */
export default { acquireRelease, run, contend, contendRun, drain, drainRun };
