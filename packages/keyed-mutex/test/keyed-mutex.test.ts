import {
  collect,
  exclusiveLockSuite,
  gate,
  keyLimits,
  listeners,
  lockOfKey,
  lockOfKeys,
  observe,
  reasonOf,
  settle,
  watch,
} from "@holdfast/conformance";
import { describe, expect, it, vi } from "vitest";
import { isLockError, KeyedMutex, type KeyedMutexOptions, type KeyToken } from "../src/index.js";

for (const observed of [false, true])
  exclusiveLockSuite(observed ? "one key of KeyedMutex, observed" : "one key of KeyedMutex", {
    make: (options) => {
      const keyed = new KeyedMutex(keyLimits(options));
      return lockOfKey(keyed, "a", keyed.governor("a"));
    },
    mode: "exclusive",
    keys: ["a"],
    observed,
  });

exclusiveLockSuite("one key of KeyedMutex, an object, beside others that are in use", {
  make: (options) => {
    const keyed = new KeyedMutex<unknown>(keyLimits(options));
    const key = { key: "a" };
    for (const other of ["a", "b", undefined]) keyed.tryAcquire(other);
    keyed.tryAcquire("c")?.release();
    return lockOfKey(keyed, key, keyed.governor(key));
  },
  mode: "exclusive",
  keys: [{ key: "a" }],
});

