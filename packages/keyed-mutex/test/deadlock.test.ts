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
      '"holder" waits for KeyedMutex "files" m, k (exclusive), wanted before it by "other"',
      '"other" waits for KeyedMutex "files" k (exclusive), held by "me"',
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
});
