// Imported once per contestant under a query of its own, so that what the engine learns about one never slows another.
import type { MutexAdapter } from "../harness/adapters.ts";

type Acquiring = Required<Pick<MutexAdapter, "acquire" | "release">>;
type Running = Required<Pick<MutexAdapter, "run">>;
type RunningAsync = Required<Pick<MutexAdapter, "runAsync">>;
type Trying = Required<Pick<MutexAdapter, "acquire" | "release" | "tryAcquire">>;

const nothing = (): undefined => undefined;
const resolved = Promise.resolve();
// Holds the lock for one microtask, as whoever awaits acquire() does: with a shorter body some would never contend.
const oneMicrotask = (): Promise<void> => resolved;

async function acquireRelease(adapter: Acquiring, lock: unknown, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const held = await adapter.acquire(lock);
    adapter.release(lock, held);
  }
}

async function tryOrAcquire(adapter: Trying, lock: unknown, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    let held = adapter.tryAcquire(lock);
    if (held === null || held === undefined || held === false) held = await adapter.acquire(lock);
    adapter.release(lock, held);
  }
}

async function run(adapter: Running, lock: unknown, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await adapter.run(lock, nothing);
}

/** So many tasks at once, each so many times. */
async function contend(adapter: Acquiring, lock: unknown, tasks: number, turns: number): Promise<void> {
  const task = async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) {
      const held = await adapter.acquire(lock);
      adapter.release(lock, held);
    }
  };
  await all(tasks, task);
}

async function contendRun(adapter: RunningAsync, lock: unknown, tasks: number, turns: number): Promise<void> {
  const task = async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) await adapter.runAsync(lock, oneMicrotask);
  };
  await all(tasks, task);
}

async function all(count: number, task: () => Promise<void>): Promise<void> {
  const tasks: Promise<void>[] = [];
  for (let i = 0; i < count; i += 1) tasks.push(task());
  await Promise.all(tasks);
}

/** @public Imported under a query, which static analysis does not see through. */
export default { acquireRelease, tryOrAcquire, run, contend, contendRun };