describe("KeyedMutex", () => {
  it("[KM1, T13] lets different keys overlap, and makes nobody wait for another key", async () => {
    const locks = new KeyedMutex();
    const work = gate();
    const started: string[] = [];
    const visits = ["a", "b", "c"].map((key) =>
      locks.with(key, async () => {
        started.push(key);
        await work.promise;
      }),
    );
    const waiting = watch(locks.with("a", () => started.push("a again")));
    expect(started).toEqual(["a", "b", "c"]);
    expect([locks.size, locks.waiters(), locks.waiters("a"), locks.waiters("b")]).toEqual([3, 1, 1, 0]);
    work.open();
    await Promise.all(visits);
    await settle();
    expect(waiting.state).toBe("fulfilled");
    expect(locks.size).toBe(0);
  });

  it("[KM2, T12, T14] runs those with one key one after another in the order of their calls", async () => {
    const locks = new KeyedMutex();
    const order: number[] = [];
    let inside = 0;
    await Promise.all(
      [1, 2, 3, 4].map((n) =>
        locks.with("a", async () => {
          expect((inside += 1)).toBe(1);
          order.push(n);
          await Promise.resolve();
          inside -= 1;
        }),
      ),
    );
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it("[T15] is not poisoned by a body that fails: its error is its own, and the next runs", async () => {
    const locks = new KeyedMutex();
    const error = new Error("mine");
    const failing = reasonOf(locks.with("a", () => Promise.reject(error)));
    const next = locks.with("a", () => "next");
    expect(await failing).toBe(error);
    expect(await next).toBe("next");
    expect(locks.size).toBe(0);
  });

  it("[KM3, T16] keeps nothing of a key that nobody holds and nobody waits for, its last waiter aborted included", async () => {
    for (const key of ["a", 5, { an: "object" }]) {
      const locks = new KeyedMutex<unknown>();
      const token = await locks.acquire(key);
      const controller = new AbortController();
      const aborted = reasonOf(locks.acquire(key, { signal: controller.signal }));
      controller.abort("gone");
      token.release();
      expect([locks.size, [...locks.keys()], locks.isLocked(key), locks.waiters(key)]).toEqual([
        0,
        [],
        false,
        0,
      ]);
      expect(await aborted).toBe("gone");
      const again = await locks.acquire(key);
      const last = reasonOf(locks.acquire(key, { signal: AbortSignal.abort("before") }));
      again.release();
      await last;
      expect(locks.snapshot()).toEqual({ held: [], pending: [] });
      expect(locks.size).toBe(0);
    }
  });

  it("[KM3, L10] keeps nothing of a key that was asked for in vain", async () => {
    for (const key of ["a", 5, { an: "object" }, Symbol("mine"), undefined]) {
      const locks = new KeyedMutex<unknown>();
      await reasonOf(locks.acquire(key, { signal: AbortSignal.abort() }));
      await reasonOf(locks.acquireAll([key], { signal: AbortSignal.abort() }));
      expect(() => locks.acquire(key, { timeout: -1 })).toThrow(RangeError);
      expect(() => locks.with(key, undefined as never)).toThrow(TypeError);
      await reasonOf(
        locks.with(key, () => {
          throw new Error("mine");
        }),
      );
      expect([locks.size, [...locks.keys()], locks.isLocked(key)]).toEqual([0, [], false]);
      locks.close();
      expect(locks.tryAcquire(key)).toBeNull();
      await reasonOf(locks.acquire(key));
      await reasonOf(locks.acquireAll([key, "other"]));
      expect([locks.size, [...locks.keys()]]).toEqual([0, []]);
    }
  });

  it("[KM3, L21, G12] ends at size 0, and gives the memory back, after 1,000,000 keys that were used once", async () => {
    const locks = new KeyedMutex<unknown>();
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 1_000_000; n += 4) {
      locks.tryAcquire(`key ${n}`)?.release();
      locks.tryAcquire(n)?.release();
      locks.tryAcquire({ n })?.release();
      (await locks.acquire(`key ${n}`)).release();
    }
    expect(locks.size).toBe(0);
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
  });

  it("[KM3, L21] ends at size 0 when 100,000 keys were in use at once, and were left in another order", async () => {
    const locks = new KeyedMutex<number>();
    const tokens = await Promise.all(Array.from({ length: 100_000 }, (_, n) => locks.acquire(n)));
    expect(locks.size).toBe(100_000);
    for (const [n, token] of tokens.entries()) if (n % 2 === 0) token.release();
    expect(locks.size).toBe(50_000);
    expect([locks.isLocked(0), locks.isLocked(1)]).toEqual([false, true]);
    for (const token of tokens.reverse()) token.release();
    expect(locks.size).toBe(0);
    expect([...locks.keys()]).toEqual([]);
  });

  it("[KM3, T16] lets go of every key that is an object once it is idle", async () => {
    const locks = new KeyedMutex<object>();
    const kept = Array.from({ length: 100 }, () => {
      const key = {};
      locks.tryAcquire(key)?.release();
      return new WeakRef(key);
    });
    await settle();
    collect();
    expect(kept.filter((ref) => ref.deref() !== undefined)).toEqual([]);
  });

  it("[KM4, T16] never has two holders of a key whose entry was freed and made again, whatever its token's owner still does", async () => {
    const locks = new KeyedMutex();
    const stale: KeyToken<string>[] = [];
    for (let round = 0; round < 50; round += 1) {
      const key = round % 3 === 0 ? "a" : "b";
      const token = await locks.acquire(key);
      for (const old of stale) old.release();
      expect(token.held).toBe(true);
      expect(locks.tryAcquire(key)).toBeNull();
      expect([...locks.keys()]).toEqual([key]);
      stale.push(token);
      token.release();
      expect(locks.size).toBe(0);
    }
  });

  it("[KM5] compares keys as Map does, and coerces nothing", async () => {
    const locks = new KeyedMutex<unknown>();
    const odd: unknown[] = [
      "",
      "\0",
      "\ud800",
      "\udc00",
      "__proto__",
      "constructor",
      "hasOwnProperty",
      "toString",
      "NaN",
      NaN,
      0,
      "0",
      1,
      1n,
      "1",
      true,
      "true",
      null,
      "null",
      undefined,
      "undefined",
      {},
      {},
      [],
      [],
      Symbol("a"),
      Symbol("a"),
      () => 1,
      { toString: () => "a" },
      "a",
      "ä".normalize("NFC"),
      "ä".normalize("NFD"),
    ];
    const tokens = odd.map((key) => locks.tryAcquire(key));
    expect(tokens.every((token) => token?.held === true)).toBe(true);
    expect(locks.size).toBe(odd.length);
    for (const [index, key] of odd.entries()) {
      expect(Object.is(tokens[index]?.key, key)).toBe(true);
      expect(locks.tryAcquire(key)).toBeNull();
      expect(locks.isLocked(key)).toBe(true);
    }
    expect(locks.tryAcquire(-0)).toBeNull();
    expect(new Set(locks.keys())).toEqual(new Set(odd));
    const waiting = odd.map((key) => locks.acquire(key));
    expect(odd.map((key) => locks.waiters(key))).toEqual(odd.map(() => 1));
    for (const token of tokens) token?.release();
    for (const request of waiting) (await request).release();
    expect(locks.size).toBe(0);
  });

  it("[KM5] takes spellings for one key that normalize makes one, and shows the key as its first user wrote it", async () => {
    const locks = new KeyedMutex({ normalize: (key: string) => key.toLowerCase() });
    const token = await locks.acquire("README");
    expect([token.key, locks.isLocked("readme"), locks.tryAcquire("ReadMe")]).toEqual(["README", true, null]);
    const second = locks.acquire("readme");
    expect([locks.waiters("Readme"), locks.size, [...locks.keys()]]).toEqual([1, 1, ["README"]]);
    expect(locks.snapshot().pending).toEqual([{ mode: "exclusive", keys: ["README"] }]);
    token.release();
    expect((await second).held).toBe(true);
    (await second).release();
    const again = await locks.acquire("readme");
    expect([again.key, [...locks.keys()]]).toEqual(["readme", ["readme"]]);
    again.release();
    const all = await locks.acquireAll(["x", "X", "y"]);
    expect([all.keys, locks.size]).toEqual([["x", "y"], 2]);
    all.releaseKey("X");
    expect([...locks.keys()]).toEqual(["y"]);
    all.release();
    expect(locks.size).toBe(0);
  });

  it("[KM5, L16] changes nothing when normalize throws, and may be called again from within it", async () => {
    const error = new Error("mine");
    const locks: KeyedMutex = new KeyedMutex({
      normalize: (key: string) => {
        if (key === "bad") throw error;
        if (key === "deep") return locks.tryAcquire("other") === null ? "held" : "free";
        return key;
      },
    });
    expect(() => locks.acquire("bad")).toThrow(error);
    expect(() => locks.acquireAll(["a", "bad"])).toThrow(error);
    expect(() => locks.tryAcquireAll(["a", "bad"])).toThrow(error);
    expect(locks.size).toBe(0);
    const token = await locks.acquire("deep");
    expect(new Set(locks.keys())).toEqual(new Set(["other", "deep"]));
    token.release();
    expect([...locks.keys()]).toEqual(["other"]);
  });

  it("[L1, L3, KM2] lets so many hold a key as there are permits, and hands each on in order", async () => {
    const locks = new KeyedMutex({ permits: 2 });
    const order: string[] = [];
    const first = await locks.acquire("a");
    const second = locks.tryAcquire("a");
    expect(locks.tryAcquire("a")).toBeNull();
    expect(locks.snapshot().held).toEqual([
      { mode: "permit", key: "a" },
      { mode: "permit", key: "a" },
    ]);
    const visits = ["x", "y", "z"].map((who) =>
      locks.with("a", async () => {
        order.push(who);
        await settle();
      }),
    );
    expect([locks.waiters("a"), locks.snapshot().held.length]).toEqual([3, 2]);
    first.release();
    first.release();
    expect([locks.waiters("a"), locks.snapshot().held.length]).toEqual([2, 2]);
    second?.release();
    expect([locks.waiters("a"), locks.snapshot().held.length]).toEqual([1, 2]);
    await Promise.all(visits);
    expect(order).toEqual(["x", "y", "z"]);
    expect(locks.size).toBe(0);
  });

  it("[L18, KM3] refuses one key too many, with the limit in the error, and takes it once another is idle", async () => {
    const locks = new KeyedMutex({ maxKeys: 2, label: "files" });
    const tokens = [await locks.acquire("a"), await locks.acquire("b")];
    const again = watch(locks.acquire("a"));
    const error = await reasonOf(locks.acquire("c"));
    expect(isLockError(error, "ERR_QUEUE_FULL")).toBe(true);
    expect(error).toMatchObject({ limit: 2, message: expect.stringContaining('"files"') as string });
    expect(locks.tryAcquire("c")).toBeNull();
    expect(locks.tryAcquireAll(["a", "c"])).toBeNull();
    expect(isLockError(await reasonOf(locks.with("c", () => 1)), "ERR_QUEUE_FULL")).toBe(true);
    expect(isLockError(await reasonOf(locks.acquireAll(["b", "c"])), "ERR_QUEUE_FULL")).toBe(true);
    expect(await reasonOf(locks.acquire("c", { signal: AbortSignal.abort("mine") }))).toBe("mine");
    expect(() => locks.acquire("c", { timeout: -1 })).toThrow(RangeError);
    expect(() => locks.with("c", 5 as never)).toThrow(TypeError);
    expect([locks.size, locks.waiters()]).toEqual([2, 1]);
    tokens[1]?.release();
    const third = await locks.acquire("c");
    third.release();
    tokens[0]?.release();
    await settle();
    again.value?.release();
    expect(locks.size).toBe(0);
    expect(isLockError(await reasonOf(locks.acquireAll(["x", "y", "z"])), "ERR_QUEUE_FULL")).toBe(true);
    (await locks.acquireAll(["x", "y"])).release();
    locks.close();
    expect(isLockError(await reasonOf(locks.acquire("c")), "ERR_CLOSED")).toBe(true);
    expect(locks.size).toBe(0);
  });

  it("[L18] limits those who wait per key", async () => {
    const locks = new KeyedMutex({ maxWaitersPerKey: 1 });
    const tokens = [await locks.acquire("a"), await locks.acquire("b")];
    const waiting = [locks.acquire("a"), locks.acquire("b")];
    for (const request of [locks.acquire("a"), locks.acquireAll(["b"]), locks.acquireAll(["free", "a"])])
      expect(isLockError(await reasonOf(request), "ERR_QUEUE_FULL")).toBe(true);
    expect([locks.size, locks.waiters()]).toEqual([2, 2]);
    for (const token of tokens) token.release();
    for (const request of waiting) (await request).release();
    expect(locks.size).toBe(0);
  });

  it("[L18, KM1] cancels those who wait for one key, or all, and tells how many", async () => {
    const locks = new KeyedMutex<string | undefined>();
    const tokens = [await locks.acquire("a"), await locks.acquire("b"), await locks.acquire(undefined)];
    const waiting = [
      locks.acquire("a"),
      locks.acquire("a"),
      locks.acquire("b"),
      locks.acquireAll(["a", "b"]),
      locks.acquire(undefined),
    ].map(reasonOf);
    expect(locks.cancelWaiters("none", "free")).toBe(0);
    expect(locks.cancelWaiters("for a", "a")).toBe(3);
    expect([locks.waiters("a"), locks.waiters("b"), locks.waiters()]).toEqual([0, 1, 2]);
    expect(locks.cancelWaiters("for undefined", undefined)).toBe(1);
    expect(locks.cancelWaiters("all")).toBe(1);
    expect(await Promise.all(waiting)).toEqual(["for a", "for a", "all", "for a", "for undefined"]);
    for (const token of tokens) token.release();
    expect(locks.size).toBe(0);
  });

  it("[T11] tells when one key is idle, and when all are", async () => {
    const locks = new KeyedMutex();
    await locks.whenIdle();
    await locks.whenIdle("a");
    const a = await locks.acquire("a");
    const b = await locks.acquire("b");
    const next = locks.acquire("a");
    const idle = [locks.whenIdle("a"), locks.whenIdle("b"), locks.whenIdle()].map((promise) =>
      watch(promise),
    );
    const states = async (): Promise<string[]> => {
      await settle();
      return idle.map(({ state }) => state);
    };
    a.release();
    expect(await states()).toEqual(["pending", "pending", "pending"]);
    (await next).release();
    expect(await states()).toEqual(["fulfilled", "pending", "pending"]);
    b.release();
    expect(await states()).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
    const c = await locks.acquire("c");
    expect(isLockError(await reasonOf(locks.whenIdle("c", { timeout: 0 })), "ERR_TIMEOUT")).toBe(true);
    expect(isLockError(await reasonOf(locks.whenIdle(undefined, { timeout: 0 })), "ERR_TIMEOUT")).toBe(true);
    c.release();
  });

  it("[L11, L7, G8] still hears the signal of a waiter when another key gets idle for which nobody waits with it any more", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const locks = new KeyedMutex();
    const a = await locks.acquire("a");
    const b = await locks.acquire("b");
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = reasonOf(locks.acquire("b", { signal }));
    const late = reasonOf(locks.whenIdle("a", { signal, timeout: 5 }));
    vi.advanceTimersByTime(5);
    vi.useRealTimers();
    expect(isLockError(await late, "ERR_TIMEOUT")).toBe(true);
    a.release();
    expect(listeners(signal)).toBe(1);
    controller.abort("gone");
    expect(locks.waiters("b")).toBe(0);
    expect(await waiting).toBe("gone");
    b.release();
    expect(locks.size).toBe(0);
  });

  it("[L19, G13] shows all keys in one snapshot, labels included, and waits for one request once", async () => {
    const locks = new KeyedMutex();
    const a = await locks.acquire("a", { label: "holder" });
    const both = locks.acquireAll(["a", "b", "c"], { label: "all" });
    const b = locks.acquire("b");
    const { held, pending } = locks.snapshot();
    expect(held.map(({ key, label }) => [key, label])).toEqual([
      ["a", "holder"],
      ["b", "all"],
      ["c", "all"],
    ]);
    expect(pending.map(({ keys, label }) => [keys, label])).toEqual([
      [["a", "b", "c"], "all"],
      [["b"], undefined],
    ]);
    expect([locks.isLocked("b"), locks.waiters("a"), locks.waiters("b"), locks.waiters()]).toEqual([
      true,
      1,
      1,
      2,
    ]);
    a.release();
    (await both).release();
    (await b).release();
    expect(locks.snapshot()).toEqual({ held: [], pending: [] });
  });

  it("[KM2, L13] gives one key as a governor that costs nothing while it is not used", async () => {
    const locks = new KeyedMutex();
    const governor = locks.governor("a");
    expect(locks.size).toBe(0);
    const account = {
      balance: 5,
      spend: governor.wrap(async function (this: { balance: number }, amount: number) {
        const before = this.balance;
        await Promise.resolve();
        this.balance = before - amount;
        return locks.isLocked("a");
      }),
    };
    expect(await Promise.all([account.spend(1), account.spend(2)])).toEqual([true, true]);
    expect([account.balance, locks.size]).toEqual([2, 0]);
    const token = governor.tryAcquire();
    expect([token?.key, locks.tryAcquire("a")]).toEqual(["a", null]);
    token?.release();
  });

  it("[T11, L19] tells observers the keys and the lock", async () => {
    const listener = observe();
    const locks = new KeyedMutex<unknown>({ label: "files" });
    (await locks.acquire(undefined)).release();
    const all = await locks.acquireAll(["a", "b", "c"], { label: "all" });
    const [, request] = listener.histories.keys();
    expect(request?.keys).toEqual(["a", "b", "c"]);
    all.releaseKey("b");
    expect(request?.keys).toEqual(["a", "c"]);
    expect(request?.lock.name).toBe('KeyedMutex "files"');
    all.release();
    listener.stop();
    expect([...listener.histories.values()]).toEqual([
      ["grant", "release"],
      ["grant", "release"],
    ]);
  });

  it("[L22] throws for options of the wrong type or range, and names option and value", () => {
    const wrong: readonly (readonly [options: unknown, Kind: typeof TypeError, naming: RegExp])[] = [
      [null, TypeError, /options.*null/],
      ["a", TypeError, /options.*"a"/],
      [{ label: {} }, TypeError, /label.*Object/],
      [{ permits: "2" }, TypeError, /permits.*"2"/],
      [{ permits: 0 }, RangeError, /permits.*0/],
      [{ permits: 1.5 }, RangeError, /permits.*1\.5/],
      [{ permits: NaN }, RangeError, /permits.*NaN/],
      [{ normalize: "lower" }, TypeError, /normalize.*"lower"/],
      [{ normalize: null }, TypeError, /normalize.*null/],
      [{ maxKeys: 0 }, RangeError, /maxKeys.*0/],
      [{ maxKeys: null }, TypeError, /maxKeys.*null/],
      [{ maxWaitersPerKey: -1 }, RangeError, /maxWaitersPerKey.*-1/],
      [{ maxWaitersPerKey: true }, TypeError, /maxWaitersPerKey.*true/],
    ];
    for (const [options, Kind, naming] of wrong) {
      expect(() => new KeyedMutex(options as KeyedMutexOptions<string>)).toThrow(Kind);
      expect(() => new KeyedMutex(options as KeyedMutexOptions<string>)).toThrow(naming);
    }
  });

  it("[KM1, L18] closes all keys at once, and lets their holders finish", async () => {
    const locks = new KeyedMutex();
    const tokens = [await locks.acquire("a"), await locks.acquire("b")];
    const waiting = [locks.acquire("a"), locks.acquireAll(["a", "c"]), locks.acquire("b")].map(reasonOf);
    locks.close("closed");
    expect(await Promise.all(waiting)).toEqual(["closed", "closed", "closed"]);
    expect([...locks.keys()]).toEqual(["a", "b"]);
    for (const key of ["a", "new"]) {
      expect(locks.tryAcquire(key)).toBeNull();
      expect(locks.tryAcquireAll([key])).toBeNull();
      expect(await reasonOf(locks.acquire(key))).toBe("closed");
    }
    for (const token of tokens) token.release();
    expect([locks.size, locks.closed]).toEqual([0, true]);
    await locks.whenIdle();
  });

  it("[KM3, T16] lets go of every key that is an object and was asked for in vain", async () => {
    const busy = new KeyedMutex<object>();
    busy.tryAcquire(busy);
    const vain: readonly ((locks: KeyedMutex<object>, key: object) => unknown)[] = [
      (lock, key) => reasonOf(lock.acquire(key, { signal: AbortSignal.abort() })),
      (lock, key) => reasonOf(lock.with(key, () => 1, { signal: AbortSignal.abort() })),
      (lock, key) => {
        expect(() => lock.acquire(key, { timeout: -1 })).toThrow(RangeError);
      },
      (lock, key) => {
        expect(() => lock.with(key, 5 as never)).toThrow(TypeError);
      },
    ];
    const askFor = async (lock: KeyedMutex<object>, ask: (typeof vain)[number]): Promise<WeakRef<object>> => {
      const key = {};
      await ask(lock, key);
      return new WeakRef(key);
    };
    for (const ask of vain) {
      // A table each: the next key would take the place of one that was kept.
      const free = new KeyedMutex<object>();
      const asked = [await askFor(free, ask), await askFor(busy, ask)];
      expect([free.size, busy.size]).toEqual([0, 1]);
      await settle();
      collect();
      expect(asked.map((key) => key.deref())).toEqual([undefined, undefined]);
      expect([free.closed, busy.closed]).toEqual([false, false]);
    }
  });

  it("[KM4, L1] stays exclusive for a key that is an object, though a body releases early and somebody else takes it", async () => {
    for (const key of [{}, "a", 5]) {
      const locks = new KeyedMutex<unknown>();
      const others: (KeyToken<unknown> | null)[] = [];
      await locks.with(key, (token) => {
        token.release();
        others.push(locks.tryAcquire(key));
      });
      expect([locks.size, locks.isLocked(key), locks.tryAcquire(key)]).toEqual([1, true, null]);
      others[0]?.release();
      expect(locks.size).toBe(0);
    }
  });

  it("[KM5, T11] does not take whenIdle without a key for a question about one", async () => {
    const locks = new KeyedMutex({ normalize: (key: string) => key.toLowerCase() });
    const a = await locks.acquire("A");
    const idle = watch(locks.whenIdle());
    await settle();
    expect(idle.state).toBe("pending");
    a.release();
    await settle();
    expect(idle.state).toBe("fulfilled");
    await locks.whenIdle();
    const odd = new KeyedMutex<string | undefined>();
    const held = [await odd.acquire(undefined), await odd.acquire("a")];
    const all = watch(odd.whenIdle());
    held[0]?.release();
    await settle();
    expect(all.state).toBe("pending");
    held[1]?.release();
    await settle();
    expect(all.state).toBe("fulfilled");
  });

  it("[L18, L22] refuses a key too many whatever else the request wants, and names what is wrong", async () => {
    const locks = new KeyedMutex({ maxKeys: 1, label: "files" });
    const token = await locks.acquire("a");
    const { signal } = new AbortController();
    for (const options of [undefined, {}, { timeout: 5 }, { signal }, { label: "me" }]) {
      const errors = [
        await reasonOf(locks.acquire("b", options)),
        await reasonOf(locks.with("b", () => 1, options)),
        await reasonOf(locks.acquireAll(["a", "b"], options)),
      ];
      for (const error of errors)
        expect(String(error)).toBe('QueueFullError: KeyedMutex "files" has 1 keys in use and takes no more');
    }
    expect(listeners(signal)).toBe(0);
    expect(() => locks.with("b", 5 as never)).toThrow("fn must be a function, received 5");
    locks.close();
    expect(isLockError(await reasonOf(locks.acquire("b")), "ERR_CLOSED")).toBe(true);
    expect(isLockError(await reasonOf(locks.with("b", () => 1)), "ERR_CLOSED")).toBe(true);
    token.release();
  });

  it("[KM6, L1] lets as many hold several keys at once as there are permits", async () => {
    const locks = new KeyedMutex({ permits: 2 });
    const first = await locks.acquireAll(["a", "b"]);
    const second = locks.tryAcquireAll(["b", "a"]);
    expect(second?.held).toBe(true);
    expect(locks.tryAcquireAll(["b"])).toBeNull();
    expect(locks.snapshot().held.map(({ key, mode }) => [key, mode])).toEqual([
      ["a", "permit"],
      ["a", "permit"],
      ["b", "permit"],
      ["b", "permit"],
    ]);
    first.release();
    const inside = locks.withAll(["a", "b"], () => locks.snapshot().held.length);
    expect(await inside).toBe(4);
    const third = await locks.acquireAll(["a", "b"]);
    third.release();
    second?.release();
    expect(locks.size).toBe(0);
  });

  it("[KM3, L18] counts a key as one too many that was in use just before", async () => {
    const locks = new KeyedMutex({ maxKeys: 2 });
    const [a, b] = [await locks.acquire("a"), await locks.acquire("b")];
    a.release();
    expect(locks.tryAcquireAll(["a", "c"])).toBeNull();
    expect(isLockError(await reasonOf(locks.acquireAll(["a", "c"])), "ERR_QUEUE_FULL")).toBe(true);
    expect([...locks.keys()]).toEqual(["b"]);
    b.release();
    const both = locks.tryAcquireAll(["a", "c"]);
    expect(both?.keys).toEqual(["a", "c"]);
    both?.release();
  });

  it("[KM5] shows keys as their first user wrote them, and not as somebody did who is gone", async () => {
    const locks = new KeyedMutex({ normalize: (key: string) => key.toLowerCase() });
    (await locks.acquire("A")).release();
    const token = await locks.acquireAll(["a", "B"]);
    expect([token.keys, [...locks.keys()]]).toEqual([
      ["a", "B"],
      ["a", "B"],
    ]);
    const waiting = locks.acquireAll(["b", "A"]);
    token.release();
    expect((await waiting).keys).toEqual(["B", "a"]);
    (await waiting).release();
  });

  it("[L22] says that options are no object before it reads any of them", () => {
    for (const options of [null, 5, "a"])
      expect(() => new KeyedMutex(options as never)).toThrow(/^options must be an object, received /);
  });
});

exclusiveLockSuite("three keys of KeyedMutex at once", {
  make: (options) => lockOfKeys(new KeyedMutex(keyLimits(options)), ["a", "b", "c"]),
  mode: "exclusive",
  keys: ["a", "b", "c"],
});

exclusiveLockSuite("two keys of KeyedMutex at once, observed", {
  make: (options) => lockOfKeys(new KeyedMutex(keyLimits(options)), ["a", "b"]),
  mode: "exclusive",
  keys: ["a", "b"],
  observed: true,
});
