import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { cases } from "./cases/index.ts";
import {
  abortables,
  graphs,
  idRegistries,
  integerPools,
  joins,
  keyedMutexes,
  keyedRwLocks,
  merges,
  mutexes,
  pipes,
  prioritized,
  priorityAbortables,
  rwLocks,
} from "./contestants.ts";
import type {
  AbortAdapter,
  GraphAdapter,
  IdAdapter,
  IntegerAdapter,
  JoinAdapter,
  KeyedAdapter,
  MergeAdapter,
  MutexAdapter,
  PipeAdapter,
  RwAdapter,
} from "./harness/adapters.ts";
import { at } from "./harness/at.ts";
import { branchesOf, layersOf, outputsOf } from "./harness/branches.ts";
import { asMutex } from "./harness/classes.ts";
import { type Message, Pipe } from "./harness/pipe.ts";

/** What was found out about the adapters and the cases, without a clock. */
export interface CheckResult {
  readonly passed: number;
  readonly failures: readonly string[];
}

const tasks = 50;
const turns = 3;

/** Counts who is inside. */
class Room {
  inside = 0;
  most = 0;
  served = 0;

  async visit(): Promise<void> {
    this.inside += 1;
    this.most = Math.max(this.most, this.inside);
    await turnOfTheLoop();
    this.inside -= 1;
    this.served += 1;
  }
}

