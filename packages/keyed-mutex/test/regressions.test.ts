import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { LockToken } from "@holdfast/core";
import { describe, expect, it } from "vitest";
import { KeyedMutex, KeyedRwLock } from "../src/index.js";

describe("what went wrong once", () => {
  it("[KM3, T16] two aborted requests that had the same keys set aside do not drop keys twice", async () => {
    // Both requests touch a and c: a goes idle, c goes idle and takes a's place in the table, then a goes idle "again".
    const lock = new KeyedMutex();
    const holder = await lock.acquire("b");
    const controller = new AbortController();
    const wants = [1, 2].map(() => lock.acquireAll(["a", "c", "b"], { signal: controller.signal }));
    controller.abort();
    await Promise.allSettled(wants);
    expect([lock.size, [...lock.keys()]]).toEqual([1, ["b"]]);
    holder.release();
    expect([lock.size, [...lock.keys()]]).toEqual([0, []]);
    const tokens = await Promise.all(["a", "b", "c"].map((key) => lock.acquire(key)));
    expect([lock.size, [...lock.keys()].sort()]).toEqual([3, ["a", "b", "c"]]);
    for (const token of tokens) token.release();
    expect(lock.size).toBe(0);
  });

  it("[L22] a governor refuses options that are no object, as the lock does", () => {
    const governor = new KeyedRwLock().governor("a");
    expect(() => governor.acquire("soon" as never)).toThrow('options must be an object, received "soon"');
    expect(() => governor.with(() => undefined, 5 as never)).toThrow("options must be an object, received 5");
  });

  it("[L16, G13] whoever waits for a key to be idle is told, though an observer takes another key at once", async () => {
    const lock = new KeyedMutex();
    const held = await lock.acquire("a");
    const idle = lock.whenIdle("a");
    let other: LockToken | null = null;
    const observer = (): void => {
      other ??= lock.tryAcquire("b");
    };
    subscribe("holdfast:release", observer);
    try {
      const seen = await lock.acquire("c", { label: "seen" });
      held.release();
      seen.release();
    } finally {
      unsubscribe("holdfast:release", observer);
    }
    await idle;
    expect([lock.size, [...lock.keys()]]).toEqual([1, ["b"]]);
    (other as LockToken | null)?.release();
    expect(lock.size).toBe(0);
  });

  it("[G13] what an observer of a release sees adds up", async () => {
    const lock = new KeyedMutex({ maxKeys: 1 });
    const seen: unknown[] = [];
    const observer = (): void => {
      seen.push(lock.size, [...lock.keys()], lock.tryAcquire("b")?.key);
    };
    const held = await lock.acquire("a", { label: "a" });
    subscribe("holdfast:release", observer);
    held.release();
    unsubscribe("holdfast:release", observer);
    expect(seen).toEqual([0, [], "b"]);
  });
});
