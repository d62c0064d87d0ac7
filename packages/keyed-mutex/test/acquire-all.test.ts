import { exploreAll, gate, reasonOf, settle, visits, watch } from "@holdfast/conformance";
import { describe, expect, it, vi } from "vitest";
import { isLockError, KeyedMutex } from "../src/index.js";
import { mutexOfKeys } from "./subject.js";

describe("acquireAll", () => {
  it("[KM6, T18] holds each key once, whatever their order and however often they are named", async () => {
    const locks = new KeyedMutex();
    const token = await locks.acquireAll(["b", "a", "b", "c", "a"]);
    expect(token.keys).toEqual(["b", "a", "c"]);
    expect([locks.size, token.held]).toEqual([3, true]);
    expect(["a", "b", "c"].map((key) => locks.tryAcquire(key))).toEqual([null, null, null]);
    token.release();
    expect([locks.size, token.held]).toEqual([0, false]);
    const set = await locks.acquireAll(new Set(["x", "y"]));
    expect(set.keys).toEqual(["x", "y"]);
    set.release();
    const made = await locks.acquireAll(
      (function* () {
        yield "x";
        yield "z";
      })(),
    );
    expect(made.keys).toEqual(["x", "z"]);
    made[Symbol.dispose]();
    expect(locks.size).toBe(0);
  });

  it("[KM6] resolves at once with no keys, and holds nothing", async () => {
    const locks = new KeyedMutex();
    const busy = locks.tryAcquire("a");
    const token = await locks.acquireAll([]);
    expect([token.keys, token.held, locks.size]).toEqual([[], true, 1]);
    token.release();
    expect(token.held).toBe(false);
    expect(await locks.withAll([], ({ keys }) => keys.length, { timeout: 0 })).toBe(0);
    expect(locks.tryAcquireAll([])?.keys).toEqual([]);
    expect(await reasonOf(locks.acquireAll([], { signal: AbortSignal.abort("mine") }))).toBe("mine");
    busy?.release();
    locks.close("closed");
    expect(await reasonOf(locks.acquireAll([]))).toBe("closed");
    expect(locks.tryAcquireAll([])).toBeNull();
  });

  it("[KM6, L22] throws a TypeError for keys that are a string, or nothing to go through, and changes nothing", () => {
    const locks = new KeyedMutex();
    for (const keys of ["ab", "", undefined, null, 5, {}, () => ["a"]]) {
      const call = [
        () => locks.acquireAll(keys as never),
        () => locks.tryAcquireAll(keys as never),
        () => locks.withAll(keys as never, () => 1),
      ];
      for (const each of call) {
        expect(each).toThrow(TypeError);
        expect(each).toThrow(/keys must be an iterable of keys, received/);
      }
    }
    expect(() => locks.acquireAll(["a"], { timeout: NaN })).toThrow(RangeError);
    expect(() => locks.withAll(["a"], "body" as never)).toThrow(/fn must be a function/);
    const error = new Error("mine");
    const failing = {
      *[Symbol.iterator]() {
        yield "a";
        throw error;
      },
    };
    expect(() => locks.acquireAll(failing)).toThrow(error);
    expect(locks.size).toBe(0);
  });

  it("[KM6, T18] cannot deadlock: requests with opposite orders of keys all get in, one after another", async () => {
    const locks = new KeyedMutex();
    const order: number[] = [];
    const inside = new Set<string>();
    const visit = (n: number, keys: string[]): Promise<void> =>
      locks.withAll(keys, async () => {
        for (const key of keys) {
          expect(inside.has(key)).toBe(false);
          inside.add(key);
        }
        order.push(n);
        await settle();
        for (const key of keys) inside.delete(key);
      });
    await Promise.all([
      visit(1, ["a", "b"]),
      visit(2, ["b", "a"]),
      visit(3, ["c", "b", "a"]),
      visit(4, ["a", "c"]),
      visit(5, ["c"]),
      visit(6, ["b"]),
    ]);
    expect(order.indexOf(1)).toBeLessThan(order.indexOf(2));
    expect(order.indexOf(2)).toBeLessThan(order.indexOf(3));
    expect(order.indexOf(3)).toBeLessThan(order.indexOf(4));
    expect(new Set(order).size).toBe(6);
    expect(locks.size).toBe(0);
  });

  it("[KM6, L3, L4] waits in every queue from the start: a later request for one of the keys does not overtake", async () => {
    const locks = new KeyedMutex();
    const a = await locks.acquire("a");
    const all = watch(locks.acquireAll(["a", "b"]));
    expect([locks.isLocked("b"), locks.waiters("a"), locks.waiters("b")]).toEqual([true, 1, 0]);
    expect(locks.tryAcquire("b")).toBeNull();
    const late = watch(locks.acquire("b"));
    const elsewhere = locks.tryAcquire("c");
    expect(elsewhere?.held).toBe(true);
    a.release();
    expect([locks.waiters("a"), locks.waiters("b")]).toEqual([0, 1]);
    await settle();
    expect([all.state, late.state]).toEqual(["fulfilled", "pending"]);
    all.value?.release();
    await settle();
    expect(late.state).toBe("fulfilled");
    late.value?.release();
    elsewhere?.release();
    expect(locks.size).toBe(0);
  });

  for (const how of ["aborts", "times out", "is canceled", "is closed"] as const)
    it(`[KM6, T18, L8, G3] holds none, and lets those behind in at once, when it ${how} with some of its keys set aside`, async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const locks = new KeyedMutex();
      const b = await locks.acquire("b");
      const controller = new AbortController();
      const all = watch(locks.acquireAll(["a", "b", "c"], { signal: controller.signal, timeout: 50 }));
      const behind = ["a", "c"].map((key) => watch(locks.acquire(key)));
      expect([locks.waiters("a"), locks.waiters("b"), locks.waiters("c")]).toEqual([1, 1, 1]);
      if (how === "aborts") controller.abort("gone");
      if (how === "times out") vi.advanceTimersByTime(50);
      if (how === "is canceled") expect(locks.cancelWaiters("canceled", "b")).toBe(1);
      if (how === "is closed") locks.close();
      const closed = how === "is closed";
      expect(["a", "b", "c"].map((key) => locks.waiters(key))).toEqual([0, 0, 0]);
      expect(["a", "b", "c"].map((key) => locks.isLocked(key))).toEqual([!closed, true, !closed]);
      expect(vi.getTimerCount()).toBe(0);
      vi.useRealTimers();
      await settle();
      expect(all.state).toBe("rejected");
      for (const { state, value } of behind) {
        expect(state).toBe(closed ? "rejected" : "fulfilled");
        value?.release();
      }
      b.release();
      expect(locks.size).toBe(0);
    });

  it("[KM6, L7] is not granted once its signal reads aborted, though its last key came free in another listener of that abort", async () => {
    const locks = new KeyedMutex();
    const b = await locks.acquire("b");
    const controller = new AbortController();
    controller.signal.addEventListener("abort", () => {
      b.release();
    });
    const all = watch(locks.acquireAll(["a", "b"], { signal: controller.signal }));
    const behind = watch(locks.acquire("a"));
    controller.abort("gone");
    expect([locks.isLocked("a"), locks.isLocked("b"), locks.size]).toEqual([true, false, 1]);
    await settle();
    expect([all.reason, behind.state]).toEqual(["gone", "fulfilled"]);
    behind.value?.release();
    expect(locks.size).toBe(0);
  });

  it("[KM6, L21] survives 10,000 requests for several keys each that all give up with one signal", async () => {
    const locks = new KeyedMutex<number>();
    const holder = await locks.acquireAll([0, 1, 2, 3]);
    const controller = new AbortController();
    const { signal } = controller;
    const requests = Array.from({ length: 10_000 }, (_, n) =>
      reasonOf(locks.acquireAll([n % 4, (n + 1) % 4, 10 + n], { signal })),
    );
    const last = locks.acquireAll([3, 2, 1, 0]);
    expect(locks.size).toBe(10_004);
    controller.abort("gone");
    expect([locks.size, locks.waiters()]).toEqual([4, 1]);
    expect(new Set(await Promise.all(requests))).toEqual(new Set(["gone"]));
    holder.release();
    (await last).release();
    expect(locks.size).toBe(0);
  });

  it("[KM6, L14] tries all or none, and changes nothing when it fails", async () => {
    const locks = new KeyedMutex();
    const b = await locks.acquire("b");
    expect(locks.tryAcquireAll(["a", "b"])).toBeNull();
    expect([...locks.keys()]).toEqual(["b"]);
    const waiting = locks.acquireAll(["b", "c"]);
    b.release();
    expect(locks.tryAcquireAll(["c"])).toBeNull();
    (await waiting).release();
    const token = locks.tryAcquireAll(["a", "b", "a"]);
    expect(token?.keys).toEqual(["a", "b"]);
    token?.release();
    expect(isLockError(await reasonOf(holdAndAsk(locks)), "ERR_TIMEOUT")).toBe(true);
    expect(locks.size).toBe(0);
  });

  it("[KM6, L12, G9] gives single keys back early, each once, and the rest with release", async () => {
    const locks = new KeyedMutex();
    const token = await locks.acquireAll(["a", "b", "c"]);
    const waiting = watch(locks.acquire("a"));
    token.releaseKey("unknown");
    token.releaseKey("a");
    expect([token.held, locks.isLocked("a"), locks.waiters("a")]).toEqual([true, true, 0]);
    await settle();
    token.releaseKey("a");
    expect(waiting.value?.held).toBe(true);
    expect(locks.tryAcquire("a")).toBeNull();
    token.releaseKey("b");
    expect(locks.isLocked("b")).toBe(false);
    token.releaseKey("c");
    expect(token.held).toBe(false);
    const other = locks.tryAcquireAll(["b", "c"]);
    token.releaseKey("b");
    token.release();
    expect([other?.held, locks.isLocked("b"), locks.isLocked("c")]).toEqual([true, true, true]);
    other?.release();
    waiting.value?.release();
    expect(locks.size).toBe(0);
  });

  it("[KM6, L12, G9] frees nobody else's keys when one of them is given back after a release", async () => {
    const locks = new KeyedMutex();
    const token = await locks.acquireAll(["a", "b"]);
    token.release();
    const others = ["a", "b"].map((key) => locks.tryAcquire(key));
    token.releaseKey("a");
    token.releaseKey("b");
    token.release();
    expect(["a", "b"].map((key) => [locks.isLocked(key), locks.tryAcquire(key)])).toEqual([
      [true, null],
      [true, null],
    ]);
    for (const other of others) other?.release();
    expect(locks.size).toBe(0);
  });

  it("[KM6, L13, G6] runs a body with all keys, and not at all if its signal aborts between the grant and the body", async () => {
    const locks = new KeyedMutex();
    expect(await locks.withAll(["a", "b"], (token) => [token.keys, locks.size])).toEqual([["a", "b"], 2]);
    const error = new Error("mine");
    const failing = locks.withAll(["a", "b"], () => {
      throw error;
    });
    expect(await reasonOf(failing)).toBe(error);
    const a = await locks.acquire("a");
    const controller = new AbortController();
    const body = vi.fn();
    const request = reasonOf(locks.withAll(["a", "b"], body, { signal: controller.signal }));
    a.release();
    controller.abort("late");
    expect(await request).toBe("late");
    expect(body).not.toHaveBeenCalled();
    expect(locks.size).toBe(0);
  });

  it("[KM6, KM1] does not mind those who hold one key and wait for another, if they ask with a limit", async () => {
    const locks = new KeyedMutex();
    const work = gate();
    const nested = async (outer: string, inner: string): Promise<unknown> =>
      locks.with(outer, async () => {
        await work.promise;
        return reasonOf(locks.acquire(inner, { timeout: 0 }));
      });
    const both = Promise.all([nested("a", "b"), nested("b", "a")]);
    work.open();
    const errors = await both;
    expect(errors.every((error) => isLockError(error, "ERR_TIMEOUT"))).toBe(true);
    expect(locks.size).toBe(0);
  });
});

