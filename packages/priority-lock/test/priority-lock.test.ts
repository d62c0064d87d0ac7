import { exclusiveLockSuite, gate, listeners, onEvent, reasonOf, settle, watch } from "@holdfast/conformance";
import { describe, expect, it, vi } from "vitest";
import { PriorityLock } from "../src/index.js";
import { ofClass } from "./subject.js";

for (const observed of [false, true])
  exclusiveLockSuite(observed ? "PriorityLock with one class, observed" : "PriorityLock with one class", {
    make: (options) => ofClass(new PriorityLock({ ...options, classes: ["only"] }), "only"),
    mode: "exclusive",
    observed,
  });

exclusiveLockSuite("PriorityLock, the third of five classes", {
  make: (options) => ofClass(new PriorityLock({ ...options, classes: ["a", "b", "c", "d", "e"] }), "c"),
  mode: "exclusive",
});

exclusiveLockSuite("PriorityLock that ages", {
  make: (options) =>
    ofClass(new PriorityLock({ ...options, classes: ["high", "low"], agingMs: 1000 }), "low"),
  mode: "exclusive",
});

const classes = ["handler", "worker"] as const;

describe("PriorityLock", () => {
  it("[L2, L19, S123] has no holder at first, and knows its holder before acquire returns", () => {
    const lock = new PriorityLock({ classes, label: "session" });
    expect([lock.holder, lock.locked, lock.holders, lock.waiters]).toEqual([null, false, 0, 0]);
    void lock.acquire({ priority: "worker" });
    expect(lock.holder).toEqual({ mode: "exclusive", priority: "worker", preempted: false, grant: 1 });
    expect([lock.locked, lock.holders, lock.waiters]).toEqual([true, 1, 0]);
    void lock.acquire({ priority: "handler", label: "webhook" });
    const since = expect.any(Number) as number;
    expect(lock.snapshot()).toEqual({
      held: [{ mode: "exclusive", priority: "worker", preempted: true, grant: 1 }],
      pending: [{ mode: "exclusive", priority: "handler", label: "webhook", since }],
      demands: [],
    });
  });

  it("[S102] shows demands with their labels, in the order in which they were made", () => {
    const lock = new PriorityLock({ classes });
    const first = lock.demand("worker", "first");
    const second = lock.demand("handler");
    expect(lock.snapshot().demands).toStrictEqual([
      { priority: "worker", label: "first" },
      { priority: "handler" },
    ]);
    first.release();
    first.release();
    expect(lock.snapshot().demands).toEqual([{ priority: "handler" }]);
    second[Symbol.dispose]();
    expect(lock.snapshot().demands).toEqual([]);
  });

  it("[L13] runs a body inside with its token, and releases however it ends", async () => {
    const lock = new PriorityLock({ classes });
    const work = lock.with(
      (token) => {
        expect([token.held, token.priority, lock.holder?.label]).toEqual([true, "worker", "body"]);
        return "done";
      },
      { priority: "worker", label: "body" },
    );
    expect(lock.locked).toBe(false);
    expect(await work).toBe("done");
    const fails = lock.with(() => Promise.reject(new Error("mine")), { priority: "worker" });
    expect(lock.locked).toBe(true);
    await expect(fails).rejects.toThrow("mine");
    expect(lock.locked).toBe(false);
  });

  it("[G6] never runs the body of a with() whose signal is aborted between the grant and the body", async () => {
    const lock = new PriorityLock({ classes });
    const holder = await lock.acquire({ priority: "handler" });
    const controller = new AbortController();
    const body = vi.fn();
    const doomed = reasonOf(lock.with(body, { priority: "worker", signal: controller.signal }));
    holder.release();
    controller.abort("late");
    expect(await doomed).toBe("late");
    expect(body).not.toHaveBeenCalled();
    expect([lock.locked, listeners(controller.signal)]).toEqual([false, 0]);
  });

  it("wraps a function: the token comes before its own arguments, and its this stays", async () => {
    const lock = new PriorityLock({ classes });
    const add = lock.wrap(
      function (this: { readonly base: number }, token, a: number, b: number) {
        expect([token.held, token.priority]).toEqual([true, "handler"]);
        return this.base + a + b;
      },
      { priority: "handler" },
    );
    expect(await add.call({ base: 100 }, 20, 3)).toBe(123);
    expect(lock.locked).toBe(false);
    const worker = await lock.acquire({ priority: "worker" });
    const waits = add.call({ base: 1 }, 1, 1);
    expect(worker.preempted).toBe(true);
    worker.release();
    expect(await waits).toBe(3);
  });

  it("gives each class as a governor, whose requests preempt like any other of it", async () => {
    const lock = new PriorityLock({ classes });
    const worker = lock.governor("worker").tryAcquire();
    const reply = lock.governor("handler").with(({ priority }) => priority);
    expect([worker?.priority, worker?.preempted]).toEqual(["worker", true]);
    worker?.release();
    expect(await reply).toBe("handler");
  });

  it("[L18, S111] refuses demands once it is closed, and hands nobody the lock over", async () => {
    const lock = new PriorityLock({ classes });
    const worker = await lock.acquire({ priority: "worker" });
    const request = reasonOf(lock.acquire({ priority: "handler" }));
    const demand = lock.demand("handler");
    lock.close();
    expect(await request).toMatchObject({ code: "ERR_CLOSED" });
    expect(() => lock.demand("handler")).toThrow("PriorityLock was closed");
    demand.release();
    worker.release();
    expect([lock.locked, lock.closed, lock.snapshot().demands]).toEqual([false, true, []]);
    const reason = { any: "reason" };
    const other = new PriorityLock({ classes });
    other.close(reason);
    expect(() => other.demand("handler")).toThrow(expect.objectContaining(reason) as Error);
  });

  it("[G13] is idle with a demand, and not while somebody waits for one to end", async () => {
    const lock = new PriorityLock({ classes });
    const demand = lock.demand("handler");
    await lock.whenIdle();
    const worker = lock.acquire({ priority: "worker" });
    const idle = watch(lock.whenIdle());
    await settle();
    expect([lock.locked, lock.waiters, idle.state]).toEqual([false, 1, "pending"]);
    expect(lock.tryAcquire({ priority: "worker" })).toBeNull();
    expect(await reasonOf(lock.acquire({ priority: "worker", timeout: 0 }))).toMatchObject({
      code: "ERR_TIMEOUT",
    });
    demand.release();
    expect([lock.locked, lock.waiters]).toEqual([true, 0]);
    (await worker).release();
    await settle();
    expect(idle.state).toBe("fulfilled");
  });

  it("[L15, G13] is idle when the last who waits for a demand to end gives up, or is released in its checkpoint()", async () => {
    const lock = new PriorityLock({ classes });
    const worker = await lock.acquire({ priority: "worker" });
    const demand = lock.demand("handler");
    const back = reasonOf(worker.checkpoint());
    const idle = watch(lock.whenIdle());
    worker.release();
    await settle();
    expect([idle.state, lock.waiters]).toEqual(["fulfilled", 0]);
    expect(await back).toMatchObject({ code: "ERR_CANCELED" });
    const controller = new AbortController();
    const waits = reasonOf(lock.acquire({ priority: "worker", signal: controller.signal }));
    const again = watch(lock.whenIdle());
    await settle();
    expect(again.state).toBe("pending");
    controller.abort("gone");
    expect(await waits).toBe("gone");
    await settle();
    expect(again.state).toBe("fulfilled");
    demand.release();
  });

  it("[L16] leaves a checkpoint() alone that is canceled while its release is being told", async () => {
    const lock = new PriorityLock({ classes });
    const worker = await lock.acquire({ priority: "worker", label: "worker" });
    const handler = watch(lock.acquire({ priority: "handler" }));
    const waits: unknown[] = [];
    const stops = [
      onEvent("release", () => lock.cancelWaiters()),
      onEvent("wait", ({ label }) => waits.push(label)),
    ];
    const back = reasonOf(worker.checkpoint());
    for (const stop of stops) stop();
    expect(await back).toMatchObject({ code: "ERR_CANCELED" });
    expect(waits).toEqual([]);
    await settle();
    expect([handler.state, lock.locked]).toEqual(["rejected", false]);
  });

  it("[G4] hands a token whose signal is aborted by then to one that was preempted before it heard of its grant", async () => {
    const lock = new PriorityLock({ classes });
    const holder = await lock.acquire({ priority: "worker" });
    const next = lock.acquire({ priority: "worker" });
    holder.release();
    const handler = lock.acquire({ priority: "handler" });
    const token = await next;
    expect([token.held, token.preempted, token.signal.aborted]).toEqual([true, true, true]);
    token.release();
    (await handler).release();
  });

  it("[S106] tells an evicted holder when the next one holds already, and goes on whatever it does then", async () => {
    const lock = new PriorityLock({ classes });
    const worker = await lock.acquire({ priority: "worker" });
    const handler = watch(lock.acquire({ priority: "handler", preempt: false }));
    const seen: unknown[] = [];
    worker.signal.addEventListener("abort", () => {
      seen.push(lock.holder?.priority, worker.held, worker.evicted);
      worker.release();
    });
    const { signal } = worker;
    expect(lock.evict()).toBe(true);
    expect(worker.signal).toBe(signal);
    expect(seen).toEqual(["handler", false, true]);
    expect(worker.signal.reason).toMatchObject({ code: "ERR_EVICTED", reason: undefined });
    await settle();
    expect(handler.value?.held).toBe(true);
    worker.release();
    expect(lock.holder?.priority).toBe("handler");
    handler.value?.release();
    expect([lock.evict(), lock.locked]).toEqual([false, false]);
  });

  it("gives an evicted holder that was asked to yield before a signal that says what happened last", async () => {
    const lock = new PriorityLock({ classes });
    const worker = await lock.acquire({ priority: "worker" });
    const before = worker.signal;
    void lock.with(() => undefined, { priority: "handler" });
    expect(before.reason).toMatchObject({ code: "ERR_PREEMPTED" });
    lock.evict("wedged");
    expect([worker.preempted, worker.evicted]).toEqual([false, true]);
    expect(before.reason).toMatchObject({ code: "ERR_PREEMPTED" });
    expect(worker.signal.aborted).toBe(true);
    expect(worker.signal.reason).toMatchObject({ code: "ERR_EVICTED", reason: "wedged" });
    await settle();
    expect(lock.locked).toBe(false);
  });

  it("[L20] runs a body in the context of who asked, and not of who released", async () => {
    const { AsyncLocalStorage } = await import("node:async_hooks");
    const store = new AsyncLocalStorage<string>();
    const lock = new PriorityLock({ classes });
    const go = gate();
    const worker = store.run("worker", () => lock.with(() => go.promise, { priority: "worker" }));
    const seen = store.run("handler", () => lock.with(() => store.getStore(), { priority: "handler" }));
    go.open();
    await worker;
    expect(await seen).toBe("handler");
  });

  it("[S95, S119] evicts the holder of one grant only, where it is told which: whoever came later keeps the lock", async () => {
    const lock = new PriorityLock({ classes });
    const worker = await lock.acquire({ priority: "worker" });
    const seen = lock.holder?.grant;
    expect(worker.grant).toBe(seen);
    const handler = lock.acquire({ priority: "handler" });
    const back = worker.checkpoint();
    expect(lock.evict("stale", { grant: seen ?? NaN })).toBe(false);
    (await handler).release();
    await back;
    // The same token, and another grant.
    expect(lock.evict("stale", { grant: seen ?? NaN })).toBe(false);
    expect([worker.held, worker.grant]).toEqual([true, 3]);
    expect(lock.evict("now", worker)).toBe(true);
    expect([worker.evicted, lock.locked, lock.evict("again", { grant: worker.grant })]).toEqual([
      true,
      false,
      false,
    ]);
    // What ?. reads of a free lock must not evict whoever holds it next.
    const next = await lock.acquire({ priority: "worker" });
    for (const grant of [undefined, NaN, "1", null, 1.5])
      expect(() => lock.evict("why", { grant } as never)).toThrow(
        /options\.grant must be the number of a grant/,
      );
    expect(() => lock.evict("why", 1 as never)).toThrow(/options must be an object with a grant, received 1/);
    expect(next.held).toBe(true);
  });

  it("[S105, S107] tells one that was asked to yield, and then evicted, by a signal of its own", async () => {
    const lock = new PriorityLock({ classes });
    const worker = await lock.acquire({ priority: "worker" });
    const told: unknown[] = [];
    const { evictedSignal } = worker;
    evictedSignal.addEventListener("abort", () => {
      told.push(evictedSignal.reason, lock.holder?.priority);
    });
    void lock.acquire({ priority: "handler" });
    expect([worker.signal.aborted, evictedSignal.aborted]).toEqual([true, false]);
    lock.evict("wedged");
    expect(told).toEqual([expect.objectContaining({ code: "ERR_EVICTED", reason: "wedged" }), "handler"]);
    expect([worker.evictedSignal, worker.signal.reason]).toEqual([evictedSignal, evictedSignal.reason]);
    // Also for whoever asks late, and for one that is asked to yield and stays.
    const handler = watch(lock.acquire({ priority: "worker" }));
    lock.evict("late");
    await settle();
    const late = handler.value;
    expect([late?.held, late?.evictedSignal.aborted]).toEqual([true, false]);
    const demand = lock.demand("handler");
    expect([late?.signal.aborted, late?.evictedSignal.aborted]).toEqual([true, false]);
    demand.release();
    lock.evict("last");
    expect(late?.evictedSignal.reason).toMatchObject({ reason: "last" });
    const unread = await lock.acquire({ priority: "worker" });
    lock.evict("unread");
    expect(unread.evictedSignal.reason).toMatchObject({ reason: "unread" });
  });

  it("[S122] shows since when the holder holds, beside since when it asked", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const lock = new PriorityLock({ classes });
      const first = await lock.acquire({ priority: "worker", label: "first" });
      const start = performance.now();
      expect(lock.holder).toMatchObject({ since: start, heldSince: start });
      const second = watch(lock.acquire({ priority: "worker", label: "second" }));
      vi.advanceTimersByTime(1000);
      first.release();
      expect(lock.holder).toMatchObject({ label: "second", since: start, heldSince: start + 1000 });
      void lock.acquire({ priority: "handler", label: "third" });
      await settle();
      const back = second.value?.checkpoint();
      vi.advanceTimersByTime(10);
      lock.evict();
      await back;
      expect(lock.holder).toMatchObject({ label: "second", since: start + 1000, heldSince: start + 1010 });
    } finally {
      vi.useRealTimers();
    }
  });

  it("reads the options of a wrapped function once", async () => {
    const lock = new PriorityLock({ classes });
    const options: { priority: "handler" | "worker"; label: string } = {
      priority: "worker",
      label: "before",
    };
    const wrapped = lock.wrap(() => [lock.holder?.priority, lock.holder?.label], options);
    options.priority = "handler";
    options.label = "after";
    expect(await wrapped()).toEqual(["worker", "before"]);
  });

  it("[L15, L18] is idle once those whom a demand held back are canceled or closed out", async () => {
    for (const end of ["cancelWaiters", "close"] as const) {
      const lock = new PriorityLock({ classes });
      lock.demand("handler");
      const request = reasonOf(lock.acquire({ priority: "worker" }));
      const idle = watch(lock.whenIdle());
      lock[end]();
      await settle();
      expect([end, idle.state, lock.waiters]).toEqual([end, "fulfilled", 0]);
      expect(await request).toBeInstanceOf(Error);
    }
  });

  it("reports a long hold also where timers are mere numbers, as in browsers", () => {
    const callbacks: (() => void)[] = [];
    vi.stubGlobal("setTimeout", (callback: () => void) => callbacks.push(callback));
    try {
      const onOverrun = vi.fn();
      const lock = new PriorityLock({ classes: { only: { maxHold: 5 } }, onOverrun });
      expect(lock.tryAcquire({ priority: "only" })?.held).toBe(true);
      for (const callback of callbacks) callback();
      expect(onOverrun).toHaveBeenCalledExactlyOnceWith(lock.holder, "maxHold");
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("[G6, S105, S107] never starts a body whose turn was taken away before it heard of it, and says so to one that came back", async () => {
    const lock = new PriorityLock({ classes });
    const holder = await lock.acquire({ priority: "handler" });
    const body = vi.fn();
    const evicted = reasonOf(lock.with(body, { priority: "worker" }));
    const both = reasonOf(lock.with(body, { priority: "worker", signal: AbortSignal.timeout(2 ** 30) }));
    const kept = lock.with(({ held }) => held, { priority: "worker" });
    holder.release();
    lock.evict("first");
    lock.evict("second");
    expect(await evicted).toMatchObject({ code: "ERR_EVICTED", reason: "first" });
    expect(await both).toMatchObject({ code: "ERR_EVICTED", reason: "second" });
    expect(await kept).toBe(true);
    expect(body).not.toHaveBeenCalled();
    const worker = await lock.acquire({ priority: "worker" });
    const handler = await Promise.race([
      lock.acquire({ priority: "handler" }),
      worker.checkpoint().then(() => null),
    ]);
    handler?.release();
    const again = worker.checkpoint();
    expect(await again).toBe(false);
    const next = lock.acquire({ priority: "handler" });
    const back = reasonOf(worker.checkpoint());
    (await next).release();
    expect(worker.held).toBe(true);
    lock.evict("back");
    expect(await back).toMatchObject({ code: "ERR_EVICTED", reason: "back" });
  });

  it("[L16, L18] rejects those who wait when it is canceled, and not who asks while that is told", async () => {
    const lock = new PriorityLock({ classes });
    const holder = await lock.acquire({ priority: "handler" });
    const plain = watch(lock.acquire({ priority: "worker" }));
    const waiting = ["a", "b", "c"].map((label) => watch(lock.acquire({ priority: "worker", label })));
    let late: ReturnType<typeof watch> | undefined;
    const stop = onEvent("abort", () => {
      late ??= watch(lock.acquire({ priority: "handler", label: "late" }));
    });
    expect(lock.cancelWaiters()).toBe(4);
    stop();
    expect(lock.snapshot().pending.map(({ label }) => label)).toEqual(["late"]);
    await settle();
    expect([plain, ...waiting, late].map((each) => each?.state)).toEqual([
      ...["rejected", "rejected", "rejected", "rejected"],
      "pending",
    ]);
    holder.release();
    await settle();
    expect(late?.state).toBe("fulfilled");
  });

  it("makes the error of a preemption only for whoever looks at it, and one for all looks", async () => {
    const lock = new PriorityLock({ classes });
    const worker = await lock.acquire({ priority: "worker" });
    void lock.acquire({ priority: "handler" });
    const { signal } = worker;
    expect([worker.signal === signal, worker.signal.reason === signal.reason]).toEqual([true, true]);
    expect(signal.reason).toMatchObject({ code: "ERR_PREEMPTED" });
  });

  it("[G8] keeps nothing of its way back once a checkpoint() has failed", async () => {
    const lock = new PriorityLock({ classes });
    const worker = await lock.acquire({ priority: "worker" });
    void lock.acquire({ priority: "handler" });
    const back = reasonOf(worker.checkpoint());
    lock.cancelWaiters("enough");
    expect(await back).toBe("enough");
    // A checkpoint() that is under way would say so.
    expect(await reasonOf(worker.checkpoint())).toMatchObject({
      message: "checkpoint() needs a token that is still held",
    });
  });
});
