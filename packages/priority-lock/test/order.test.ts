import { listeners, onEvent, reasonOf, settle, watch } from "@holdfast/conformance";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PriorityLock, type PriorityToken } from "../src/index.js";

const classes = ["high", "middle", "low"] as const;
type Class = (typeof classes)[number];

afterEach(() => {
  vi.useRealTimers();
});

/** The labels of those who wait, in order. */
function queue(lock: PriorityLock<Class>): (string | undefined)[] {
  return lock.snapshot().pending.map(({ label }) => label);
}

/** Lets everybody in, one after the other, and tells in which order they came. */
async function drain(requests: Iterable<Promise<PriorityToken<Class>>>): Promise<string[]> {
  const order: string[] = [];
  await Promise.all(
    Array.from(requests, async (request) => {
      const token = await request;
      order.push(token.priority);
      await settle();
      token.release();
    }),
  );
  return order;
}

describe("PriorityLock orders", () => {
  it("[PL1, PL2, S88, S89] by class, and first come first served in each; whoever holds keeps it", async () => {
    const lock = new PriorityLock({ classes });
    const holder = await lock.acquire({ priority: "low" });
    const asked = ["low", "middle", "high", "low", "high", "middle"] as const;
    const requests = asked.map((priority, index) =>
      lock.acquire({ priority, label: `${priority} ${index}` }),
    );
    expect(queue(lock)).toEqual(["high 2", "high 4", "middle 1", "middle 5", "low 0", "low 3"]);
    await settle();
    expect([holder.held, lock.holder?.priority, lock.waiters]).toEqual([true, "low", 6]);
    holder.release();
    expect(await drain(requests)).toEqual(["high", "high", "middle", "middle", "low", "low"]);
  });

  it("[PL1] gives requests without options the same places as those with", async () => {
    const lock = new PriorityLock({ classes });
    const holder = await lock.acquire({ priority: "low" });
    const order: number[] = [];
    const visits = [{}, { label: "b" }, {}, { timeout: 1000 }, {}, { label: "f" }].map(
      async (options, index) => {
        const token = await lock.acquire({ priority: index < 3 ? "low" : "middle", ...options });
        order.push(index);
        token.release();
      },
    );
    expect(lock.snapshot().pending.map(({ priority }) => priority)).toEqual([
      ...["middle", "middle", "middle"],
      ...["low", "low", "low"],
    ]);
    holder.release();
    await Promise.all(visits);
    expect(order).toEqual([3, 4, 5, 0, 1, 2]);
  });

  it("[PL1, L4, G10] tryAcquire takes a free lock and nothing else, and asks nobody to yield", async () => {
    const lock = new PriorityLock({ classes });
    const low = lock.tryAcquire({ priority: "low", label: "first" });
    expect(lock.holder).toMatchObject({ priority: "low", label: "first", preempted: false });
    expect(lock.tryAcquire({ priority: "high" })).toBeNull();
    expect(low?.preempted).toBe(false);
    const waiting = lock.acquire({ priority: "middle" });
    low?.release();
    expect(lock.tryAcquire({ priority: "high" })).toBeNull();
    (await waiting).release();
    expect(lock.locked).toBe(false);
  });

  it("[PL4] moves a waiter to the end of another class, where it counts as having just arrived", async () => {
    const lock = new PriorityLock({ classes });
    const holder = await lock.acquire({ priority: "middle" });
    const movable = lock.enqueue({ priority: "low", label: "movable" });
    const others = (["low", "middle", "high"] as const).map((priority) =>
      lock.enqueue({ priority, label: priority, preempt: false }),
    );
    expect([movable.waiting, movable.priority]).toEqual([true, "low"]);
    expect(queue(lock)).toEqual(["high", "middle", "movable", "low"]);
    expect(movable.setPriority("low")).toBe(true);
    expect(queue(lock)).toEqual(["high", "middle", "movable", "low"]);
    expect(movable.setPriority("middle")).toBe(true);
    expect(queue(lock)).toEqual(["high", "middle", "movable", "low"]);
    expect(holder.preempted).toBe(false);
    expect(movable.setPriority("high")).toBe(true);
    expect([queue(lock), movable.priority]).toEqual([["high", "movable", "middle", "low"], "high"]);
    expect(holder.signal.reason).toMatchObject({ by: "high", label: "movable" });
    expect(movable.setPriority("low")).toBe(true);
    expect(queue(lock)).toEqual(["high", "middle", "low", "movable"]);
    expect(() => movable.setPriority("lowest" as "low")).toThrow(/priority must be/);
    holder.release();
    const order = await drain([movable, ...others].map(({ token }) => token));
    expect(order).toEqual(["high", "middle", "low", "low"]);
    expect([movable.waiting, movable.setPriority("high"), movable.priority]).toEqual([false, false, "low"]);
  });

  it("[PL4] asks nobody to yield for a request that said so, in whatever class it goes on", async () => {
    const lock = new PriorityLock({ classes });
    const holder = await lock.acquire({ priority: "low" });
    const movable = lock.enqueue({ priority: "middle", preempt: false });
    movable.setPriority("high");
    expect(holder.preempted).toBe(false);
    holder.release();
    (await movable.token).release();
  });

  it("[PL4] moves one that asks to preempt explicitly to a class that cannot", async () => {
    const lock = new PriorityLock({ classes: { high: { preempts: true }, middle: {}, low: {} } });
    const holder = await lock.acquire({ priority: "low" });
    const movable = lock.enqueue({ priority: "high", preempt: true });
    expect([movable.setPriority("middle"), movable.priority]).toEqual([true, "middle"]);
    holder.release();
    expect((await movable.token).priority).toBe("middle");
  });

  it("[PL4] counts a move of a plain request to a class that preempts as an arrival there", async () => {
    const lock = new PriorityLock({
      classes: { high: { preempts: true }, middle: {}, low: { preemptible: true } },
    });
    const holder = await lock.acquire({ priority: "low" });
    const plain = lock.enqueue({ priority: "middle", label: "moved" });
    expect(holder.preempted).toBe(false);
    plain.setPriority("high");
    expect(holder.signal.reason).toMatchObject({ by: "high", label: "moved" });
  });

  it("[PL4, S93] lets a waiter that a demand holds back in at once when it rises to the class in demand", async () => {
    const lock = new PriorityLock({ classes });
    const demand = lock.demand("middle");
    const movable = lock.enqueue({ priority: "low" });
    expect([lock.locked, lock.waiters]).toEqual([false, 1]);
    movable.setPriority("middle");
    expect([lock.locked, lock.waiters, movable.waiting]).toEqual([true, 0, false]);
    const token = await movable.token;
    expect([token.priority, token.preempted]).toEqual(["middle", false]);
    token.release();
    demand.release();
  });

  it("[PL4, L7] cannot move a request that has been granted, aborted or refused", async () => {
    const lock = new PriorityLock({ classes, maxWaiters: 1 });
    const granted = lock.enqueue({ priority: "low" });
    expect([granted.waiting, granted.setPriority("high")]).toEqual([false, false]);
    const token = await granted.token;
    expect(token.priority).toBe("low");
    const controller = new AbortController();
    const aborted = lock.enqueue({ priority: "low", signal: controller.signal });
    const refused = lock.enqueue({ priority: "low" });
    expect([refused.waiting, refused.setPriority("high")]).toEqual([false, false]);
    expect(await reasonOf(refused.token)).toMatchObject({ code: "ERR_QUEUE_FULL", limit: 1 });
    controller.abort("gone");
    expect([aborted.waiting, aborted.setPriority("high")]).toEqual([false, false]);
    expect(await reasonOf(aborted.token)).toBe("gone");
    expect([token.preempted, lock.waiters]).toEqual([false, 0]);
    token.release();
  });

  it("[PL5, L7, L8] takes an aborted waiter out from wherever it stands, and keeps the others' places", async () => {
    for (let gone = 0; gone < 6; gone += 1) {
      const lock = new PriorityLock({ classes });
      const holder = await lock.acquire({ priority: "high" });
      const controllers = Array.from({ length: 6 }, () => new AbortController());
      const outcomes = controllers.map(({ signal }, index) =>
        watch(lock.acquire({ priority: classes[index % 3] ?? "low", label: String(index), signal })),
      );
      const before = queue(lock);
      controllers[gone]?.abort("gone");
      expect(queue(lock)).toEqual(before.filter((label) => label !== String(gone)));
      await settle();
      expect(outcomes[gone]).toMatchObject({ state: "rejected", reason: "gone" });
      holder.release();
      for (const label of queue(lock)) {
        await settle();
        outcomes.find(({ state, value }) => state === "fulfilled" && value?.held === true)?.value?.release();
        expect(queue(lock)).not.toContain(label);
      }
      await settle();
      for (const { value } of outcomes) value?.release();
      expect([lock.locked, lock.waiters]).toEqual([false, 0]);
      expect(controllers.map(({ signal }) => listeners(signal))).toEqual([0, 0, 0, 0, 0, 0]);
    }
  });

  it("[PL3, S103] starves a low class for as long as higher requests keep coming, unless it ages", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const grants = async (agingMs: number | false): Promise<number> => {
      const lock = new PriorityLock({ classes, agingMs });
      let holder = await lock.acquire({ priority: "high" });
      const low = watch(lock.acquire({ priority: "low" }));
      let count = 0;
      // There is always one more of the highest class before the holder leaves; each holds for 10 ms.
      for (; count < 1000 && low.state === "pending"; count += 1) {
        const next = lock.acquire({ priority: "high" });
        vi.advanceTimersByTime(10);
        holder.release();
        await settle();
        if (low.value === undefined) holder = await next;
      }
      return count;
    };
    expect(await grants(false)).toBe(1000);
    // Two classes up: 200 ms, which is 20 grants; then the one that stood there before it, and it.
    expect(await grants(100)).toBe(21);
    expect(await grants(10_000)).toBe(1000);
  });

  it("[PL3] moves those who age to the end of the next class as of when they were due, whoever looks and when", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const orders: unknown[] = [];
    for (const looks of [false, true]) {
      const lock = new PriorityLock({ classes, agingMs: 100 });
      const holder = await lock.acquire({ priority: "high" });
      const ask = (priority: Class, label: string): void => void lock.acquire({ priority, label });
      ask("low", "low at 0");
      vi.advanceTimersByTime(50);
      ask("middle", "middle at 50");
      vi.advanceTimersByTime(40);
      ask("high", "high at 90");
      vi.advanceTimersByTime(20);
      // The first is in the middle class since 100.
      if (looks) expect(queue(lock)).toEqual(["high at 90", "middle at 50", "low at 0"]);
      ask("middle", "middle at 110");
      vi.advanceTimersByTime(30);
      ask("high", "high at 140");
      vi.advanceTimersByTime(20);
      if (looks)
        expect(queue(lock)).toEqual([
          ...["high at 90", "high at 140", "middle at 50"],
          ...["low at 0", "middle at 110"],
        ]);
      vi.advanceTimersByTime(45);
      orders.push(
        lock.snapshot().pending.map(({ label, priority, agedTo }) => [label, priority, agedTo ?? priority]),
      );
      holder.release();
    }
    const expected = [
      ["high at 90", "high", "high"],
      ["high at 140", "high", "high"],
      ["middle at 50", "middle", "high"],
      ["low at 0", "low", "high"],
      ["middle at 110", "middle", "middle"],
    ];
    expect(orders).toEqual([expected, expected]);
  });

  it("[PL3] lets one that has aged keep its turn up to its first checkpoint: until then its peers cannot ask it to yield", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes, agingMs: 100 });
    const holder = await lock.acquire({ priority: "middle" });
    const low = lock.acquire({ priority: "low" });
    vi.advanceTimersByTime(150);
    holder.release();
    const token = await low;
    const middle = watch(lock.acquire({ priority: "middle" }));
    expect([token.priority, token.preempted, token.signal.aborted]).toEqual(["low", false, false]);
    const back = watch(token.checkpoint());
    await settle();
    expect([middle.state, back.state]).toEqual(["fulfilled", "pending"]);
    middle.value?.release();
    await settle();
    expect([back.value, token.held]).toEqual([true, true]);
    // It holds as what it is, now.
    const again = watch(lock.acquire({ priority: "middle" }));
    expect(token.preempted).toBe(true);
    token.release();
    await settle();
    again.value?.release();
    expect(lock.locked).toBe(false);
  });

  it("[PL3] lets one that has aged go on at a checkpoint where nobody waits, but not with what it rose to", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes, agingMs: 100 });
    const holder = await lock.acquire({ priority: "middle" });
    const low = lock.acquire({ priority: "low" });
    vi.advanceTimersByTime(150);
    holder.release();
    const token = await low;
    const { signal } = token;
    expect([await token.checkpoint(), token.signal === signal]).toEqual([false, true]);
    void lock.acquire({ priority: "middle" });
    expect(token.preempted).toBe(true);
  });

  it("[PL3] never makes one yield that may not be asked to, aged or not", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes: { high: { preempts: true }, low: {} }, agingMs: 100 });
    const holder = await lock.acquire({ priority: "high" });
    const low = lock.acquire({ priority: "low" });
    vi.advanceTimersByTime(150);
    holder.release();
    const token = await low;
    void lock.acquire({ priority: "high" });
    expect([await token.checkpoint(), token.held]).toEqual([false, true]);
  });

  it("[PL3, PL4] leaves one where it stands that is moved to the class it has aged into by then, though nobody has looked", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes, agingMs: 100 });
    const holder = await lock.acquire({ priority: "high" });
    const movable = lock.enqueue({ priority: "low", label: "moved" });
    void lock.acquire({ priority: "low", label: "other" });
    vi.advanceTimersByTime(100);
    expect(movable.setPriority("middle")).toBe(true);
    expect(queue(lock)).toEqual(["moved", "other"]);
    holder.release();
  });

  it("[PL3, PL4] leaves one where it stands that is moved to the class it has aged into", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({
      classes: { high: { preempts: true }, low: { preemptible: true } },
      agingMs: 100,
    });
    const holder = await lock.acquire({ priority: "low" });
    const movable = lock.enqueue({ priority: "low", label: "moved" });
    vi.advanceTimersByTime(100);
    void lock.acquire({ priority: "high", label: "late", preempt: false });
    expect(holder.preempted).toBe(false);
    expect([movable.setPriority("high"), movable.priority]).toEqual([true, "high"]);
    expect(lock.snapshot().pending.map(({ label, agedTo }) => [label, agedTo])).toEqual([
      ["moved", undefined],
      ["late", undefined],
    ]);
    expect(holder.signal.reason).toMatchObject({ by: "high", label: "moved" });
  });

  it("[PL3, L7] takes one that has aged out from where it stands by then", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes, agingMs: 100 });
    const holder = await lock.acquire({ priority: "high" });
    const controller = new AbortController();
    const gone = reasonOf(lock.acquire({ priority: "low", label: "gone", signal: controller.signal }));
    void lock.acquire({ priority: "low", label: "left" });
    vi.advanceTimersByTime(250);
    void lock.acquire({ priority: "high", label: "late" });
    expect(queue(lock)).toEqual(["gone", "left", "late"]);
    controller.abort("gone");
    expect(await gone).toBe("gone");
    expect(queue(lock)).toEqual(["left", "late"]);
    holder.release();
    expect(lock.holder?.label).toBe("left");
  });

  it("[PL3, S93] lets nobody age into a class in demand: a free lock is there for whoever was announced", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes, agingMs: 100 });
    const demand = lock.demand("high");
    const low = watch(lock.acquire({ priority: "low", label: "low" }));
    const middle = watch(lock.acquire({ priority: "middle", label: "middle" }));
    vi.advanceTimersByTime(1000);
    // Both to look and to arrive works out who has aged.
    expect(lock.snapshot().pending).toMatchObject([{ label: "middle" }, { label: "low", agedTo: "middle" }]);
    void lock.acquire({ priority: "low", label: "late" });
    expect(lock.locked).toBe(false);
    const high = lock.tryAcquire({ priority: "high" });
    expect(high?.held).toBe(true);
    demand.release();
    const after = lock.acquire({ priority: "high", label: "after" });
    // It has aged since the demand ended, and came before.
    expect(queue(lock)).toEqual(["middle", "low", "after", "late"]);
    high?.release();
    await settle();
    middle.value?.release();
    await settle();
    low.value?.release();
    (await after).release();
    expect(lock.holder?.label).toBe("late");
  });

  it("[PL3, S93] lets nobody age into any of several classes in demand", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes: ["a", "b", "c", "d"], agingMs: 10 });
    const [highest, third] = [lock.demand("a"), lock.demand("c")];
    void lock.acquire({ priority: "d", label: "d" });
    vi.advanceTimersByTime(40);
    highest.release();
    expect([lock.holder, lock.snapshot().pending[0]?.agedTo]).toEqual([null, undefined]);
    third.release();
    expect(lock.holder?.label).toBe("d");
  });

  it("[PL3] lets one that aged while it waited to come back hold in the class that it rose to", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes: ["handler", "worker"], agingMs: 100 });
    const worker = await lock.acquire({ priority: "worker" });
    const handler = watch(lock.acquire({ priority: "handler" }));
    const back = watch(worker.checkpoint());
    vi.advanceTimersByTime(150);
    expect(lock.snapshot().pending).toMatchObject([{ priority: "worker", agedTo: "handler" }]);
    await settle();
    handler.value?.release();
    await settle();
    expect(back.value).toBe(true);
    void lock.acquire({ priority: "handler" });
    expect(worker.preempted).toBe(false);
    // Until its next checkpoint.
    void worker.checkpoint();
    expect(worker.held).toBe(false);
  });

  it("[PL3, G1] lets one in that had aged into a class before that was in demand", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes, agingMs: 100 });
    const holder = lock.tryAcquire({ priority: "high" });
    void lock.acquire({ priority: "middle", label: "aged" });
    void lock.acquire({ priority: "low", label: "not yet" });
    vi.advanceTimersByTime(100);
    const demand = lock.demand("high");
    vi.advanceTimersByTime(1000);
    holder?.release();
    expect([lock.holder?.label, queue(lock)]).toEqual(["aged", ["not yet"]]);
    demand.release();
  });

  it("[PL3] lets one that yields age with the one it stands before, behind those who were due by then", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes: ["high", "low"], agingMs: 100 });
    const yielding = await lock.acquire({ priority: "low", label: "yielding" });
    const ask = (priority: "high" | "low", label: string): void => void lock.acquire({ priority, label });
    ask("low", "due");
    vi.advanceTimersByTime(50);
    ask("low", "not yet");
    ask("high", "high");
    vi.advanceTimersByTime(60);
    void yielding.checkpoint();
    const shown = (): unknown => lock.snapshot().pending.map(({ label, agedTo }) => [label, agedTo]);
    expect(lock.holder?.label).toBe("high");
    expect(shown()).toEqual([
      ["due", "high"],
      ["yielding", undefined],
      ["not yet", undefined],
    ]);
    vi.advanceTimersByTime(40);
    ask("high", "late");
    expect(shown()).toEqual([
      ["due", "high"],
      ["yielding", "high"],
      ["not yet", "high"],
      ["late", undefined],
    ]);
  });

  it("[PL3] ages one that yields from then on where nobody waits behind it", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes: ["high", "low"], agingMs: 100 });
    const yielding = await lock.acquire({ priority: "low" });
    vi.advanceTimersByTime(1000);
    const high = lock.tryAcquire({ priority: "high" });
    expect(high).toBeNull();
    void lock.acquire({ priority: "high" });
    void yielding.checkpoint();
    vi.advanceTimersByTime(99);
    expect(lock.snapshot().pending[0]?.agedTo).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(lock.snapshot().pending[0]?.agedTo).toBe("high");
  });

  it("[PL3] yields to one that has aged past the holder's class by then", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes, agingMs: 100 });
    const holder = await lock.acquire({ priority: "middle" });
    const controller = new AbortController();
    const gone = reasonOf(lock.acquire({ priority: "high", signal: controller.signal }));
    controller.abort("gone");
    expect(await gone).toBe("gone");
    void lock.acquire({ priority: "low", label: "aged" });
    vi.advanceTimersByTime(200);
    const back = watch(holder.checkpoint());
    expect(lock.holder?.label).toBe("aged");
    await settle();
    expect(back.state).toBe("pending");
  });

  it("[L4, L16, PL1] lets nobody barge who asks while the holder's release is being told", async () => {
    const lock = new PriorityLock({ classes });
    const holder = await lock.acquire({ priority: "high", label: "holder" });
    const waiting = watch(lock.acquire({ priority: "middle", label: "waiting" }));
    const seen: unknown[] = [];
    const stop = onEvent("release", ({ label }) => {
      if (label !== "holder") return;
      seen.push(lock.holder, lock.tryAcquire({ priority: "low" }), lock.tryAcquire({ priority: "middle" }));
      seen.push(lock.tryAcquire({ priority: "high", label: "better" })?.held);
    });
    holder.release();
    stop();
    expect(seen).toEqual([null, null, null, true]);
    expect(lock.holder?.label).toBe("better");
    await settle();
    expect(waiting.state).toBe("pending");
  });

  it("[L4, L16, PL3] counts who has aged by then when the holder's release is being told", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const lock = new PriorityLock({ classes, agingMs: 100 });
    const holder = await lock.acquire({ priority: "high" });
    void lock.acquire({ priority: "low", label: "aged" });
    vi.advanceTimersByTime(200);
    const stop = onEvent("release", () => {
      expect(lock.tryAcquire({ priority: "high" })).toBeNull();
    });
    holder.release();
    stop();
    expect(lock.holder?.label).toBe("aged");
  });
});
