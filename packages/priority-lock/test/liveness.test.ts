import { gate, onEvent, settle, watch } from "@holdfast/conformance";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type HolderInfo,
  type OverrunLimit,
  PriorityLock,
  type PriorityLockOptions,
  type PriorityToken,
} from "../src/index.js";

type Kind = "webhook" | "background" | "worker";
type Session = PriorityLock<Kind>;
type Lease = PriorityToken<Kind>;
type Report = readonly [label: string | undefined, limit: OverrunLimit, at: number];

const graceMs = 100;
const maxHold = 1000;

/** A session whose workers are limited, and what its clocks have reported. */
function clocked(
  options?: Partial<PriorityLockOptions<Kind>>,
  react: (session: Session, holder: HolderInfo<Kind>, limit: OverrunLimit) => void = () => undefined,
): readonly [session: Session, reports: Report[]] {
  const reports: Report[] = [];
  const began = performance.now();
  const session: Session = new PriorityLock<Kind>({
    classes: { webhook: { preempts: true }, background: {}, worker: { preemptible: true, maxHold } },
    graceMs,
    onOverrun: (holder, limit) => {
      reports.push([holder.label, limit, performance.now() - began]);
      react(session, holder, limit);
    },
    ...options,
  });
  return [session, reports];
}

/** Asks for the session for a worker, who gets it at once. */
async function work(session: Session, label: string): Promise<Lease> {
  return session.acquire({ priority: "worker", label });
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("the clocks of a hold", () => {
  it("[S117] leave an idle session alone, and a holder nobody waits for, however long its turn is", async () => {
    const [session, reports] = clocked({ classes: ["webhook", "background", "worker"] });
    expect(vi.getTimerCount()).toBe(0);
    const worker = await work(session, "W");
    void session.acquire({ priority: "worker" });
    // Measuring the hold itself killed healthy turns; the grace only begins when somebody asks.
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(24 * 3600 * 1000);
    expect([reports, worker.held]).toEqual([[], true]);
    worker.release();
    session.evict();
    expect([session.locked, vi.getTimerCount()]).toEqual([false, 0]);
  });

  it("[S117] report a holder that does not yield, once, with its name and kind, and an eviction can say so", async () => {
    const [session, reports] = clocked(undefined, (lock, holder, limit) => {
      lock.evict(`${holder.priority} ${holder.label ?? ""} is over ${limit}`);
    });
    const worker = await work(session, "W");
    vi.advanceTimersByTime(50);
    const handler = watch(session.acquire({ priority: "webhook" }));
    vi.advanceTimersByTime(graceMs - 1);
    expect([reports, worker.held]).toEqual([[], true]);
    vi.advanceTimersByTime(1);
    expect([reports, worker.held]).toEqual([[["W", "graceMs", 150]], false]);
    expect(worker.signal.reason).toMatchObject({ code: "ERR_EVICTED", reason: "worker W is over graceMs" });
    await settle();
    expect([handler.value?.held, vi.getTimerCount()]).toEqual([true, 0]);
    vi.advanceTimersByTime(10 * maxHold);
    expect([reports.length, handler.value?.held]).toEqual([1, true]);
  });

  it("[S117] begin with the first who asks, and a second one neither restarts them nor has one more", async () => {
    const [session, reports] = clocked();
    await work(session, "W");
    void session.acquire({ priority: "webhook" });
    vi.advanceTimersByTime(graceMs - 10);
    void session.acquire({ priority: "webhook" });
    session.demand("webhook");
    vi.advanceTimersByTime(10);
    expect(reports).toEqual([["W", "graceMs", graceMs]]);
    vi.advanceTimersByTime(maxHold - graceMs - 1);
    expect(reports.length).toBe(1);
  });

  it("[S117] of an announcement are the same as those of a handler that waits", async () => {
    const [session, reports] = clocked();
    await work(session, "W");
    session.demand("webhook");
    vi.advanceTimersByTime(graceMs);
    expect(reports).toEqual([["W", "graceMs", graceMs]]);
  });

  it("[S117] go on when the one who asked has gone: the holder has still not answered", async () => {
    const [session, reports] = clocked();
    const worker = await work(session, "W");
    const controller = new AbortController();
    const gone = session
      .acquire({ priority: "webhook", signal: controller.signal })
      .catch((error: unknown) => error);
    controller.abort("gone");
    expect(await gone).toBe("gone");
    vi.advanceTimersByTime(graceMs);
    expect([reports, worker.held]).toEqual([[["W", "graceMs", graceMs]], true]);
  });

  it("[S118] begin when the holder is asked, not when it looks, and when it is let in, not when it hears of that", async () => {
    const [session, reports] = clocked();
    const handler = await session.acquire({ priority: "webhook" });
    const worker = session.acquire({ priority: "worker", label: "W" });
    handler.release();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(maxHold - graceMs);
    void session.acquire({ priority: "webhook" });
    // The worker's own code has not run yet: a write that blocks it is covered.
    expect([vi.getTimerCount(), reports]).toEqual([2, []]);
    vi.advanceTimersByTime(graceMs);
    expect(reports).toEqual([
      ["W", "maxHold", maxHold],
      ["W", "graceMs", maxHold],
    ]);
    expect((await worker).held).toBe(true);
  });

  const ends: Readonly<Record<string, (session: Session, worker: Lease) => unknown>> = {
    release: (_, worker) => {
      worker.release();
    },
    evict: (session) => session.evict(),
    "a checkpoint()": (_, worker) => worker.checkpoint().catch(() => undefined),
    "a checkpoint() without time": (_, worker) => worker.checkpoint({ timeout: 0 }).catch(() => undefined),
  };
  for (const [name, end] of Object.entries(ends))
    for (const asked of ["and was asked to yield", "and was not asked"] as const) {
      // Nobody yields who is not asked.
      if (name.startsWith("a checkpoint") && asked === "and was not asked") continue;
      it(`[S117, S119] of one who left by ${name} ${asked} are off: they report nobody who comes after`, async () => {
        const [session, reports] = clocked(undefined, (lock) => {
          lock.evict("stale");
        });
        const worker = await work(session, "W1");
        vi.advanceTimersByTime(maxHold - graceMs);
        const demand = asked === "and was not asked" ? undefined : session.demand("webhook", "H");
        vi.advanceTimersByTime(graceMs - 1);
        // One millisecond before both clocks of the first one are due.
        void end(session, worker);
        expect([worker.held, vi.getTimerCount()]).toEqual([false, 0]);
        session.cancelWaiters();
        demand?.release();
        const fresh = await work(session, "W2");
        vi.advanceTimersByTime(maxHold - 1);
        expect([reports, fresh.held, fresh.preempted]).toEqual([[], true, false]);
        fresh.release();
        expect([vi.getTimerCount(), session.locked]).toEqual([0, false]);
      });
    }

  it("[S119] of one who left meet a successor of the same name, asked to yield as well: each is measured by itself", async () => {
    const [session, reports] = clocked(undefined, (lock) => {
      lock.evict();
    });
    const first = await work(session, "W");
    const demand = session.demand("webhook");
    vi.advanceTimersByTime(graceMs - 1);
    first.release();
    demand.release();
    const second = await work(session, "W");
    vi.advanceTimersByTime(10);
    void session.acquire({ priority: "webhook" });
    vi.advanceTimersByTime(graceMs - 1);
    expect([reports, second.held]).toEqual([[], true]);
    vi.advanceTimersByTime(1);
    expect([reports, second.evicted]).toEqual([[["W", "graceMs", 2 * graceMs + 9]], true]);
  });

  it("[S119] of the one who leaves in the very millisecond in which they are due are off too", async () => {
    const [session, reports] = clocked();
    const leases: Lease[] = [];
    // Due at the same time as the clock of the hold, and set before it.
    setTimeout(() => {
      leases[0]?.release();
    }, maxHold);
    leases.push(await work(session, "W1"));
    const fresh = session.acquire({ priority: "worker", label: "W2" });
    vi.advanceTimersByTime(maxHold);
    expect([reports, session.holder?.label, vi.getTimerCount()]).toEqual([[], "W2", 1]);
    (await fresh).release();
  });

  for (const label of [undefined, "H"])
    it(`[S119] are not armed for one who has yielded by the time it is told${label === undefined ? "" : ", to one with a label"}`, async () => {
      const [session, reports] = clocked();
      const worker = await work(session, "W");
      worker.signal.addEventListener("abort", () => {
        worker.release();
      });
      // The handlers are not limited: whatever runs now is left over.
      const handler = session.acquire({ priority: "webhook", label });
      expect(vi.getTimerCount()).toBe(0);
      vi.advanceTimersByTime(10 * maxHold);
      expect([reports, (await handler).held]).toEqual([[], true]);
    });

  it("[S119] report who holds at that moment: what they say and what the lock shows is the same", async () => {
    const seen: unknown[] = [];
    const [session] = clocked(undefined, (lock, holder) => {
      seen.push([holder, lock.holder]);
    });
    await work(session, "W");
    void session.acquire({ priority: "webhook" });
    vi.advanceTimersByTime(maxHold);
    const info = { mode: "exclusive", priority: "worker", label: "W", preempted: true };
    expect(seen).toEqual([
      [expect.objectContaining(info), expect.objectContaining(info)],
      [expect.objectContaining(info), expect.objectContaining(info)],
    ]);
  });

  it("[S117, S119] are restarted by a checkpoint(): each stay has the whole time", async () => {
    const [session, reports] = clocked();
    const worker = await work(session, "W");
    vi.advanceTimersByTime(maxHold - 1);
    const handler = watch(session.acquire({ priority: "webhook" }));
    const back = watch(worker.checkpoint());
    expect(vi.getTimerCount()).toBe(0);
    await settle();
    // Whoever waits to come back is not over any limit, however long that takes.
    vi.advanceTimersByTime(10 * maxHold);
    handler.value?.release();
    await settle();
    expect([back.value, vi.getTimerCount()]).toEqual([true, 1]);
    vi.advanceTimersByTime(maxHold - 1);
    expect(reports).toEqual([]);
    session.demand("webhook");
    vi.advanceTimersByTime(1);
    expect(reports).toEqual([["W", "maxHold", 12 * maxHold - 1]]);
    vi.advanceTimersByTime(graceMs - 1);
    expect(reports.map(([, limit]) => limit)).toEqual(["maxHold", "graceMs"]);
  });

  it("[S117] of the request to yield are off when the holder has answered and nobody is left to yield to", async () => {
    const [session, reports] = clocked();
    const worker = await work(session, "W");
    session.demand("webhook").release();
    vi.advanceTimersByTime(graceMs - 1);
    expect(await worker.checkpoint()).toBe(false);
    vi.advanceTimersByTime(graceMs);
    expect(reports).toEqual([]);
    // The next one who asks begins anew.
    session.demand("webhook");
    vi.advanceTimersByTime(graceMs - 1);
    expect(reports).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(reports).toEqual([["W", "graceMs", 3 * graceMs - 1]]);
  });

  it("[S117] are off when a body ends, however it ends", async () => {
    const [session, reports] = clocked();
    for (const fails of [false, true]) {
      const wake = gate();
      const body = session
        .with(() => wake.promise, { priority: "worker" })
        .catch((error: unknown) => String(error));
      const handler = session.acquire({ priority: "webhook" });
      expect(vi.getTimerCount()).toBe(2);
      if (fails) wake.fail(new Error("the turn failed"));
      else wake.open();
      expect(await body).toBe(fails ? "Error: the turn failed" : undefined);
      (await handler).release();
      expect([session.locked, vi.getTimerCount()]).toEqual([false, 0]);
    }
    expect(reports).toEqual([]);
  });

  it("[S119] that report by throwing leave lock and holder as they are", async () => {
    const [session, reports] = clocked(undefined, () => {
      throw new Error("the report failed");
    });
    const worker = await work(session, "W");
    const handler = session.acquire({ priority: "webhook" });
    expect(() => vi.advanceTimersByTime(graceMs)).toThrow("the report failed");
    expect([worker.held, session.waiters, reports.length]).toEqual([true, 1, 1]);
    worker.release();
    expect([(await handler).held, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it("[S120] of a whole turn are off by default", async () => {
    const [session, reports] = clocked({
      classes: { webhook: { preempts: true }, background: {}, worker: { preemptible: true } },
      graceMs: undefined,
    });
    const worker = await work(session, "W");
    void session.acquire({ priority: "webhook" });
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(24 * 3600 * 1000);
    expect([reports, worker.held]).toEqual([[], true]);
  });

  it("[S120] of a whole turn report one who goes on for ever, asked or not, once, and take nothing from it", async () => {
    const [session, reports] = clocked({ graceMs: undefined });
    const worker = await work(session, "W");
    const next = watch(session.acquire({ priority: "worker" }));
    vi.advanceTimersByTime(maxHold - 1);
    expect(reports).toEqual([]);
    vi.advanceTimersByTime(10 * maxHold);
    await settle();
    expect([reports, worker.held, worker.evicted, next.state]).toEqual([
      [["W", "maxHold", maxHold]],
      ...[true, false],
      "pending",
    ]);
    worker.release();
    expect(vi.getTimerCount()).toBe(1);
  });

  it("[S120] of a whole turn are those of the holder's own kind", async () => {
    const [session, reports] = clocked();
    for (const priority of ["webhook", "background"] as const) {
      const lease = await session.acquire({ priority });
      expect(vi.getTimerCount()).toBe(0);
      vi.advanceTimersByTime(10 * maxHold);
      lease.release();
    }
    expect(reports).toEqual([]);
  });
});

describe("what can be seen of a session", () => {
  it("[S122] is who holds, who waits, since when and what is announced, at any moment and without stopping anything", async () => {
    const [session] = clocked();
    const began = performance.now();
    const wedged = gate();
    const body = session.with(() => wedged.promise, { priority: "worker", label: "task 17" });
    vi.advanceTimersByTime(5);
    const handler = watch(session.acquire({ priority: "webhook", label: "issue 955" }));
    vi.advanceTimersByTime(5);
    void session.acquire({ priority: "worker", label: "task 18" });
    void session.acquire({ priority: "background" });
    const demand = session.demand("background", "re-plan");
    const expected = {
      held: [
        {
          mode: "exclusive",
          priority: "worker",
          label: "task 17",
          since: began,
          heldSince: began,
          preempted: true,
          grant: 1,
        },
      ],
      pending: [
        { mode: "exclusive", priority: "webhook", label: "issue 955", since: began + 5 },
        { mode: "exclusive", priority: "background" },
        { mode: "exclusive", priority: "worker", label: "task 18", since: began + 10 },
      ],
      demands: [{ priority: "background", label: "re-plan" }],
    };
    for (let looks = 0; looks < 3; looks += 1) {
      const seen = session.snapshot();
      expect(seen).toEqual(expected);
      // Plain data that can be logged, and a copy: nobody breaks the lock with it.
      expect(JSON.parse(JSON.stringify(seen))).toEqual(expected);
      for (const list of [seen.held, seen.pending, seen.demands] as unknown[][]) list.length = 0;
      await settle();
      expect([session.holder?.label, session.waiters, handler.state]).toEqual(["task 17", 3, "pending"]);
    }
    wedged.open();
    await body;
    await settle();
    expect([handler.value?.held, session.snapshot().held]).toEqual([
      true,
      [
        {
          mode: "exclusive",
          priority: "webhook",
          label: "issue 955",
          since: began + 5,
          heldSince: began + 10,
          preempted: false,
          grant: 2,
        },
      ],
    ]);
    demand.release();
  });

  it("[S122] can be asked of from within everything that is told", async () => {
    const [session] = clocked();
    const seen: string[] = [];
    const look = (what: string): void => {
      const { held, pending, demands } = session.snapshot();
      seen.push(`${what}: ${held.length} ${pending.length} ${demands.length}`);
    };
    const stops = (["wait", "grant", "release", "abort"] as const).map((name) =>
      onEvent(name, () => {
        look(name);
      }),
    );
    const worker = await work(session, "W");
    worker.signal.addEventListener("abort", () => {
      look("preempted");
    });
    const handler = session.acquire({ priority: "webhook", label: "H" });
    void worker.checkpoint().catch(() => undefined);
    session.cancelWaiters();
    (await handler).release();
    for (const stop of stops) stop();
    expect(seen).toEqual([
      "grant: 1 0 0",
      "wait: 1 1 0",
      "preempted: 1 1 0",
      "release: 0 2 0",
      "wait: 0 2 0",
      "grant: 1 1 0",
      "abort: 1 0 0",
      "release: 0 0 0",
    ]);
  });

  it("[S123] is one holder, whom everybody sees from the moment in which it is one, and nobody else as long", async () => {
    const [session] = clocked();
    const first = session.acquire({ priority: "worker", label: "W" });
    // Before the holder itself knows.
    expect(session.holder).toEqual({
      mode: "exclusive",
      label: "W",
      since: performance.now(),
      heldSince: performance.now(),
      priority: "worker",
      preempted: false,
      grant: 1,
    });
    void session.acquire({ priority: "webhook", label: "H" });
    expect(session.snapshot().held).toEqual([session.holder]);
    (await first).release();
    expect([session.holder?.label, session.snapshot().held.length]).toEqual(["H", 1]);
    session.evict();
    expect([session.holder, session.snapshot().held]).toEqual([null, []]);
  });

  it("[S123] changes from one holder to the next without showing two, or a wrong one, to anybody who listens", async () => {
    const [session] = clocked();
    const seen: unknown[] = [];
    const stops = (["grant", "release"] as const).map((name) =>
      onEvent(name, ({ label }) => {
        seen.push([name, label, session.holder?.label, session.holders, session.snapshot().held.length]);
      }),
    );
    const worker = await work(session, "W");
    const handler = session.acquire({ priority: "webhook", label: "H" });
    const back = worker.checkpoint();
    session.evict();
    await handler;
    await back;
    worker.release();
    for (const stop of stops) stop();
    expect(seen).toEqual([
      ["grant", "W", "W", 1, 1],
      ["release", "W", undefined, 0, 0],
      ["grant", "H", "H", 1, 1],
      ["release", "H", undefined, 0, 0],
      ["grant", "W", "W", 1, 1],
      ["release", "W", undefined, 0, 0],
    ]);
  });

  it("[S124] loses the holder before the lock goes to anybody else, by release, eviction and checkpoint()", async () => {
    for (const way of ["release", "evict", "checkpoint"] as const) {
      const [session] = clocked();
      const worker = await work(session, "W");
      void session.acquire({ priority: "webhook", label: "H" });
      const seen: unknown[] = [];
      const stop = onEvent("release", () => {
        seen.push(session.holder, session.evict(), worker.held);
      });
      if (way === "release") worker.release();
      else if (way === "evict") session.evict();
      else void worker.checkpoint();
      stop();
      expect([way, ...seen, session.holder?.label]).toEqual([way, null, false, false, "H"]);
    }
  });

  it("[S124] is not changed by anybody who does not hold", async () => {
    const [session] = clocked();
    const released = await work(session, "released");
    released.release();
    const evicted = await work(session, "evicted");
    session.evict();
    const yielded = await work(session, "yielded");
    const handler = session.acquire({ priority: "webhook", label: "H" });
    const back = watch(yielded.checkpoint());
    const before = session.snapshot();
    expect(before.held).toMatchObject([{ label: "H" }]);
    for (const stale of [released, evicted]) {
      stale.release();
      await stale.checkpoint().catch(() => undefined);
      expect([stale.preempted, session.snapshot()]).toEqual([false, before]);
    }
    yielded.release();
    await settle();
    expect([back.state, session.snapshot().held]).toEqual(["rejected", before.held]);
    (await handler).release();
  });

  it("[S125] is worked out when it is asked for: kind, name and state are the present holder's", async () => {
    const [session] = clocked();
    const worker = await work(session, "task 17");
    const early = session.holder;
    expect(session.holder).toMatchObject({ priority: "worker", label: "task 17", preempted: false });
    const handler = watch(session.acquire({ priority: "webhook" }));
    expect(session.holder).toMatchObject({ priority: "worker", label: "task 17", preempted: true });
    void worker.checkpoint({ label: "task 17, again" });
    // Only a worker's name belongs here: the handler gave none, and does not inherit one.
    expect(session.holder).toEqual({ mode: "exclusive", priority: "webhook", preempted: false, grant: 2 });
    await settle();
    handler.value?.release();
    expect(session.holder).toMatchObject({ priority: "worker", label: "task 17, again", preempted: false });
    session.demand("webhook").release();
    expect(session.holder?.preempted).toBe(true);
    await worker.checkpoint();
    expect(session.holder?.preempted).toBe(false);
    worker.release();
    expect(session.holder).toBeNull();
    // What was handed out is a copy of then.
    expect(early).toMatchObject({ label: "task 17", preempted: false });
  });

  it("[S125] shows a holder in the kind that it had when it was let in", async () => {
    const [session] = clocked();
    const worker = await work(session, "W");
    const request = session.enqueue({ priority: "worker", label: "moved" });
    request.setPriority("background");
    expect(session.snapshot().pending).toMatchObject([{ priority: "background", label: "moved" }]);
    worker.release();
    expect(session.holder).toMatchObject({ priority: "background", label: "moved" });
    expect((await request.token).priority).toBe("background");
  });
});