const ab = { a: "exclusive", b: "exclusive" } as const;
const ba = { b: "exclusive", a: "exclusive" } as const;
const a = { a: "exclusive" } as const;
const b = { b: "exclusive" } as const;
const abc = { a: "exclusive", b: "exclusive", c: "exclusive" } as const;
const ca = { c: "exclusive", a: "exclusive" } as const;
const suite = "acquireAll";

describe("acquireAll, in every order", () => {
  const two = (): ReturnType<typeof mutexOfKeys> => mutexOfKeys(["a", "b"]);
  const keys = ["a", "b"];

  it("[KM6, L1, L7, L8] agrees with the model: opposite orders and a single key, all may be aborted", async () => {
    const program = visits(
      two,
      [
        { wants: ab, aborts: true },
        { wants: ba, aborts: true },
        { wants: a, aborts: true },
      ],
      { keys },
    );
    const { schedules } = await exploreAll(suite, "ab, ba, a; all may be aborted", program, { turns: 0 });
    expect(schedules).toBe(8424);
  }, 60_000);

  it("[KM6, L17] agrees with the model: opposite orders and a single key, one times out, one may be aborted, a step may come before all settles", async () => {
    const program = visits(two, [{ wants: ab, timeout: 5 }, { wants: ba, aborts: true }, { wants: b }], {
      keys,
    });
    const { schedules } = await exploreAll(suite, "ab, ba, b; timeout, abort", program, { turns: 1 });
    expect(schedules).toBeGreaterThan(5000);
  }, 60_000);

  it("[KM6, L4, L14] agrees with the model: two single keys and both, each tries first, one may be aborted", async () => {
    const program = visits(
      two,
      [
        { wants: a, tries: true },
        { wants: b, tries: true },
        { wants: ab, tries: true, aborts: true },
      ],
      { keys },
    );
    const { schedules } = await exploreAll(suite, "a, b, ab; tries, abort", program, { turns: 0 });
    expect(schedules).toBe(1092);
  }, 60_000);

  it("[KM6, L12] agrees with the model: a ring of three keys, with stale releases, a step may come before all settles", async () => {
    const program = visits(
      () => mutexOfKeys(["a", "b", "c"]),
      [{ wants: ab, releasesAgain: true }, { wants: { b: "exclusive", c: "exclusive" } }, { wants: ca }],
      { keys: ["a", "b", "c"] },
    );
    const { schedules } = await exploreAll(suite, "ab, bc, ca; stale release", program, { turns: 1 });
    expect(schedules).toBeGreaterThan(500);
  }, 60_000);

  it("[KM6, L18] agrees with the model: opposite orders, all may be canceled, and the lock closed", async () => {
    const program = visits(two, [{ wants: ab }, { wants: ba, aborts: true }, { wants: b }], {
      keys,
      closes: true,
      cancels: true,
    });
    const { schedules } = await exploreAll(suite, "ab, ba, b; close, cancel, abort", program, { turns: 0 });
    expect(schedules).toBe(7418);
  }, 60_000);

  it("[KM6, L18] agrees with the model: three keys, only one may wait for each, one will not wait", async () => {
    const program = visits(
      () => mutexOfKeys(["a", "b", "c"], { maxWaitersPerKey: 1 }),
      [{ wants: abc }, { wants: ca, aborts: true }, { wants: ab, timeout: 0 }, { wants: a }],
      { keys: ["a", "b", "c"], maxWaiters: 1 },
    );
    const { schedules } = await exploreAll(suite, "abc, ca, ab, a; 1 may wait", program, { turns: 0 });
    expect(schedules).toBe(2082);
  }, 60_000);
});

async function holdAndAsk(locks: KeyedMutex): Promise<void> {
  const token = await locks.acquire("a");
  try {
    await locks.acquireAll(["a", "b"], { timeout: 0 });
  } finally {
    token.release();
  }
}
