import {
  exclusiveLockSuite,
  keyLimits,
  reasonOf,
  settle,
  sharedExclusiveLockSuite,
  sideOf,
  sidesOfKey,
  watch,
} from "@holdfast/conformance";
import { describe, expect, it, vi } from "vitest";
import { KeyedRwLock, type KeyedRwLockOptions } from "../src/index.js";
import { modes } from "./subject.js";

for (const observed of [false, true]) {
  exclusiveLockSuite(
    observed ? "one key of KeyedRwLock, exclusive, observed" : "one key of KeyedRwLock, exclusive",
    {
      make: (options) => sideOf(sidesOfKey(new KeyedRwLock(keyLimits(options)), "a"), "exclusive"),
      mode: "exclusive",
      keys: ["a"],
      observed,
    },
  );

  sharedExclusiveLockSuite(observed ? "one key of KeyedRwLock, observed" : "one key of KeyedRwLock", {
    make: (options) => sidesOfKey(new KeyedRwLock(keyLimits(options)), "a"),
    makeLimited: (maxShared) => sidesOfKey(new KeyedRwLock({ maxShared }), "a"),
    modes,
    keys: ["a"],
    observed,
  });
}

exclusiveLockSuite("one key of KeyedRwLock that only one may share", {
  make: (options) =>
    sideOf(sidesOfKey(new KeyedRwLock({ ...keyLimits(options), maxShared: 1 }), "a"), "shared"),
  mode: "shared",
  keys: ["a"],
});

