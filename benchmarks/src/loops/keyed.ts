// Imported once per contestant under a query of its own, so that what the engine learns about one never slows another.
import type { KeyedAdapter } from "../harness/adapters.ts";

type Acquiring = Required<Pick<KeyedAdapter, "acquire" | "release">>;
type Running = Required<Pick<KeyedAdapter, "run">>;
type RunningAsync = Required<Pick<KeyedAdapter, "runAsync">>;

const nothing = (): undefined => undefined;
const resolved = Promise.resolve();
// Holds the lock for one microtask, as whoever awaits acquire() does: with a shorter body some would never contend.
const oneMicrotask = (): Promise<void> => resolved;

/** One key after the other. */
async function stream(adapter: Acquiring, lock: unknown, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    const held = await adapter.acquire(lock, key);
    adapter.release(lock, key, held);
  }
}

async function streamRun(adapter: Running, lock: unknown, keys: readonly string[]): Promise<void> {
  for (const key of keys) await adapter.run(lock, key, nothing);
}

/** A task per entry of `keys`, all at once, each so many times. */
async function contend(
  adapter: Acquiring,
  lock: unknown,
  keys: readonly string[],
  turns: number,
): Promise<void> {
  const task = async (key: string): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) {
      const held = await adapter.acquire(lock, key);
      adapter.release(lock, key, held);
    }
  };
  const tasks: Promise<void>[] = [];
  for (const key of keys) tasks.push(task(key));
  await Promise.all(tasks);
}

async function contendRun(
  adapter: RunningAsync,
  lock: unknown,
  keys: readonly string[],
  turns: number,
): Promise<void> {
  const task = async (key: string): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) await adapter.runAsync(lock, key, oneMicrotask);
  };
  const tasks: Promise<void>[] = [];
  for (const key of keys) tasks.push(task(key));
  await Promise.all(tasks);
}

/** Keys that nobody has ever seen, one after the other. */
async function fresh(adapter: KeyedAdapter, lock: unknown, prefix: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const key = `${prefix}${i}`;
    if (adapter.acquire !== undefined && adapter.release !== undefined) {
      const held = await adapter.acquire(lock, key);
      adapter.release(lock, key, held);
    } else await adapter.run?.(lock, key, nothing);
  }
}

/** @public Imported under a query, which static analysis does not see through. */
export default { stream, streamRun, contend, contendRun, fresh };