function expect(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} instead of ${String(expected)}`);
}

async function together(count: number, task: (index: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => task(index)));
}

/** Lets whatever is under way come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await turnOfTheLoop();
}

async function checkMutex(adapter: MutexAdapter): Promise<void> {
  const { acquire, release, runAsync, tryAcquire, secondRelease } = adapter;
  if (secondRelease === undefined) return;
  if (acquire !== undefined && release !== undefined) {
    const lock = adapter.create();
    const room = new Room();
    await together(tasks, async () => {
      for (let turn = 0; turn < turns; turn += 1) {
        const held = await acquire(lock);
        await room.visit();
        release(lock, held);
      }
    });
    expect(room.most, 1, "inside at once");
    expect(room.served, tasks * turns, "served");
    expect(await secondReleaseOf(adapter, acquire, release), secondRelease, "a second release");
  }
  if (runAsync !== undefined) {
    const lock = adapter.create();
    const room = new Room();
    await together(tasks, async () => {
      for (let turn = 0; turn < turns; turn += 1) await runAsync(lock, () => room.visit());
    });
    expect(room.most, 1, "inside at once through run");
    expect(room.served, tasks * turns, "served through run");
  }
  if (tryAcquire !== undefined && release !== undefined) {
    const lock = adapter.create();
    const held = tryAcquire(lock);
    expect(isHeld(held), true, "tryAcquire() of a free lock");
    expect(isHeld(tryAcquire(lock)), false, "tryAcquire() of a taken lock");
    release(lock, held);
    expect(isHeld(tryAcquire(lock)), true, "tryAcquire() after release()");
  }
}

function isHeld(held: unknown): boolean {
  return held !== undefined && held !== null && held !== false;
}

async function secondReleaseOf(
  { create }: MutexAdapter,
  acquire: NonNullable<MutexAdapter["acquire"]>,
  release: NonNullable<MutexAdapter["release"]>,
): Promise<string> {
  const lock = create();
  const first = await acquire(lock);
  let inside = 0;
  const waits = [1, 2].map(async () => {
    const held = await acquire(lock);
    inside += 1;
    return held;
  });
  release(lock, first);
  await settle();
  expect(inside, 1, "inside after one release");
  try {
    release(lock, first);
  } catch {
    return "throws";
  }
  await settle();
  if (inside === 2) return "breaks exclusion";
  // With classes it need not be the first of them that is inside.
  release(lock, await Promise.race(waits));
  await settle();
  expect(inside, 2, "served after both releases");
  return "harmless";
}

async function checkRw(adapter: RwAdapter): Promise<void> {
  if (adapter.policy === undefined) return;
  const lock = adapter.create();
  const readers = new Room();
  const writers = new Room();
  await together(tasks, async (index) => {
    for (let turn = 0; turn < turns; turn += 1) {
      if ((index + turn) % 10 === 0) {
        const held = await adapter.write(lock);
        expect(readers.inside, 0, "readers beside a writer");
        await writers.visit();
        adapter.releaseWrite(lock, held);
      } else {
        const held = await adapter.read(lock);
        expect(writers.inside, 0, "writers beside a reader");
        await readers.visit();
        adapter.releaseRead(lock, held);
      }
    }
  });
  expect(writers.most, 1, "writers at once");
  expect(readers.most > 1, adapter.shares, "readers share");
  expect(readers.served + writers.served, tasks * turns, "served");
}

async function checkKeyed(adapter: KeyedAdapter): Promise<void> {
  const { acquire, release, runAsync } = adapter;
  if (adapter.keepsDeadKeys === undefined) return;
  const lock = adapter.create();
  const rooms = new Map(["a", "b", "c"].map((key) => [key, new Room()]));
  const all = new Room();
  const visit = async (key: string): Promise<void> => {
    await Promise.all([rooms.get(key)?.visit(), all.visit()]);
  };
  await together(tasks, async (index) => {
    for (let turn = 0; turn < turns; turn += 1) {
      const key = "abc".charAt((index + turn) % 3);
      if (acquire !== undefined && release !== undefined) {
        const held = await acquire(lock, key);
        await visit(key);
        release(lock, key, held);
      } else await runAsync?.(lock, key, () => visit(key));
    }
  });
  for (const [key, room] of rooms) expect(room.most, 1, `inside ${key} at once`);
  expect(all.most, 3, "inside all keys at once");
  expect(all.served, tasks * turns, "served");
  await settle();
  if (adapter.size !== undefined)
    expect(adapter.size(lock) > 0, adapter.keepsDeadKeys, "keys are left when nobody uses them");
}

async function checkAbort(adapter: AbortAdapter): Promise<void> {
  const lock = adapter.create();
  const letGo = await adapter.hold(lock);
  const stays = new AbortController();
  const leaves = new AbortController();
  const reason = new Error("Aborted by the check");
  const waits = [leaves, stays, leaves].map(({ signal }) => adapter.wait(lock, signal));
  const ends = waits.map(async (wait) => {
    try {
      return (await wait) === null ? "resolves with null" : "is served";
    } catch (error) {
      return error === reason ? "rejects with the reason" : "rejects with its own error";
    }
  });
  await settle();
  if (adapter.waiting !== undefined) expect(adapter.waiting(lock), 3, "waiting");
  if (adapter.aborted === "never") return;
  leaves.abort(reason);
  expect(await ends[0], adapter.aborted, "an aborted wait");
  expect(await ends[2], adapter.aborted, "another aborted wait");
  if (adapter.waiting !== undefined) expect(adapter.waiting(lock), 1, "waiting after the abort");
  letGo();
  expect(await ends[1], "is served", "the wait that stayed");
}

function checkIds(adapter: IdAdapter): void {
  const { idOf, reserve, release } = adapter;
  const registry = adapter.create();
  const id = idOf(1);
  const first = reserve(registry, id);
  expect(first === null, false, "refused while it is free");
  expect(reserve(registry, id), null, "reserved twice");
  expect(reserve(registry, idOf(2)) === null, false, "another one refused");
  release(registry, id, first);
  expect(reserve(registry, id) === null, false, "refused after release");
  release(registry, id, first);
  const freed = reserve(registry, id) !== null;
  expect(freed ? "frees another's" : "harmless", adapter.secondRelease, "a second release");
}

function checkIntegers({ create, take, numberOf, giveBack, secondRelease }: IntegerAdapter): void {
  const pool = create();
  const first = take(pool);
  const others = [take(pool), take(pool)];
  giveBack(pool, first);
  others.push(take(pool));
  giveBack(pool, first);
  others.push(take(pool), take(pool), take(pool));
  const distinct = new Set(others.map((held) => numberOf(held))).size === others.length;
  expect(distinct ? "harmless" : "hands it out twice", secondRelease, "a second release");
}

/** Messages of many sizes and of both kinds arrive whole and in order, whoever sends them. */
async function checkPipe({ send, ...adapter }: PipeAdapter): Promise<void> {
  const messages = Array.from({ length: tasks * turns }, (_, index): Message => {
    const text = `${index} ${"é→😀".repeat(index % 10 === 0 ? 20_000 : index)}\n`;
    return index % 3 === 0 ? Buffer.from(text) : text;
  });
  const pipe = await Pipe.open(messages);
  try {
    const writer = adapter.create(pipe.stdin, messages);
    if (adapter.burst !== undefined) {
      await adapter.burst(writer, messages);
      await pipe.received(1);
    }
    if (send === undefined) return;
    await together(messages.length, async (index) => {
      await send(writer, at(messages, index));
    });
    await pipe.received(1);
  } finally {
    await pipe.end();
  }
}

async function checkJoin({ prepare, joinMerge, limited }: JoinAdapter): Promise<void> {
  const prepared = prepare(branchesOf(20));
  const expected = Array.from({ length: 20 }, (_, index) => `key${index}`).join();
  expect(Object.keys(await joinMerge(prepared)).join(), expected, "merged keys");
  if (limited !== undefined)
    expect(Object.keys(await limited(prepared, 3)).join(), expected, "keys, 3 at a time");
}

function checkMerge({ merge }: MergeAdapter): void {
  const merged = merge(outputsOf(4, 5));
  expect(
    Object.keys(merged).join(),
    Array.from({ length: 20 }, (_, index) => `key${index}`).join(),
    "merged keys",
  );
}

async function checkGraph({ prepare, run }: GraphAdapter): Promise<void> {
  const results = await run(prepare(layersOf(100, 10)));
  for (const [index, { name }] of layersOf(100, 10).entries()) expect(results[name], index, name);
}

/** Do all locks do what a lock must, and do all cases run? */
export async function check(): Promise<CheckResult> {
  let passed = 0;
  const failures: string[] = [];
  const attempt = async (what: string, test: () => Promise<void>): Promise<void> => {
    try {
      await within(20_000, test());
      passed += 1;
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  for (const { name, load } of mutexes) await attempt(`${name}, mutex`, async () => checkMutex(await load()));
  for (const { name, load } of rwLocks) await attempt(`${name}, rw-lock`, async () => checkRw(await load()));
  for (const { name, load } of keyedMutexes)
    await attempt(`${name}, keyed`, async () => checkKeyed(await load()));
  for (const { name, load, role } of keyedRwLocks)
    if (role === "ours") await attempt(`${name}, keyed-rw`, async () => checkKeyed(await load()));
  for (const { name, load } of idRegistries)
    await attempt(`${name}, ids`, async () => {
      checkIds(await load());
    });
  for (const { name, load } of abortables)
    await attempt(`${name}, abort`, async () => checkAbort(await load()));
  for (const { name, load } of integerPools)
    await attempt(`${name}, integers`, async () => {
      checkIntegers(await load());
    });
  // The cases check in which order they let in.
  for (const { name, load } of prioritized)
    await attempt(`${name}, priority`, async () => checkMutex(asMutex(await load())));
  for (const { name, load } of priorityAbortables)
    await attempt(`${name}, priority, abort`, async () => checkAbort(await load()));
  for (const { name, load } of pipes) await attempt(`${name}, pipe`, async () => checkPipe(await load()));
  for (const { name, load, role } of joins)
    // The branches alone are not even joined.
    if (role !== "floor") await attempt(`${name}, join`, async () => checkJoin(await load()));
  for (const { name, load } of merges)
    await attempt(`${name}, merge`, async () => {
      checkMerge(await load());
    });
  for (const { name, load } of graphs) await attempt(`${name}, graph`, async () => checkGraph(await load()));
  for (const { id, contestants, prepare } of cases)
    for (const contestant of contestants)
      await attempt(`${contestant.name}, case ${id}`, async () => {
        const runner = await prepare(contestant, "tiny");
        try {
          for (const [metric, value] of Object.entries((await runner?.run(1)) ?? {}))
            if (!Number.isFinite(value)) throw new Error(`${metric} is ${value}`);
        } finally {
          await runner?.end?.();
        }
      });
  return { passed, failures };
}

/** A lock that never lets anybody in must not keep the check from its end. */
async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not done after ${milliseconds} ms`));
    }, milliseconds);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