describe("KeyedRwLock", () => {
  it("[KM1, RW1] wants a key for itself unless it is told otherwise, and says in the token how it has it", async () => {
    const files = new KeyedRwLock();
    const alone = await files.acquire("a");
    expect([alone.mode, alone.key]).toEqual(["exclusive", "a"]);
    expect([files.tryAcquire("a"), files.tryAcquire("a", "shared")]).toEqual([null, null]);
    const elsewhere = files.tryAcquire("b", "shared");
    expect(elsewhere?.mode).toBe("shared");
    elsewhere?.release();
    alone.release();
    const reading = [await files.acquire("a", { mode: "shared" }), files.tryAcquire("a", "shared")];
    expect(reading.map((token) => token?.mode)).toEqual(["shared", "shared"]);
    expect([files.tryAcquire("a"), files.tryAcquire("a", "exclusive")]).toEqual([null, null]);
    for (const token of reading) token?.release();
    expect(await files.with("a", ({ mode }) => mode)).toBe("exclusive");
    expect(await files.with("a", ({ mode }) => mode, { mode: "shared" })).toBe("shared");
    expect(files.size).toBe(0);
  });

  it("[KM6, RW1, RW2] takes several keys in one mode or in one each, all or none", async () => {
    const files = new KeyedRwLock();
    const reading = await files.acquireAll(["a", "b"], { mode: "shared" });
    const copying = watch(
      files.acquireAll(["a", "c"], { mode: (key) => (key === "a" ? "shared" : "exclusive") }),
    );
    await settle();
    expect(copying.state).toBe("fulfilled");
    expect(files.tryAcquireAll(["a", "c"], "shared")).toBeNull();
    expect(files.tryAcquireAll(["a", "b"])).toBeNull();
    const both = files.tryAcquireAll(["a", "b"], "shared");
    expect(both?.keys).toEqual(["a", "b"]);
    both?.release();
    const writing = watch(files.acquireAll(["b", "c"]));
    expect(files.tryAcquire("b", "shared")).toBeNull();
    reading.release();
    expect(files.isLocked("b")).toBe(true);
    copying.value?.release();
    await settle();
    expect(writing.state).toBe("fulfilled");
    writing.value?.release();
    expect(files.size).toBe(0);
  });

  it("[KM6] takes a key for itself that is named twice, once shared and once not", async () => {
    const files = new KeyedRwLock({ normalize: (key: string) => key.toLowerCase() });
    const token = await files.acquireAll(["a", "A"], {
      mode: (key) => (key === "A" ? "exclusive" : "shared"),
    });
    expect(token.keys).toEqual(["a"]);
    expect(files.tryAcquire("a", "shared")).toBeNull();
    token.release();
    expect(await files.withAll(["a", "b"], ({ keys }) => keys, { mode: () => "shared" })).toEqual(["a", "b"]);
    expect(files.size).toBe(0);
  });

  it("[KM6, RW5, L8] lets those behind in at once when a request for several keys gives up", async () => {
    const files = new KeyedRwLock();
    const reading = await files.acquire("a", { mode: "shared" });
    const controller = new AbortController();
    const writing = reasonOf(files.acquireAll(["b", "a"], { signal: controller.signal }));
    const behind = [
      files.acquire("a", { mode: "shared" }),
      files.acquire("b", { mode: "shared" }),
      files.acquire("b", { mode: "shared" }),
    ];
    expect([files.waiters("a"), files.waiters("b")]).toEqual([2, 2]);
    controller.abort("gone");
    expect([files.waiters("a"), files.waiters("b")]).toEqual([0, 0]);
    expect(await writing).toBe("gone");
    for (const request of behind) (await request).release();
    reading.release();
    expect(files.size).toBe(0);
  });

  // A known mistake: what is shown is the mode of the whole request, which is exclusive as soon as one of its keys is.
  it("[L19, G13] shows the way in which each key is held, where a labelled request wants one shared and one alone", async () => {
    const files = new KeyedRwLock();
    const token = await files.acquireAll(["a", "b"], {
      label: "copy",
      mode: (key) => (key === "a" ? "shared" : "exclusive"),
    });
    const shown = files.snapshot().held.map(({ key, mode }) => [key, mode]);
    token.release();
    expect(shown).toEqual([
      ["a", "shared"],
      ["b", "exclusive"],
    ]);
  });

  // A known mistake: a request for several keys is listed once, at the first of them, whoever waits before it for another.
  it("[L19] lists those who wait for one key in the order in which they will get it, where one waits for several", async () => {
    const files = new KeyedRwLock();
    const held = await files.acquireAll(["a", "c"], { label: "holder" });
    const requests = [
      files.acquire("c", { label: "first" }),
      files.acquireAll(["a", "c"], { label: "second" }),
    ];
    const shown = files
      .snapshot()
      .pending.filter(({ keys }) => keys.includes("c"))
      .map(({ label }) => label);
    held.release();
    for (const request of requests) (await request).release();
    expect(shown).toEqual(["first", "second"]);
  });

  it("[L19, G13] shows the way in which each key is held, where a request without a label wants one shared and one alone", async () => {
    const files = new KeyedRwLock();
    const token = await files.acquireAll(["a", "b"], {
      mode: (key) => (key === "a" ? "shared" : "exclusive"),
    });
    const shown = files.snapshot().held.map(({ key, mode }) => [key, mode]);
    token.release();
    expect(shown).toEqual([
      ["a", "shared"],
      ["b", "exclusive"],
    ]);
  });

  it("[L22] throws a TypeError for a mode that is none, and changes nothing", () => {
    const files = new KeyedRwLock();
    const body = vi.fn();
    for (const mode of ["read", "", null, 1, {}]) {
      const wrong = mode as never;
      for (const call of [
        () => files.acquire("a", { mode: wrong }),
        () => files.tryAcquire("a", wrong),
        () => files.with("a", body, { mode: wrong }),
        () => files.acquireAll(["a"], { mode: wrong }),
        () => files.acquireAll(["a"], { mode: () => wrong }),
        () => files.tryAcquireAll(["a"], wrong),
        () => files.tryAcquireAll(["b", "a"], (key) => (key === "a" ? wrong : "shared")),
        () => files.withAll(["a"], body, { mode: wrong }),
        () => files.governor("a", wrong),
      ]) {
        expect(call).toThrow(TypeError);
        expect(call).toThrow(/mode must be "shared" or "exclusive", received/);
      }
    }
    expect(body).not.toHaveBeenCalled();
    expect(files.size).toBe(0);
    const error = new Error("mine");
    const failing = (): never => {
      throw error;
    };
    expect(() => files.acquireAll(["a"], { mode: failing })).toThrow(error);
    expect(files.size).toBe(0);
  });

  it("[L22] throws for options of the wrong type or range, and names option and value", () => {
    const wrong: readonly (readonly [options: unknown, Kind: typeof TypeError, naming: RegExp])[] = [
      [null, TypeError, /options.*null/],
      [{ maxShared: "2" }, TypeError, /maxShared.*"2"/],
      [{ maxShared: 0 }, RangeError, /maxShared.*0/],
      [{ maxShared: NaN }, RangeError, /maxShared.*NaN/],
      [{ normalize: 5 }, TypeError, /normalize.*5/],
      [{ maxKeys: -1 }, RangeError, /maxKeys.*-1/],
      [{ maxWaitersPerKey: 0 }, RangeError, /maxWaitersPerKey.*0/],
    ];
    for (const [options, Kind, naming] of wrong) {
      expect(() => new KeyedRwLock(options as KeyedRwLockOptions<string>)).toThrow(Kind);
      expect(() => new KeyedRwLock(options as KeyedRwLockOptions<string>)).toThrow(naming);
    }
  });

  it("[KM2, L13] gives either side of a key as a governor", async () => {
    const files = new KeyedRwLock();
    const reading = files.governor("a", "shared");
    const writing = files.governor("a");
    expect(files.size).toBe(0);
    const token = await reading.acquire({ label: "r" });
    expect([token.mode, writing.tryAcquire()]).toEqual(["shared", null]);
    expect(await reading.with(({ mode }) => mode)).toBe("shared");
    token.release();
    expect(await writing.with(({ mode }) => mode)).toBe("exclusive");
    expect(await writing.wrap((x: number) => x + 1)(1)).toBe(2);
    expect(files.size).toBe(0);
  });

  it("[KM6, L13] runs a body with several keys, alone unless it is told otherwise", async () => {
    const files = new KeyedRwLock();
    const modes = (): string[] => files.snapshot().held.map(({ mode }) => mode);
    expect(await files.withAll(["a", "b"], modes)).toEqual(["exclusive", "exclusive"]);
    expect(await files.withAll(["a", "b"], modes, { mode: "shared" })).toEqual(["shared", "shared"]);
    expect(await files.with("a", modes)).toEqual(["exclusive"]);
    expect(files.size).toBe(0);
  });

  it("[L19, G13] shows a request that wants one key shared and one alone as one that wants to be alone", async () => {
    const files = new KeyedRwLock();
    const token = await files.acquire("a");
    const waiting = [undefined, "mixed"].map((label) =>
      files.acquireAll(["a", "b"], { label, mode: (key) => (key === "a" ? "shared" : "exclusive") }),
    );
    const shared = files.acquireAll(["a", "c"], { mode: "shared" });
    expect(files.snapshot().pending.map(({ mode, label }) => [mode, label])).toEqual([
      ["exclusive", undefined],
      ["exclusive", "mixed"],
      ["shared", undefined],
    ]);
    token.release();
    for (const request of [...waiting, shared]) (await request).release();
    expect(files.size).toBe(0);
  });

  it("[L22] says that options are no object before it reads any of them", () => {
    for (const options of [null, 5, "a"])
      expect(() => new KeyedRwLock(options as never)).toThrow(/^options must be an object, received /);
  });
});
