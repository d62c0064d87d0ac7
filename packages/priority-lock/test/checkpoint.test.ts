import { countPromises, listeners, reasonOf, settle, watch } from "@holdfast/conformance";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PriorityLock, type PriorityToken } from "../src/index.js";

const classes = ["handler", "worker"] as const;
type Class = (typeof classes)[number];

afterEach(() => {
  vi.useRealTimers();
});

/** A lock that a worker holds. */
async function worked(): Promise<readonly [lock: PriorityLock<Class>, worker: PriorityToken<Class>]> {
  const lock = new PriorityLock({ classes });
  return [lock, await lock.acquire({ priority: "worker", label: "worker" })];
}

describe("checkpoint()", () => {
  it("lets a worker go on that nobody asked to yield, with the same signal and without a promise more", async () => {
    const [lock, worker] = await worked();
    const { signal } = worker;
    void lock.acquire({ priority: "worker" });
    void lock.acquire({ priority: "handler", preempt: false });
    expect(await worker.checkpoint()).toBe(false);
    expect(countPromises(() => void worker.checkpoint())).toBe(1);
    expect([worker.held, worker.signal === signal, lock.waiters]).toEqual([true, true, 2]);
    worker.release();
  });

  it("[S88, S91, S115] lets all handlers go first, then comes back before all other workers, with a fresh signal", async () => {
    const [lock, worker] = await worked();
    const other = watch(lock.acquire({ priority: "worker" }));
    const first = watch(lock.acquire({ priority: "handler", label: "first" }));
    const second = watch(lock.acquire({ priority: "handler", label: "second" }));
    const asked = worker.signal;
    expect(asked.reason).toMatchObject({ label: "first" });
    const back = watch(worker.checkpoint());
    expect(lock.holder).toMatchObject({ priority: "handler", label: "first" });
    expect(lock.snapshot().pending.map(({ label }) => label)).toEqual(["second", "worker", undefined]);
    expect([worker.held, worker.preempted]).toEqual([false, false]);
    await settle();
    expect([first.state, second.state, back.state]).toEqual(["fulfilled", "pending", "pending"]);
    first.value?.release();
    await settle();
    expect([second.state, back.state]).toEqual(["fulfilled", "pending"]);
    second.value?.release();
    expect([worker.held, lock.holder?.label]).toEqual([true, "worker"]);
    await settle();
    expect([back.value, other.state]).toEqual([true, "pending"]);
    expect([worker.signal === asked, worker.signal.aborted, asked.aborted]).toEqual([false, false, true]);
    const third = watch(lock.acquire({ priority: "handler" }));
    expect(worker.signal.aborted).toBe(true);
    worker.release();
    expect([worker.held, lock.holder?.priority]).toEqual([false, "handler"]);
    await settle();
    third.value?.release();
    await settle();
    other.value?.release();
    expect(lock.locked).toBe(false);
  });

  it("[S116] keeps the lock when whoever asked has gone, and gives a fresh signal", async () => {
    const [lock, worker] = await worked();
    const controller = new AbortController();
    const gone = reasonOf(lock.acquire({ priority: "handler", signal: controller.signal }));
    const { signal } = worker;
    controller.abort("gone");
    expect(await gone).toBe("gone");
    expect([worker.preempted, signal.aborted, lock.holder?.preempted]).toEqual([true, true, true]);
    const other = watch(lock.acquire({ priority: "worker" }));
    expect(await worker.checkpoint()).toBe(false);
    expect([worker.held, worker.preempted, worker.signal.aborted, other.state]).toEqual([
      ...[true, false, false],
      "pending",
    ]);
    void lock.acquire({ priority: "handler", label: "again" });
    expect(worker.signal.reason).toMatchObject({ label: "again" });
    worker.release();
  });

  it("[S93, S111] waits for announced work too, and comes back when it is called off", async () => {
    const [lock, worker] = await worked();
    const demand = lock.demand("handler", "webhook");
    expect(worker.signal.reason).toMatchObject({ by: "handler", label: "webhook" });
    const back = watch(worker.checkpoint());
    expect([lock.locked, lock.holder, lock.waiters]).toEqual([false, null, 1]);
    await settle();
    expect(back.state).toBe("pending");
    const handler = lock.tryAcquire({ priority: "handler" });
    demand.release();
    expect(worker.held).toBe(false);
    handler?.release();
    expect(worker.held).toBe(true);
    await settle();
    expect(back.value).toBe(true);
    worker.release();
  });

  it("[L7, L8, S100] loses the lock when its wait is aborted, and leaves nothing behind", async () => {
    const [lock, worker] = await worked();
    const handler = watch(lock.acquire({ priority: "handler" }));
    const other = watch(lock.acquire({ priority: "worker" }));
    const controller = new AbortController();
    const back = reasonOf(worker.checkpoint({ signal: controller.signal }));
    expect(listeners(controller.signal)).toBe(1);
    controller.abort("enough");
    expect(await back).toBe("enough");
    expect([worker.held, listeners(controller.signal), lock.waiters]).toEqual([false, 0, 1]);
    handler.value?.release();
    await settle();
    expect(other.state).toBe("fulfilled");
    worker.release();
    expect(lock.holder?.priority).toBe("worker");
    other.value?.release();
    expect(lock.locked).toBe(false);
  });

  it("[L10, G5] does not yield for a caller who is aborted already", async () => {
    const [lock, worker] = await worked();
    void lock.acquire({ priority: "handler" });
    expect(await reasonOf(worker.checkpoint({ signal: AbortSignal.abort("before") }))).toBe("before");
    expect([worker.held, worker.preempted, lock.holder?.priority]).toEqual([true, true, "worker"]);
    worker.release();
  });

  it("[L17] times out like any other wait, under its own label, and at once with a timeout of 0", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const [lock, worker] = await worked();
    const first = watch(lock.acquire({ priority: "handler" }));
    const late = watch(worker.checkpoint({ timeout: 5, label: "back" }));
    expect(lock.snapshot().pending).toMatchObject([{ label: "back", priority: "worker" }]);
    vi.advanceTimersByTime(5);
    await settle();
    expect(late.reason).toMatchObject({ code: "ERR_TIMEOUT", timeout: 5 });
    expect(vi.getTimerCount()).toBe(0);
    first.value?.release();
    const again = await lock.acquire({ priority: "worker" });
    const second = watch(lock.acquire({ priority: "handler" }));
    expect(await reasonOf(again.checkpoint({ timeout: 0 }))).toMatchObject({
      code: "ERR_TIMEOUT",
      timeout: 0,
    });
    expect([again.held, lock.holder?.priority, lock.waiters]).toEqual([false, "handler", 0]);
    await settle();
    second.value?.release();
    expect(lock.locked).toBe(false);
  });

  it("[L18] loses the lock to cancelWaiters() and close() while it waits, and keeps it if they come first", async () => {
    const [lock, worker] = await worked();
    const handler = watch(lock.acquire({ priority: "handler" }));
    const canceled = reasonOf(worker.checkpoint());
    expect(lock.cancelWaiters()).toBe(1);
    expect(await canceled).toMatchObject({ code: "ERR_CANCELED" });
    handler.value?.release();
    const again = await lock.acquire({ priority: "worker" });
    const demand = lock.demand("handler");
    lock.close("over");
    expect(await again.checkpoint()).toBe(false);
    expect(again.held).toBe(true);
    demand.release();
    again.release();
    expect(lock.locked).toBe(false);
  });

  it("[G9, S97] gives the wait up when the token is released meanwhile: it will not come to hold what nobody releases", async () => {
    const [lock, worker] = await worked();
    const handler = watch(lock.acquire({ priority: "handler" }));
    const back = reasonOf(worker.checkpoint());
    worker.release();
    expect(await back).toMatchObject({
      code: "ERR_CANCELED",
      message: expect.stringContaining('as "worker" was released') as string,
    });
    expect(lock.waiters).toBe(0);
    handler.value?.release();
    expect([lock.locked, worker.held]).toEqual([false, false]);
    worker.release();
    expect(await lock.with(() => "free", { priority: "worker" })).toBe("free");
  });

  it("[L22, S97] refuses a token that is released, or waits in another checkpoint() already", async () => {
    const [lock, worker] = await worked();
    const handler = watch(lock.acquire({ priority: "handler" }));
    const back = watch(worker.checkpoint());
    expect(await reasonOf(worker.checkpoint())).toMatchObject({
      name: "TypeError",
      message: "checkpoint() was called before: await that one",
    });
    handler.value?.release();
    await settle();
    expect([back.value, worker.held]).toEqual([true, true]);
    worker.release();
    expect(await reasonOf(worker.checkpoint())).toMatchObject({
      message: "checkpoint() needs a token that is still held",
    });
  });

  it("[S105, S107] tells an evicted holder so", async () => {
    const [lock, worker] = await worked();
    lock.evict("wedged");
    const error = await reasonOf(worker.checkpoint());
    expect(error).toMatchObject({ code: "ERR_EVICTED", reason: "wedged" });
    expect(error).toBe(worker.signal.reason);
  });

  it("[L13] is released by with() after it yielded and came back, and after it did not come back", async () => {
    const lock = new PriorityLock({ classes });
    const order: string[] = [];
    const work = lock.with(
      async (token) => {
        order.push("work");
        await Promise.resolve();
        order.push(`yielded: ${String(await token.checkpoint())}`);
        await token.checkpoint();
      },
      { priority: "worker" },
    );
    await lock.with(() => order.push("reply"), { priority: "handler" });
    await work;
    expect([order, lock.locked]).toEqual([["work", "reply", "yielded: true"], false]);
    const controller = new AbortController();
    const lost = lock.with((token) => token.checkpoint({ signal: controller.signal }), {
      priority: "worker",
    });
    expect(await lost).toBe(false);
    const given = lock.with(
      async (token) => {
        const handler = lock.acquire({ priority: "handler" });
        const back = token.checkpoint({ signal: controller.signal });
        controller.abort("lost");
        (await handler).release();
        await back;
      },
      { priority: "worker" },
    );
    expect(await reasonOf(given)).toBe("lost");
    expect(lock.locked).toBe(false);
  });

  it("keeps two workers in their order when both yield in turn", async () => {
    const lock = new PriorityLock({ classes: ["urgent", "handler", "worker"] });
    const worker = await lock.acquire({ priority: "worker", label: "worker" });
    const handler = watch(lock.acquire({ priority: "handler", label: "handler" }));
    const other = watch(lock.acquire({ priority: "handler", label: "other" }));
    const workerBack = watch(worker.checkpoint());
    await settle();
    const urgent = watch(lock.acquire({ priority: "urgent" }));
    const handlerBack = watch(handler.value?.checkpoint() ?? Promise.resolve(false));
    expect(lock.snapshot().pending.map(({ label }) => label)).toEqual(["handler", "other", "worker"]);
    await settle();
    urgent.value?.release();
    await settle();
    expect([handlerBack.value, workerBack.state, other.state]).toEqual([true, "pending", "pending"]);
    handler.value?.release();
    await settle();
    other.value?.release();
    await settle();
    expect(workerBack.value).toBe(true);
    worker.release();
    expect(lock.locked).toBe(false);
  });
});
