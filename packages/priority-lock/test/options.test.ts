import { describe, expect, it, vi } from "vitest";
import { PriorityLock, type PriorityAcquireOptions, type PriorityLockOptions } from "../src/index.js";

type Wrong = readonly (readonly [options: unknown, Kind: typeof TypeError, naming: RegExp])[];

const classes = ["high", "low"] as const;

describe("PriorityLock refuses", () => {
  it("[L22, PL6] options of the wrong type or range, naming option and value", () => {
    const onOverrun = (): void => undefined;
    const wrong: Wrong = [
      [undefined, TypeError, /options.*undefined/],
      [null, TypeError, /options.*null/],
      [{}, TypeError, /classes.*undefined/],
      [{ classes: "high" }, TypeError, /classes.*"high"/],
      [{ classes: [] }, RangeError, /classes must name at least one/],
      [{ classes: {} }, RangeError, /classes must name at least one/],
      [{ classes: ["high", "low", "high"] }, RangeError, /twice.*"high"/],
      [{ classes: ["high", ""] }, TypeError, /classes.*""/],
      [{ classes: [NaN] }, TypeError, /classes.*NaN/],
      [{ classes: [Infinity, -Infinity] }, TypeError, /classes.*Infinity/],
      [{ classes: ["high", Symbol("low")] }, TypeError, /classes.*Symbol\(low\)/],
      [{ classes: { high: {}, 0: {} } }, TypeError, /whole number.*"0"/],
      [{ classes: { high: {}, 10: {} } }, TypeError, /whole number.*"10"/],
      [{ classes: { high: undefined } }, TypeError, /classes\.high.*undefined/],
      [{ classes: { high: 1 } }, TypeError, /classes\.high.*1/],
      [{ classes: { high: { preempts: "yes" } } }, TypeError, /classes\.high\.preempts.*"yes"/],
      [{ classes: { high: { preemptible: 0 } } }, TypeError, /classes\.high\.preemptible.*0/],
      [{ classes: { high: { maxHold: "5" } }, onOverrun }, TypeError, /classes\.high\.maxHold.*"5"/],
      [{ classes: { high: { maxHold: NaN } }, onOverrun }, RangeError, /classes\.high\.maxHold.*NaN/],
      [{ classes: { high: { maxHold: -1 } }, onOverrun }, RangeError, /classes\.high\.maxHold.*-1/],
      [{ classes: { high: { maxHold: 2 ** 31 } }, onOverrun }, RangeError, /maxHold.*2147483648/],
      [
        { classes: { high: { maxHold: 5 } } },
        TypeError,
        /classes\.(?:high|low)\.maxHold needs options\.onOverrun/,
      ],
      [
        { classes: { high: {}, low: { maxHold: 5 } } },
        TypeError,
        /classes\.(?:high|low)\.maxHold needs options\.onOverrun/,
      ],
      [{ classes, agingMs: NaN }, RangeError, /agingMs.*NaN/],
      [{ classes, agingMs: 0 }, RangeError, /agingMs.*0/],
      [{ classes, agingMs: -5 }, RangeError, /agingMs.*-5/],
      [{ classes, agingMs: Infinity }, RangeError, /agingMs.*Infinity/],
      [{ classes, agingMs: true }, TypeError, /agingMs.*true/],
      [{ classes, graceMs: NaN, onOverrun }, RangeError, /graceMs.*NaN/],
      [{ classes, graceMs: -1, onOverrun }, RangeError, /graceMs.*-1/],
      [{ classes, graceMs: "1", onOverrun }, TypeError, /graceMs.*"1"/],
      [{ classes, graceMs: 5 }, TypeError, /graceMs needs options\.onOverrun/],
      [{ classes, onOverrun: 5 }, TypeError, /onOverrun.*5/],
      [{ classes, maxWaiters: 0 }, RangeError, /maxWaiters.*0/],
      [{ classes, label: 5 }, TypeError, /label.*5/],
    ];
    for (const [options, Kind, naming] of wrong) {
      const make = (): unknown => new PriorityLock(options as PriorityLockOptions<string>);
      expect(make, String(naming)).toThrow(Kind);
      expect(make).toThrow(naming);
    }
  });

  it("[L22, S109] requests without a class or of an unknown one, in every method, and is not changed by them", async () => {
    const lock = new PriorityLock({ classes });
    const token = await lock.acquire({ priority: "low" });
    const wrong: Wrong = [
      [undefined, TypeError, /options must be an object/],
      ["high", TypeError, /options must be an object/],
      [{}, TypeError, /priority must be "high" or "low", received undefined/],
      [{ priority: "hi" }, TypeError, /priority must be "high" or "low", received "hi"/],
      [{ priority: NaN }, TypeError, /received NaN/],
      [{ priority: Infinity }, TypeError, /received Infinity/],
      [{ priority: "__proto__" }, TypeError, /received "__proto__"/],
      [{ priority: "toString" }, TypeError, /received "toString"/],
      [{ priority: "high", label: 5 }, TypeError, /label.*5/],
    ];
    const methods: readonly ((options: PriorityAcquireOptions<"high">) => unknown)[] = [
      (options) => lock.acquire(options),
      (options) => lock.enqueue(options),
      (options) => lock.tryAcquire(options),
      (options) => lock.with(() => "never", options),
      (options) => lock.wrap(() => "never", options),
    ];
    for (const [options, Kind, naming] of wrong)
      for (const method of methods) {
        const call = (): unknown => method(options as PriorityAcquireOptions<"high">);
        expect(call, String(naming)).toThrow(Kind);
        expect(call).toThrow(naming);
      }
    for (const unknown of ["hi", undefined, NaN]) {
      expect(() => lock.demand(unknown as "high")).toThrow(/priority must be "high" or "low"/);
      expect(() => lock.governor(unknown as "high")).toThrow(/priority must be "high" or "low"/);
    }
    expect(() => lock.demand("high", 5 as never)).toThrow(/label must be a string, received 5/);
    expect(lock.snapshot().demands).toEqual([]);
    expect([lock.waiters, token.preempted]).toEqual([0, false]);
    token.release();
  });

  it("[L22] wrong limits of the wait, a preempt that is no boolean, and a body that is no function", () => {
    const lock = new PriorityLock({ classes: { high: { preempts: true }, low: {} } });
    const held = lock.tryAcquire({ priority: "low" });
    const wrong: Wrong = [
      [{ timeout: -1 }, RangeError, /timeout.*-1/],
      [{ timeout: NaN }, RangeError, /timeout.*NaN/],
      [{ signal: {} }, TypeError, /signal/],
      [{ preempt: 1 }, TypeError, /preempt.*1/],
    ];
    for (const [options, Kind, naming] of wrong) {
      const call = (): unknown => lock.acquire({ priority: "high", ...(options as object) });
      expect(call).toThrow(Kind);
      expect(call).toThrow(naming);
      expect(() => lock.wrap(() => 1, { priority: "high", ...(options as object) })).toThrow(naming);
    }
    expect(() => lock.acquire({ priority: "low", preempt: true })).toThrow(/"low" does not preempt/);
    expect(() => lock.with(5 as never, { priority: "high" })).toThrow(/fn must be a function, received 5/);
    expect(() => lock.wrap("x" as never, { priority: "high" })).toThrow(
      /fn must be a function, received "x"/,
    );
    expect(() => held?.checkpoint({ timeout: -1 })).toThrow(/timeout.*-1/);
    expect([held?.held, lock.waiters]).toEqual([true, 0]);
  });

  it("takes every name there is, in the order written, numbers in a list", async () => {
    const names = ["__proto__", "10", "9", "constructor", "toString", " "] as const;
    const lock = new PriorityLock({ classes: names });
    const token = lock.tryAcquire({ priority: " " });
    const order: string[] = [];
    const all = [...names].reverse().map(async (priority) => {
      await lock.with(({ priority: own }) => order.push(own), { priority });
    });
    expect(lock.snapshot().pending.map(({ priority }) => priority)).toEqual(names);
    token?.release();
    await Promise.all(all);
    expect(order).toEqual(names);
  });

  it("takes an object's names in the order written, numbers in them too", () => {
    const lock = new PriorityLock({
      classes: { z: {}, a10: { preempts: false }, "10a": {}, "01": {}, "-1": {} },
    });
    lock.tryAcquire({ priority: "z" });
    for (const priority of ["-1", "01", "10a", "a10", "z"] as const) void lock.acquire({ priority });
    expect(lock.snapshot().pending.map(({ priority }) => priority)).toEqual(["z", "a10", "10a", "01", "-1"]);
    expect(() => new PriorityLock({ classes: { high: {}, 5: {} } })).toThrow(/whole number.*"5"/);
    expect(() => new PriorityLock({ classes: { high: {}, 120: {} } })).toThrow(/whole number.*"120"/);
  });

  it("takes preempt: true of a class that preempts, and false of any", async () => {
    const lock = new PriorityLock({ classes: { high: { preempts: true }, low: { preemptible: true } } });
    const polite = await lock.acquire({ priority: "low", preempt: false });
    void lock.acquire({ priority: "high", preempt: false });
    expect(polite.preempted).toBe(false);
    void lock.acquire({ priority: "high", preempt: true });
    expect(polite.preempted).toBe(true);
  });

  it("keeps of a polite request all but that it asks nobody to yield", async () => {
    const onOverrun = vi.fn();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const lock = new PriorityLock({
        classes: { high: { preempts: true }, middle: { preempts: true, preemptible: true, maxHold: 5 } },
        onOverrun,
      });
      const polite = await lock.acquire({ priority: "middle", preempt: false });
      vi.advanceTimersByTime(5);
      expect(onOverrun).toHaveBeenCalledExactlyOnceWith(lock.holder, "maxHold");
      void lock.acquire({ priority: "high" });
      expect(polite.preempted).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it("[L22] names the lock, the request and who it yields to in its messages", async () => {
    const lock = new PriorityLock({ classes, label: "session" });
    const token = await lock.acquire({ priority: "low", label: "task 7" });
    await expect(lock.acquire({ priority: "high", timeout: 0, label: "me" })).rejects.toThrow(
      'Timed out after 0 ms waiting for PriorityLock "session" as "me"',
    );
    expect(token.preempted).toBe(false);
    void lock.with(() => undefined, { priority: "high", label: "hook" });
    expect(token.signal.reason).toMatchObject({
      message: 'PriorityLock "session" as "task 7" is asked to yield to "high" as "hook"',
      name: "PreemptedError",
      code: "ERR_PREEMPTED",
      by: "high",
      label: "hook",
    });
    lock.evict("wedged");
    expect(token.signal.reason).toMatchObject({
      message: 'The holder of PriorityLock "session" as "task 7" was evicted: wedged',
      cause: "wedged",
      name: "EvictedError",
      code: "ERR_EVICTED",
      reason: "wedged",
    });
    await lock.whenIdle();
    const messages: unknown[] = [];
    for (const reason of [undefined, 5, new Error("broken")]) {
      const { signal } = await lock.acquire({ priority: "low" });
      lock.evict(reason);
      messages.push((signal.reason as Error).message);
    }
    expect(messages).toEqual([
      'The holder of PriorityLock "session" was evicted',
      'The holder of PriorityLock "session" was evicted',
      'The holder of PriorityLock "session" was evicted: Error: broken',
    ]);
    const nameless = await lock.acquire({ priority: "low" });
    void lock.with(() => undefined, { priority: "high" });
    expect(nameless.signal.reason).toMatchObject({
      message: 'PriorityLock "session" is asked to yield to "high"',
      label: undefined,
    });
    nameless.release();
  });
});
