import { describe, expect, it, vi } from "vitest";
import { KeyedMutex, KeyedRwLock, namedKeyedMutex, namedKeyedRwLock } from "../src/index.js";

describe("named locks", () => {
  it("[T20] are one lock for everybody who asks by the name", () => {
    const lock = namedKeyedMutex("test/one");
    expect(namedKeyedMutex("test/one")).toBe(lock);
    expect(namedKeyedMutex("test/other")).not.toBe(lock);
    expect(lock).toBeInstanceOf(KeyedMutex);
  });

  it("[T20] are one lock for two copies of the package, while unnamed ones stay apart", async () => {
    const here = namedKeyedRwLock("test/copies");
    vi.resetModules();
    const copy = await import("../src/index.js");
    expect(copy.KeyedRwLock).not.toBe(KeyedRwLock);
    const there = copy.namedKeyedRwLock("test/copies");
    const token = await here.acquire("a.txt");
    expect(there.isLocked("a.txt")).toBe(true);
    expect(there.tryAcquire("a.txt")).toBeNull();
    token.release();
    expect(there.size).toBe(0);
    expect(new copy.KeyedRwLock()).not.toBe(new copy.KeyedRwLock());
  });

  it("of different kinds do not share a name", () => {
    expect(namedKeyedRwLock("test/kinds")).toBeInstanceOf(KeyedRwLock);
    expect(namedKeyedMutex("test/kinds")).toBeInstanceOf(KeyedMutex);
  });

  it("take their options from whoever asks first, and carry the name in messages", async () => {
    const lock = namedKeyedMutex("test/options", { maxKeys: 1 });
    namedKeyedMutex("test/options", { maxKeys: 5 });
    const token = await lock.acquire("a");
    await expect(lock.acquire("b")).rejects.toThrow(
      'KeyedMutex "test/options" has 1 keys in use and takes no more',
    );
    token.release();
  });

  it("refuse a name that is none", () => {
    expect(() => namedKeyedMutex("")).toThrow('name must be a string that is not empty, received ""');
    expect(() => namedKeyedRwLock(7 as never)).toThrow("name must be a string that is not empty, received 7");
  });

  it("of one kind are told apart by their names, carry them in messages, and take options", async () => {
    const lock = namedKeyedRwLock("test/rw", { maxKeys: 1 });
    expect(namedKeyedRwLock("test/other rw")).not.toBe(lock);
    const token = await lock.acquire("a");
    await expect(lock.acquire("b")).rejects.toThrow(
      'KeyedRwLock "test/rw" has 1 keys in use and takes no more',
    );
    token.release();
  });

  it("[T20] are found by a registered symbol, which is the same for every copy", () => {
    const lock = namedKeyedMutex("test/registry");
    const registry: unknown = Reflect.get(globalThis, Symbol.for("@holdfast/keyed-mutex/1"));
    expect(registry).toBeInstanceOf(Map);
    expect([...(registry as Map<string, unknown>).values()]).toContain(lock);
  });
});
