import { exclusiveLockSuite, onEvent } from "@holdfast/conformance";
import { describe, expect, it } from "vitest";
import { Mutex, type MutexOptions } from "../src/index.js";

for (const observed of [false, true])
  exclusiveLockSuite(observed ? "Mutex, observed" : "Mutex", {
    make: (options) => new Mutex(options),
    mode: "exclusive",
    observed,
  });

describe("Mutex", () => {
  it("[L22] throws for options of the wrong type or range, and names option and value", () => {
    const wrong: readonly (readonly [options: unknown, Kind: typeof TypeError, naming: RegExp])[] = [
      [null, TypeError, /options.*null/],
      [1, TypeError, /options.*1/],
      [{ label: 5 }, TypeError, /label.*5/],
      [{ maxWaiters: "5" }, TypeError, /maxWaiters.*"5"/],
      [{ maxWaiters: 0 }, RangeError, /maxWaiters.*0/],
      [{ maxWaiters: 0.5 }, RangeError, /maxWaiters.*0\.5/],
      [{ maxWaiters: NaN }, RangeError, /maxWaiters.*NaN/],
    ];
    for (const [options, Kind, naming] of wrong) {
      expect(() => new Mutex(options as MutexOptions)).toThrow(Kind);
      expect(() => new Mutex(options as MutexOptions)).toThrow(naming);
    }
    expect(new Mutex({ maxWaiters: Infinity, label: undefined }).locked).toBe(false);
  });

  it("[L16] runs a body whose token an observer released: only a lock that takes grants back keeps it from starting", async () => {
    const mutex = new Mutex();
    const holder = await mutex.acquire();
    const body = mutex.with(({ held }) => held);
    const stop = onEvent("grant", ({ token }) => token?.release());
    const observed = mutex.with(({ held }) => held);
    holder.release();
    expect([await body, await observed]).toEqual([true, false]);
    stop();
    expect(mutex.locked).toBe(false);
  });

  it("[L22] names the lock and the request in its errors", async () => {
    const mutex = new Mutex({ label: "config" });
    const token = await mutex.acquire();
    await expect(mutex.acquire({ timeout: 0, label: "me" })).rejects.toThrow(/Mutex "config" as "me"/);
    token.release();
    mutex.close();
    await expect(mutex.acquire({ label: "me" })).rejects.toThrow(/Mutex "config" as "me"/);
  });
});
