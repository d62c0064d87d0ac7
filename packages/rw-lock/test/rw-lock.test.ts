import { exclusiveLockSuite, observe, sharedExclusiveLockSuite, sideOf } from "@holdfast/conformance";
import { describe, expect, it } from "vitest";
import { isLockError, RwLock, type RwLockOptions, type WriteToken } from "../src/index.js";
import { downgrade, modes, tryUpgrade } from "./subject.js";

for (const observed of [false, true]) {
  exclusiveLockSuite(observed ? "RwLock, writing, observed" : "RwLock, writing", {
    make: (options) => sideOf(new RwLock(options), "exclusive"),
    mode: "write",
    observed,
  });

  sharedExclusiveLockSuite(observed ? "RwLock, observed" : "RwLock", {
    make: (options) => new RwLock(options),
    makeLimited: (maxReaders) => new RwLock({ maxReaders }),
    modes,
    downgrade,
    tryUpgrade,
    observed,
  });
}

exclusiveLockSuite("RwLock that only one may read", {
  make: (options) => sideOf(new RwLock({ ...options, maxReaders: 1 }), "shared"),
  mode: "read",
});

describe("RwLock", () => {
  it("[RW1, L19] says how it is held: free, by readers and how many, or by a writer", async () => {
    const lock = new RwLock();
    expect([lock.mode, lock.readers, lock.locked]).toEqual(["free", 0, false]);
    const first = await lock.read();
    const second = lock.tryRead();
    expect([lock.mode, lock.readers, lock.locked]).toEqual(["read", 2, true]);
    first.release();
    second?.release();
    const writer = await lock.write();
    expect([lock.mode, lock.readers, lock.locked, lock.holders]).toEqual(["write", 0, true, 1]);
    const reader = writer.downgrade();
    expect([lock.mode, lock.readers]).toEqual(["read", 1]);
    reader.release();
    expect([lock.mode, lock.readers, lock.locked]).toEqual(["free", 0, false]);
  });

  it("[RW8] gives tokens that say which kind they are", async () => {
    const lock = new RwLock();
    const reader = await lock.read();
    expect(reader.mode).toBe("read");
    const writer = reader.tryUpgrade();
    expect(writer?.mode).toBe("write");
    const again = writer?.downgrade();
    expect(again?.mode).toBe("read");
    again?.release();
    expect(lock.tryWrite()?.mode).toBe("write");
  });

  it("[RW8, L22] says why a token that was released or handed on cannot be downgraded", async () => {
    const lock = new RwLock();
    const writer = await lock.write();
    const reader = writer.downgrade();
    expect(() => writer.downgrade()).toThrow(new TypeError("downgrade() needs a token that is still held"));
    reader.release();
    const other = await lock.write();
    other.release();
    expect(() => other.downgrade()).toThrow(new TypeError("downgrade() needs a token that is still held"));
    // Nothing in the types lets a reader try, and what is already shared stays as it is.
    const shared = await lock.read();
    expect(() => (shared as unknown as WriteToken).downgrade()).toThrow(TypeError);
    expect([shared.held, lock.readers]).toEqual([true, 1]);
    shared.release();
    expect(lock.mode).toBe("free");
  });

  it("[L13, RW1] runs bodies with withRead and withWrite, and gives them their token", async () => {
    const lock = new RwLock();
    expect(await lock.withWrite((token) => [token.mode, lock.mode])).toEqual(["write", "write"]);
    expect(await lock.withRead((token) => [token.mode, lock.readers])).toEqual(["read", 1]);
    expect(() => lock.withRead(undefined as never)).toThrow(TypeError);
    expect(() => lock.withWrite(undefined as never)).toThrow(TypeError);
    expect(lock.mode).toBe("free");
  });

  it("[RW1, G10] is the same lock through its methods and through its two sides", async () => {
    const lock = new RwLock();
    const reader = await lock.shared.acquire();
    expect(lock.tryWrite()).toBeNull();
    expect(lock.exclusive.tryAcquire()).toBeNull();
    const writer = lock.write();
    expect([lock.tryRead(), lock.shared.tryAcquire()]).toEqual([null, null]);
    reader.release();
    (await writer).release();
    expect(lock.exclusive.tryAcquire()?.mode).toBe("write");
  });

  it("[RW6, RW7, L19] tells observers the way in which a request holds by now", async () => {
    const listener = observe();
    const lock = new RwLock({ label: "config" });
    const writer = await lock.write({ label: "w" });
    const reader = writer.downgrade();
    const [request] = listener.histories.keys();
    expect(request?.mode).toBe("read");
    const again = reader.tryUpgrade();
    expect(request?.mode).toBe("write");
    again?.release();
    listener.stop();
    expect([...listener.histories.values()]).toEqual([["grant", "release"]]);
    expect(request?.lock.name).toBe('RwLock "config"');
  });

  it("[L22] names the lock, the request and the limit in its errors", async () => {
    const lock = new RwLock({ label: "config", maxWaiters: 1 });
    const reader = await lock.read();
    const waiting = lock.write();
    const errors = await Promise.allSettled([lock.write({ label: "me" }), lock.read({ timeout: 0 })]);
    const messages = errors.map((error) =>
      error.status === "rejected" && error.reason instanceof Error ? error.reason.message : "",
    );
    expect(messages[0]).toMatch(/RwLock "config" as "me".*1 waiter/);
    expect(messages[1]).toMatch(/0 ms.*RwLock "config"/);
    reader.release();
    (await waiting).release();
  });

  it("[L22] throws for options of the wrong type or range, and names option and value", () => {
    const wrong: readonly (readonly [options: unknown, Kind: typeof TypeError, naming: RegExp])[] = [
      [null, TypeError, /options.*null/],
      [5, TypeError, /options.*5/],
      ["name", TypeError, /options.*"name"/],
      [{ label: 5 }, TypeError, /label.*5/],
      [{ maxReaders: "5" }, TypeError, /maxReaders.*"5"/],
      [{ maxReaders: null }, TypeError, /maxReaders.*null/],
      [{ maxReaders: 0 }, RangeError, /maxReaders.*0/],
      [{ maxReaders: -1 }, RangeError, /maxReaders.*-1/],
      [{ maxReaders: 1.5 }, RangeError, /maxReaders.*1\.5/],
      [{ maxReaders: NaN }, RangeError, /maxReaders.*NaN/],
      [{ maxWaiters: 0 }, RangeError, /maxWaiters.*0/],
      [{ maxWaiters: {} }, TypeError, /maxWaiters.*Object/],
    ];
    for (const [options, Kind, naming] of wrong) {
      expect(() => new RwLock(options as RwLockOptions)).toThrow(Kind);
      expect(() => new RwLock(options as RwLockOptions)).toThrow(naming);
    }
    const endless = new RwLock({ maxReaders: Infinity, maxWaiters: undefined, label: undefined });
    expect(endless.tryRead()?.held).toBe(true);
    expect(new RwLock({}).closed).toBe(false);
  });

  it("[T34, RW7] offers no upgrade that waits: readers that both want to write ask anew, and nobody deadlocks", async () => {
    const lock = new RwLock();
    let value = 0;
    const increment = async (): Promise<void> => {
      const reader = await lock.read();
      await Promise.resolve();
      const upgraded = reader.tryUpgrade();
      if (upgraded === null) reader.release();
      const writer = upgraded ?? (await lock.write());
      const before = value;
      await Promise.resolve();
      value = before + 1;
      writer.release();
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(value).toBe(20);
    expect(isLockError(undefined)).toBe(false);
  });
});
