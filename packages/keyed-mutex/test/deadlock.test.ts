import { AsyncLocalStorage } from "node:async_hooks";
import { DeadlockError, isLockError } from "@holdfast/core";
import { type DeadlockDetector, detectDeadlocks } from "@holdfast/core/deadlock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KeyedMutex, KeyedRwLock, Mutex } from "../src/index.js";

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("keyed locks under the deadlock detector", () => {
  let detector: DeadlockDetector;
  let inverted: string[];

  beforeEach(() => {
    inverted = [];
    detector = detectDeadlocks({ onInversion: ({ message }) => inverted.push(message) });
  });
  afterEach(() => {
    detector.stop();
  });

  it("[T17] rejects waiting for a key that the same code holds, and names the key", async () => {
    const files = new KeyedMutex({ label: "files" });
    const error = await files.with("a.txt", () => failure(files.with("a.txt", () => "never")), {
      label: "edit",
    });
    expect((error as DeadlockError).message).toBe(
      'Deadlock: "edit" waits for KeyedMutex "files" a.txt (exclusive), held by "edit"',
    );
    expect(files.size).toBe(0);
  });

  it("[T17] rejects it under another spelling too", async () => {
    const files = new KeyedMutex({ normalize: (path: string) => path.toLowerCase() });
    const error = await files.with("A.txt", () => failure(files.with("a.TXT", () => "never")));
    expect(isLockError(error, "ERR_DEADLOCK")).toBe(true);
    const several = await files.with("A.txt", () => failure(files.acquireAll(["b.txt", "a.txt"])));
    expect(isLockError(several, "ERR_DEADLOCK")).toBe(true);
    expect(files.size).toBe(0);
  });

  it("lets a holder of one key take another", async () => {
    const files = new KeyedMutex();
    expect(await files.with("a", () => files.with("b", () => "both"))).toBe("both");
  });

  it("finds a circle through a request for several keys, and gives back what was set aside for it", async () => {
    const files = new KeyedRwLock();
    const config = new Mutex({ label: "config" });
    let haveA!: () => void;
    const a = new Promise<void>((resolve) => (haveA = resolve));
    const first = config.with(async () => {
      await a;
      return await failure(files.acquireAll(["b", "a"], { label: "first" }));
    });
    const second = files.with("a", async () => {
      haveA();
      // Let the first one queue for a, with b set aside.
      while (files.waiters() === 0) await Promise.resolve();
      return await failure(config.acquire({ label: "second" }));
    });
    const errors = (await Promise.all([first, second])).filter((error) => isLockError(error, "ERR_DEADLOCK"));
    expect(errors).toHaveLength(1);
  });

  it("reports two keys taken in both orders, but not when they are taken at once", async () => {
    const files = new KeyedMutex();
    await files.withAll(["a", "b"], () => undefined);
    await files.withAll(["b", "a"], () => undefined);
    expect(inverted).toEqual([]);
    await files.with("a", () => files.with("b", () => undefined));
    await files.with("b", () => files.with("a", () => undefined));
    expect(inverted).toHaveLength(1);
  });

  it("no longer counts a key that was given back early", async () => {
    const files = new KeyedMutex();
    const done = await detector.task("job", async () => {
      const token = await files.acquireAll(["a", "b"]);
      token.releaseKey("a");
      const again = await files.acquire("a");
      again.release();
      token.release();
      return "done";
    });
    expect(done).toBe("done");
  });

  it("[T17] names all the keys of a request, and leaves out who came after it", async () => {
    const files = new KeyedMutex({ label: "files" });
    const actor = (label: string) => detector.task(label, () => AsyncLocalStorage.snapshot());
    const [holder, me, late, other] = [actor("holder"), actor("me"), actor("late"), actor("other")];
    const l = await holder(() => files.acquire("l"));
    const k = await me(() => files.acquire("k"));
    const n = await other(() => files.acquire("n"));
    const mine = me(() => files.acquire("l"));
    const both = late(() => files.acquireAll(["l", "n"]));
    // I wait for l and nobody who came later: not for those who wait for n as well.
    const theirs = other(() => files.acquire("k"));
    expect(files.waiters()).toBe(3);
    const error = await failure(holder(() => files.acquireAll(["m", "k"])));
    expect((error as DeadlockError).chain).toEqual([
      '"holder" waits for KeyedMutex "files" m, k (exclusive), held by "me"',
      '"me" waits for KeyedMutex "files" l (exclusive), held by "holder"',
    ]);
    l.release();
    (await mine).release();
    k.release();
    (await theirs).release();
    n.release();
    (await both).release();
    expect(files.size).toBe(0);
  });

  it("does not hold a key against somebody who gave it back early", async () => {
    const files = new KeyedMutex();
    const mine = await files.acquireAll(["x", "y"], { label: "mine" });
    const outcome = detector.task("job", async () => {
      const both = files.acquireAll(["p", "x"]);
      mine.releaseKey("x");
      const token = await both;
      token.releaseKey("x");
      const other = await detector.task("other", () => files.acquire("x"));
      const again = files.acquire("x");
      other.release();
      (await again).release();
      token.release();
      return "went on";
    });
    expect(await outcome).toBe("went on");
    mine.release();
  });

  it("lets shared requests for one key pass each other in what it plays through", async () => {
    const files = new KeyedRwLock();
    const writing = await detector.task("w", () => files.acquire("x"));
    const y = await detector.task("b", () => files.acquire("y"));
    const several = detector.task("k", () =>
      files.acquireAll(["x", "y"], { mode: (key) => (key === "x" ? "shared" : "exclusive") }),
    );
    // Its own key y is wanted by a request that is ahead of it for x, but only shared like itself.
    const after = files.with("z", () =>
      detector.task("b again", () => files.acquire("x", { mode: "shared" })),
    );
    writing.release();
    (await after).release();
    y.release();
    (await several).release();
    expect(files.size).toBe(0);
  });

  it("finds a circle through all the permits of a key", async () => {
    const pool = new KeyedMutex({ permits: 2 });
    const m = new Mutex({ label: "m" });
    const errors: unknown[] = [];
    let both!: () => void;
    const haveBoth = new Promise<void>((resolve) => (both = resolve));
    const a = detector.task("a", async () => {
      const permits = [await pool.acquire("k"), await pool.acquire("k")];
      both();
      while (pool.waiters("k") === 0) await Promise.resolve();
      errors.push(await failure(m.with(() => undefined)));
      for (const permit of permits) permit.release();
    });
    const b = m.with(async () => {
      await haveBoth;
      errors.push(await failure(pool.with("k", () => undefined)));
    });
    await Promise.all([a, b]);
    expect(errors.filter((error) => isLockError(error, "ERR_DEADLOCK"))).toHaveLength(1);
  });

  it("tells keys apart that are objects, and can name every key", async () => {
    const locks = new KeyedMutex<unknown>();
    const [a, b, nameless] = [{}, {}, Object.create(null) as object];
    await locks.with(a, () => locks.with("s", () => undefined));
    await locks.with("s", () => locks.with(b, () => undefined));
    await locks.with(nameless, () => locks.with(Symbol("key"), () => undefined));
    expect(inverted).toEqual([]);
    const error = await locks.with(nameless, () => failure(locks.with(nameless, () => "never")));
    expect((error as DeadlockError).message).toContain("[object Object]");
  });
});
