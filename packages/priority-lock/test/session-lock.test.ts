import { gate, listeners, observe, onEvent, reasonOf, settle, watch } from "@holdfast/conformance";
import { afterEach, describe, expect, it, vi } from "vitest";
import { isLockError, PriorityLock, type PriorityLockOptions, type PriorityToken } from "../src/index.js";
import { uncaught } from "./uncaught.js";

// The lock of an agent session: webhooks interrupt the worker, system work in the background does not, and is not interrupted.
const classes = { webhook: { preempts: true }, background: {}, worker: { preemptible: true } } as const;
const kinds = ["webhook", "background", "worker"] as const;
type Kind = (typeof kinds)[number];
type Session = PriorityLock<Kind>;
type Lease = PriorityToken<Kind>;

function openSession(options?: Omit<PriorityLockOptions<Kind>, "classes">): Session {
  return new PriorityLock<Kind>({ ...options, classes });
}

/** A session, and the lease of who holds it. */
async function held(priority: Kind): Promise<readonly [session: Session, lease: Lease]> {
  const session = openSession();
  return [session, await session.acquire({ priority, label: `the first ${priority}` })];
}

/** Who waits, in order. */
function queue(session: Session): (string | undefined)[] {
  return session.snapshot().pending.map(({ label }) => label);
}

/** Whether the session looks and works as if nobody had ever used it. */
async function expectLikeNew(session: Session): Promise<void> {
  expect([session.locked, session.holders, session.waiters]).toEqual([false, 0, 0]);
  expect(session.snapshot()).toEqual({ held: [], pending: [], demands: [] });
  const worker = session.tryAcquire({ priority: "worker" });
  expect([worker?.held, worker?.preempted, worker?.signal.aborted]).toEqual([true, false, false]);
  expect(await worker?.checkpoint()).toBe(false);
  worker?.release();
  expect(session.holder).toBeNull();
}

afterEach(() => {
  vi.useRealTimers();
});

describe("the session lock lets one in at a time", () => {
  it("[S87] a second acquire waits or is refused and never shares, whatever its kind and though it looks like the first", async () => {
    for (const holder of kinds)
      for (const caller of kinds) {
        const [session, lease] = await held(holder);
        const second = watch(session.acquire({ priority: caller, label: `the first ${holder}` }));
        expect(session.tryAcquire({ priority: caller })).toBeNull();
        await settle();
        expect([session.holders, lease.held, second.state]).toEqual([1, true, "pending"]);
        lease.release();
        await settle();
        expect([session.holders, lease.held, second.value?.held]).toEqual([1, false, true]);
        second.value?.release();
        await expectLikeNew(session);
      }
  });

  it("[S87] fifty callers of all kinds that yield when they are asked to are never two inside", async () => {
    const session = openSession();
    let inside = 0;
    let most = 0;
    const turn = async (): Promise<void> => {
      most = Math.max(most, (inside += 1));
      await Promise.resolve();
      await Promise.resolve();
      inside -= 1;
    };
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        for (let wait = 0; wait < index % 7; wait += 1) await Promise.resolve();
        await session.with(
          async (lease) => {
            for (let turns = 0; turns < 3; turns += 1) {
              await turn();
              await lease.checkpoint();
            }
          },
          { priority: kinds[index % 3] ?? "worker" },
        );
      }),
    );
    expect(most).toBe(1);
    await expectLikeNew(session);
  });

  it("[S88] the worker is not let in while a handler waits, also where the lock is free for a moment", async () => {
    const [session, first] = await held("webhook");
    const handler = watch(session.acquire({ priority: "webhook" }));
    const tried: unknown[] = [];
    let late: Promise<Lease> | undefined;
    // Whoever listens here runs after the one has left and before the other is in.
    const stop = onEvent("release", () => {
      tried.push(session.locked, session.tryAcquire({ priority: "worker" }));
      late = session.acquire({ priority: "worker", label: "late" });
    });
    first.release();
    stop();
    expect(tried).toEqual([false, null]);
    expect([session.holder?.priority, queue(session)]).toEqual(["webhook", ["late"]]);
    await settle();
    handler.value?.release();
    (await late)?.release();
    await expectLikeNew(session);
  });

  it("[S88] the worker is not let in while the lock is free and a handler is held back", async () => {
    const session = new PriorityLock({ classes: ["urgent", "handler", "worker"] });
    const urgent = session.demand("urgent");
    const handler = watch(session.acquire({ priority: "handler" }));
    const worker = watch(session.acquire({ priority: "worker" }));
    expect([session.locked, session.tryAcquire({ priority: "worker" })]).toEqual([false, null]);
    urgent.release();
    expect(session.holder?.priority).toBe("handler");
    await settle();
    expect([handler.state, worker.state]).toEqual(["fulfilled", "pending"]);
    handler.value?.release();
    await settle();
    worker.value?.release();
    expect(session.locked).toBe(false);
  });

  it("[S89] A, B, C are granted in the order in which they queued, before a worker who was there first", async () => {
    const [session, first] = await held("worker");
    const order: string[] = [];
    const visit = async (label: string, priority: Kind): Promise<void> => {
      const lease = await session.acquire({ priority, label });
      order.push(label);
      await settle();
      lease.release();
    };
    const visits = [visit("W", "worker"), ...["A", "B", "C"].map((label) => visit(label, "webhook"))];
    expect(queue(session)).toEqual(["A", "B", "C", "W"]);
    first.release();
    await Promise.all(visits);
    expect(order).toEqual(["A", "B", "C", "W"]);
    await expectLikeNew(session);
  });

  it("[S90] the lock passes to the next handler inside the release: nobody finds it free", async () => {
    const [session, a] = await held("webhook");
    void session.acquire({ priority: "worker", label: "W" });
    void session.acquire({ priority: "webhook", label: "B" });
    a.release();
    // No microtask has run: B does not know of it yet.
    expect([session.locked, session.holder?.label, queue(session)]).toEqual([true, "B", ["W"]]);
    for (const priority of kinds) expect(session.tryAcquire({ priority })).toBeNull();
    void session.acquire({ priority: "worker", label: "newcomer" });
    expect([session.holder?.label, queue(session)]).toEqual(["B", ["W", "newcomer"]]);
    session.evict();
    expect([session.holder?.label, queue(session)]).toEqual(["W", ["newcomer"]]);
  });

  it("[S91] a worker that releases and asks again at once goes behind the handler, and does not win by coming first", async () => {
    const session = openSession();
    const order: string[] = [];
    const spin = async (): Promise<void> => {
      let lease = await session.acquire({ priority: "worker" });
      for (const handlerWaits of [true, true, false]) {
        order.push("W");
        await settle();
        lease.release();
        // Both ways of asking in the very step in which it releases, as a loop does.
        const tried = session.tryAcquire({ priority: "worker" });
        expect(tried === null).toBe(handlerWaits);
        lease = tried ?? (await session.acquire({ priority: "worker" }));
      }
      lease.release();
    };
    const handle = async (name: string): Promise<void> => {
      const lease = await session.acquire({ priority: "webhook" });
      order.push(name);
      await settle();
      lease.release();
    };
    const work = spin();
    const a = handle("A");
    const b = a.then(() => handle("B"));
    await Promise.all([work, a, b]);
    expect(order).toEqual(["W", "A", "W", "B", "W"]);
    await expectLikeNew(session);
  });

  it("[S92] a handler that arrives as the lock changes hands goes first, or the worker is told at once", async () => {
    const steps = 12;
    for (let microtasks = -1; microtasks <= 8; microtasks += 1) {
      const [session, first] = await held("webhook");
      const log: string[] = [];
      const work = async (): Promise<void> => {
        const lease = await session.acquire({ priority: "worker" });
        let step = 0;
        for (; step < steps && !lease.signal.aborted; step += 1) await Promise.resolve();
        log.push(step < steps ? "the worker is stopped" : "the worker ran a full turn");
        lease.release();
      };
      const handle = async (): Promise<void> => {
        const lease = await session.acquire({ priority: "webhook" });
        log.push("the handler replies");
        lease.release();
      };
      const tasks = [work()];
      if (microtasks < 0) tasks.push(handle());
      first.release();
      for (let microtask = 0; microtask < microtasks; microtask += 1) await Promise.resolve();
      if (microtasks >= 0) tasks.push(handle());
      await Promise.all(tasks);
      expect([microtasks, ...log]).toEqual(
        microtasks < 0
          ? [microtasks, "the handler replies", "the worker ran a full turn"]
          : [microtasks, "the worker is stopped", "the handler replies"],
      );
      await expectLikeNew(session);
    }
  });
});

describe("demand for the session is a queue", () => {
  it("[S93] two handlers wait and the first is granted: the second still counts as waiting", async () => {
    const [session, worker] = await held("worker");
    const first = watch(session.acquire({ priority: "webhook", label: "first" }));
    const second = watch(session.acquire({ priority: "webhook" }));
    worker.release();
    await settle();
    // One flag for both would be cleared by now.
    const again = watch(session.acquire({ priority: "worker" }));
    expect([first.state, session.waiters, session.tryAcquire({ priority: "worker" })]).toEqual([
      ...["fulfilled", 2],
      null,
    ]);
    // The moment in which the first has gone and the second has not come in yet.
    const tried: unknown[] = [];
    const stop = onEvent("release", () => {
      tried.push(session.locked, session.tryAcquire({ priority: "worker" }));
    });
    first.value?.release();
    stop();
    expect(tried).toEqual([false, null]);
    await settle();
    expect([second.state, again.state]).toEqual(["fulfilled", "pending"]);
    second.value?.release();
    await settle();
    expect([again.state, again.value?.preempted]).toEqual(["fulfilled", false]);
    again.value?.release();
    await expectLikeNew(session);
  });

  it("[S93] two handlers wait and the first goes when it is granted: the worker that comes back still sees the second", async () => {
    const [session, worker] = await held("worker");
    const first = watch(session.acquire({ priority: "webhook" }));
    void session.acquire({ priority: "webhook", label: "second" });
    const back = watch(worker.checkpoint());
    await settle();
    first.value?.release();
    expect([session.holder?.label, session.waiters]).toEqual(["second", 1]);
    await settle();
    expect(back.state).toBe("pending");
    session.evict();
    expect(worker.held).toBe(true);
    worker.release();
    await expectLikeNew(session);
  });

  const neverEnter: Readonly<Record<string, (session: Session) => unknown>> = {
    "is aborted beforehand": (session) =>
      reasonOf(session.acquire({ priority: "webhook", signal: AbortSignal.abort() })),
    "is aborted while it waits": (session) => {
      const controller = new AbortController();
      const reason = reasonOf(session.acquire({ priority: "webhook", signal: controller.signal }));
      controller.abort();
      return reason;
    },
    "is aborted as the lock is passed to it": (session) => {
      const controller = new AbortController();
      // This listener has its turn before that of the lock.
      controller.signal.addEventListener("abort", () => {
        session.evict();
      });
      const reason = reasonOf(session.acquire({ priority: "webhook", signal: controller.signal }));
      controller.abort();
      return reason;
    },
    "is granted and aborted before its body runs": (session) => {
      const controller = new AbortController();
      const body = reasonOf(
        session.with(() => undefined, { priority: "webhook", signal: controller.signal }),
      );
      session.evict();
      controller.abort();
      return body;
    },
    "has no time": (session) => reasonOf(session.acquire({ priority: "webhook", timeout: 0 })),
    "times out": (session) => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const reason = reasonOf(session.acquire({ priority: "webhook", timeout: 5 }));
      vi.advanceTimersByTime(5);
      return reason;
    },
    "only tries": (session) => session.tryAcquire({ priority: "webhook" }),
    "is canceled": (session) => {
      const reason = reasonOf(session.acquire({ priority: "webhook" }));
      session.cancelWaiters();
      return reason;
    },
    "is refused because the queue is full": async (session) => {
      const waiting = session.acquire({ priority: "webhook" }).catch(() => undefined);
      const full = await reasonOf(session.acquire({ priority: "webhook" }));
      expect(isLockError(full, "ERR_QUEUE_FULL")).toBe(true);
      session.cancelWaiters();
      await waiting;
    },
    "becomes a worker while it waits": async (session) => {
      const request = session.enqueue({ priority: "webhook" });
      request.setPriority("worker");
      session.evict();
      (await request.token).release();
    },
    "announces itself and takes that back, twice": (session) => {
      const demand = session.demand("webhook");
      demand.release();
      demand.release();
    },
    "announces itself in a scope that throws": (session) => {
      expect(() => {
        const demand = session.demand("webhook");
        try {
          throw new Error("the handler could not start");
        } finally {
          demand[Symbol.dispose]();
        }
      }).toThrow("could not start");
    },
  };

  for (const [name, handler] of Object.entries(neverEnter))
    it(`[S93] a handler that ${name} leaves no count above zero: the worker does not hang`, async () => {
      const session = openSession({ maxWaiters: 1 });
      const worker = await session.acquire({ priority: "worker" });
      await handler(session);
      worker.release();
      await expectLikeNew(session);
    });

  it("[S93] one handler's clearing up, also twice and late, does not wipe what another one wants", async () => {
    const [session, worker] = await held("worker");
    const a = session.demand("webhook", "A");
    const b = session.demand("webhook", "B");
    const waiting = watch(session.acquire({ priority: "webhook", label: "C" }));
    worker.release();
    await settle();
    for (let times = 0; times < 2; times += 1) {
      a.release();
      waiting.value?.release();
      expect(session.snapshot().demands).toEqual([{ priority: "webhook", label: "B" }]);
      expect([session.locked, session.tryAcquire({ priority: "worker" })]).toEqual([false, null]);
    }
    b.release();
    a.release();
    await expectLikeNew(session);
  });

  it("[S93] a handler's clearing up when it was granted nothing does not wipe what another one wants", async () => {
    const [session, worker] = await held("worker");
    const controller = new AbortController();
    const gone = reasonOf(session.acquire({ priority: "webhook", signal: controller.signal }));
    const left = watch(session.acquire({ priority: "webhook" }));
    controller.abort("gone");
    expect(await gone).toBe("gone");
    const back = watch(worker.checkpoint());
    expect([worker.held, session.holder?.priority]).toEqual([false, "webhook"]);
    await settle();
    expect([left.state, back.state]).toEqual(["fulfilled", "pending"]);
    left.value?.release();
    worker.release();
    await settle();
    await expectLikeNew(session);
  });
});

describe("a handler queues, looks and asks in one step", () => {
  it("[S94] finds the worker as the holder though the worker has not heard of its grant yet", async () => {
    const session = openSession();
    const worker = watch(session.acquire({ priority: "worker", label: "W" }));
    // A lock that notes who holds it when the grant is delivered would find nobody here.
    const handler = watch(session.acquire({ priority: "webhook", label: "H" }));
    expect(session.holder).toMatchObject({ priority: "worker", label: "W", preempted: true });
    await settle();
    expect(worker.value?.signal.reason).toMatchObject({ by: "webhook", label: "H" });
    worker.value?.release();
    await settle();
    handler.value?.release();
    await expectLikeNew(session);
  });

  it("[S94] finds the worker as the holder from the first moment in which anybody can hear of the grant", async () => {
    const session = openSession();
    const seen: unknown[] = [];
    let handler: Promise<Lease> | undefined;
    const stop = onEvent("grant", ({ label }) => {
      if (label !== "W") return;
      seen.push(session.holder?.label);
      handler = session.acquire({ priority: "webhook" });
    });
    const worker = await session.acquire({ priority: "worker", label: "W" });
    stop();
    expect([seen, worker.preempted]).toEqual([["W"], true]);
    worker.release();
    (await handler)?.release();
    await expectLikeNew(session);
  });

  it("[S94] finds the worker that came in within another's release, within an eviction, and back from a checkpoint", async () => {
    for (const way of ["release", "evict"] as const) {
      const [session, first] = await held("webhook");
      const next = session.acquire({ priority: "worker" });
      if (way === "release") first.release();
      else session.evict();
      void session.acquire({ priority: "webhook" });
      expect([way, (await next).preempted]).toEqual([way, true]);
    }
    const [session, worker] = await held("worker");
    const handler = watch(session.acquire({ priority: "webhook" }));
    const back = watch(worker.checkpoint());
    await settle();
    handler.value?.release();
    void session.acquire({ priority: "webhook" });
    expect([back.state, worker.held, worker.preempted]).toEqual(["pending", true, true]);
  });

  for (const label of [undefined, "H"])
    it(`[S94] stands in the queue when the worker hears of it${label === undefined ? "" : ", with a label"}: whoever checks first and queues later loses the lock here`, async () => {
      const [session, worker] = await held("worker");
      const seen: unknown[] = [];
      let again: Promise<Lease> | undefined;
      worker.signal.addEventListener("abort", () => {
        seen.push(session.waiters, session.snapshot().pending[0]?.priority);
        // The quickest worker there can be: it yields and comes back before anybody else runs.
        worker.release();
        again = session.acquire({ priority: "worker" });
        seen.push(session.holder?.priority);
      });
      const handler = await session.acquire({ priority: "webhook", label });
      expect(seen).toEqual([1, "webhook", "webhook"]);
      expect([handler.held, session.waiters]).toEqual([true, 1]);
      handler.release();
      (await again)?.release();
      await expectLikeNew(session);
    });

  it("[S94] counts as wanted when the worker hears of an announcement", async () => {
    const [session, worker] = await held("worker");
    const seen: unknown[] = [];
    worker.signal.addEventListener("abort", () => {
      worker.release();
      seen.push(session.locked, session.tryAcquire({ priority: "worker" }), session.snapshot().demands);
    });
    const demand = session.demand("webhook");
    expect(seen).toEqual([false, null, [{ priority: "webhook" }]]);
    demand.release();
    await expectLikeNew(session);
  });
});

describe("a request to yield goes to one grant", () => {
  it("[S95] every grant has a signal of its own, and only that of the present holder is aborted", async () => {
    const session = openSession();
    const signals: AbortSignal[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const lease = await session.acquire({ priority: "worker" });
      signals.push(lease.signal);
      if (turn < 2) lease.release();
    }
    void session.acquire({ priority: "webhook" });
    expect(new Set(signals).size).toBe(3);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, true]);
  });

  it("[S95] a late request to yield is a no-op that says so: the turn it meant is over, the next is not its business", async () => {
    const [session, worker] = await held("worker");
    worker.release();
    const tooLate = session.demand("webhook");
    expect(tooLate.preempted).toBeNull();
    tooLate.release();
    const next = await session.acquire({ priority: "background" });
    const wrongKind = session.demand("webhook");
    expect(wrongKind.preempted).toBeNull();
    expect([worker.preempted, worker.signal.aborted, next.preempted]).toEqual([false, false, false]);
    wrongKind.release();
    next.release();
  });

  it("[S95] a handler that was served before it came to ask does not ask the worker who has come since", async () => {
    const [session, worker] = await held("worker");
    void session.acquire({ priority: "worker", label: "next" });
    const stop = onEvent("wait", ({ label }) => {
      if (label !== "H") return;
      // All within the moment in which the handler is queued: it gets the lock, loses it, and a worker comes in.
      worker.release();
      expect(session.holder?.label).toBe("H");
      session.evict();
      expect(session.holder?.label).toBe("next");
    });
    const handler = await session.acquire({ priority: "webhook", label: "H" });
    stop();
    expect([handler.evicted, session.holder]).toEqual([
      true,
      expect.objectContaining({ label: "next", preempted: false }),
    ]);
  });

  it("[S95] what the finished turn's signal tells its listeners does not come again for the next turn", async () => {
    const [session, first] = await held("worker");
    const stale = vi.fn();
    first.signal.addEventListener("abort", stale);
    first.release();
    const second = await session.acquire({ priority: "worker" });
    void session.acquire({ priority: "webhook" });
    session.evict();
    expect([stale.mock.calls.length, second.evicted, first.evicted]).toEqual([0, true, false]);
  });
});

describe("a handler keeps the session over several turns", () => {
  for (const fails of [false, true])
    it(`[S96] the worker does not get in between them, and does after the last${fails ? ", which throws" : ""}`, async () => {
      const session = openSession();
      const log: string[] = [];
      const turns = [gate(), gate(), gate()];
      /** One prompt; the caller's lease says that it may run. */
      const prompt = async (lease: Lease, turn: number): Promise<void> => {
        expect(lease.held).toBe(true);
        await turns[turn]?.promise;
        log.push(`turn ${turn}`);
        if (fails && turn === 2) throw new Error("the last turn failed");
      };
      const handled = session
        .with(
          async (lease) => {
            for (const turn of [0, 1, 2]) await prompt(lease, turn);
          },
          { priority: "webhook" },
        )
        .catch((error: unknown) => log.push(String(error)));
      const worked = session.with(() => log.push("worker"), { priority: "worker" });
      for (const turn of turns) {
        await settle();
        expect([session.holder?.priority, session.waiters]).toEqual(["webhook", 1]);
        turn.open();
      }
      await Promise.all([handled, worked]);
      expect(log.filter((entry) => !entry.startsWith("Error"))).toEqual([
        "turn 0",
        "turn 1",
        "turn 2",
        "worker",
      ]);
      expect(log.includes("Error: the last turn failed")).toBe(fails);
      await expectLikeNew(session);
    });

  it("[S96] it is taken and given back once, however many turns use it", async () => {
    const observer = observe();
    const session = openSession();
    await session.with(
      async (lease) => {
        for (let turn = 0; turn < 3; turn += 1) await lease.checkpoint();
      },
      { priority: "webhook" },
    );
    observer.stop();
    expect(observer.events.map(({ name }) => name)).toEqual(["grant", "release"]);
  });

  it("[S97] who is inside is told by the lease, not by where the code runs: a call without it waits", async () => {
    const session = openSession();
    let inner: Promise<Lease> | undefined;
    await session.with(
      async () => {
        inner = session.acquire({ priority: "webhook" });
        const watched = watch(inner);
        await settle();
        expect([watched.state, session.tryAcquire({ priority: "webhook" })]).toEqual(["pending", null]);
      },
      { priority: "webhook" },
    );
    expect((await inner)?.held).toBe(true);
    session.evict();
    await expectLikeNew(session);
  });

  it("[S97] a task that outlives the hold it was started in does not count as inside", async () => {
    const session = openSession();
    const wake = gate();
    let straggler: Promise<readonly unknown[]> | undefined;
    await session.with(
      (lease) => {
        straggler = wake.promise.then(async () => {
          const seen = [lease.held, await reasonOf(lease.checkpoint())];
          lease.release();
          return seen;
        });
      },
      { priority: "worker" },
    );
    const next = await session.acquire({ priority: "webhook", label: "next" });
    wake.open();
    expect(await straggler).toEqual([false, expect.any(TypeError)]);
    expect([next.held, session.holder?.label]).toEqual([true, "next"]);
    next.release();
  });
});

describe("the session is given back by its owner", () => {
  it("[S98] there is no way to release it without a lease, and a lease frees nothing but its own lock and grant", async () => {
    const [session, lease] = await held("webhook");
    const [other, foreign] = await held("webhook");
    expect("release" in session).toBe(false);
    foreign.release();
    expect([session.locked, other.locked]).toEqual([true, false]);
    void session.acquire({ priority: "worker", label: "W" });
    void session.acquire({ priority: "worker", label: "X" });
    for (let times = 0; times < 3; times += 1) {
      lease.release();
      lease[Symbol.dispose]();
      foreign.release();
      expect([session.holder?.label, queue(session)]).toEqual(["W", ["X"]]);
    }
  });

  it("[S98] a body that gives the lock back early does not take it from the next holder when it ends", async () => {
    const session = openSession();
    const end = gate();
    const first = session.with(
      async (lease) => {
        lease.release();
        await end.promise;
      },
      { priority: "webhook" },
    );
    const second = await session.acquire({ priority: "worker" });
    end.open();
    await first;
    expect([second.held, session.locked]).toEqual([true, true]);
    second.release();
    await expectLikeNew(session);
  });

  it("[S99] where something fails right after the grant, as a registration does, the lock is free before anybody hears of it", async () => {
    for (const mode of ["at once", "later"] as const) {
      const [session, first] = await held("worker");
      const register = (): never => {
        throw new Error("two talkers");
      };
      const failed = session.with(mode === "at once" ? register : () => Promise.resolve().then(register), {
        priority: "webhook",
      });
      const seen: unknown[] = [];
      const heard = failed.catch((error: unknown) => {
        seen.push(String(error), session.holder?.label);
      });
      const next = session.acquire({ priority: "worker", label: "next" });
      first.release();
      await heard;
      expect(seen).toEqual(["Error: two talkers", "next"]);
      (await next).release();
      await expectLikeNew(session);
    }
  });

  it("[S100] a waiter that is aborted or times out leaves the queue, the others keep their order, nothing is left behind", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const [session, first] = await held("background");
    const controller = new AbortController();
    const order: unknown[] = [];
    const visit = (label: string, options?: { signal?: AbortSignal; timeout?: number }): Promise<void> =>
      session
        .with(() => void order.push(label), { priority: "webhook", label, ...options })
        .catch((error: unknown) => {
          order.push(isLockError(error) ? error.code : error);
        });
    const visits = [
      visit("A"),
      visit("aborted", { signal: controller.signal }),
      visit("B"),
      visit("late", { timeout: 5 }),
      visit("both", { signal: controller.signal, timeout: 50 }),
      visit("C"),
    ];
    vi.advanceTimersByTime(5);
    expect(queue(session)).toEqual(["A", "aborted", "B", "both", "C"]);
    controller.abort("gone");
    expect(queue(session)).toEqual(["A", "B", "C"]);
    expect([listeners(controller.signal), vi.getTimerCount()]).toEqual([0, 0]);
    await settle();
    expect(order).toEqual(["ERR_TIMEOUT", "gone", "gone"]);
    first.release();
    await Promise.all(visits);
    expect(order.slice(3)).toEqual(["A", "B", "C"]);
    await expectLikeNew(session);
  });

  it("[S100] a grant that came before the abort stands, and one after it goes to the next: it is never lost", async () => {
    for (const abortFirst of [false, true]) {
      const [session, first] = await held("background");
      const controller = new AbortController();
      const wanted = watch(session.acquire({ priority: "webhook", signal: controller.signal }));
      const next = watch(session.acquire({ priority: "worker" }));
      if (abortFirst) controller.abort("gone");
      first.release();
      controller.abort("gone");
      await settle();
      expect([wanted.state, next.state]).toEqual(
        abortFirst ? ["rejected", "fulfilled"] : ["fulfilled", "pending"],
      );
      wanted.value?.release();
      await settle();
      next.value?.release();
      await expectLikeNew(session);
    }
  });

  it("[S101] a body that throws leaves the lock to the next, and its error comes through as it is", async () => {
    for (const error of [new Error("the turn failed"), "a string", undefined, null])
      for (const body of [
        () => {
          throw error;
        },
        () => Promise.reject(error),
        (lease: Lease) => lease.checkpoint().then(() => Promise.reject(error)),
      ]) {
        const session = openSession();
        const failed = session.with(body, { priority: "webhook" });
        const next = session.acquire({ priority: "worker" });
        expect(await reasonOf(failed)).toBe(error);
        expect(session.holder?.priority).toBe("worker");
        (await next).release();
        await expectLikeNew(session);
      }
  });

  it("[S102] nobody is timed out who gave no deadline; place and waiting time of everybody can be read", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const [session, holder] = await held("worker");
    const waits = (["worker", "webhook", "background", "webhook"] as const).map((priority, index) => {
      vi.advanceTimersByTime(1000);
      return watch(session.acquire({ priority, label: `${priority} ${index}` }));
    });
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(24 * 3600 * 1000);
    await settle();
    expect(waits.map(({ state }) => state)).toEqual(["pending", "pending", "pending", "pending"]);
    const now = performance.now();
    const day = 24 * 3600 * 1000;
    expect(
      session.snapshot().pending.map(({ label, priority, since = NaN }) => [label, priority, now - since]),
    ).toEqual([
      ["webhook 1", "webhook", day + 2000],
      ["webhook 3", "webhook", day],
      ["background 2", "background", day + 1000],
      ["worker 0", "worker", day + 3000],
    ]);
    holder.release();
  });
});

describe("a worker among many handlers", () => {
  /** An endless stream of handlers of 10 ms each, until the worker has its turn; at most `most`. */
  async function stream(
    session: Session,
    most: number,
  ): Promise<readonly [handlers: number, worker?: Lease]> {
    let holder = await session.acquire({ priority: "webhook" });
    const worker = watch(session.acquire({ priority: "worker", label: "W" }));
    for (let handlers = 1; handlers <= most; handlers += 1) {
      const next = session.acquire({ priority: "webhook" });
      vi.advanceTimersByTime(10);
      holder.release();
      await settle();
      if (worker.value !== undefined) return [handlers, worker.value];
      holder = await next;
    }
    return [most];
  }

  it("[S103] starves for as long as they keep coming, and everybody can see for how long", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const session = openSession();
    expect(await stream(session, 500)).toEqual([500]);
    const [worker] = session.snapshot().pending;
    expect(worker).toMatchObject({ priority: "worker", label: "W" });
    expect(worker).not.toHaveProperty("agedTo");
    expect(performance.now() - (worker?.since ?? NaN)).toBe(5000);
  });

  it("[S103] has its turn after a bounded time where waiters age", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    // Two classes up, 200 ms each, is 40 handlers; then the one who stood there before it.
    expect(await stream(openSession({ agingMs: 200 }), 500)).toEqual([41, expect.anything()]);
    expect(await stream(openSession({ agingMs: 100 }), 500)).toEqual([21, expect.anything()]);
    expect(await stream(openSession({ agingMs: false }), 500)).toEqual([500]);
  });

  it("[S103] shows how far it has risen while it waits", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const session = openSession({ agingMs: 200 });
    void session.acquire({ priority: "webhook" });
    void session.acquire({ priority: "worker" });
    const risen = (): unknown => session.snapshot().pending.map(({ agedTo }) => agedTo);
    expect(risen()).toEqual([undefined]);
    vi.advanceTimersByTime(200);
    expect(risen()).toEqual(["background"]);
    vi.advanceTimersByTime(200);
    expect(risen()).toEqual(["webhook"]);
  });

  it("[S103] does not age past announced work, and is in nobody's way while that has the lock for itself", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    for (const looked of [false, true]) {
      const session = openSession({ agingMs: 100 });
      const demand = session.demand("webhook");
      const worker = watch(session.acquire({ priority: "worker" }));
      vi.advanceTimersByTime(1000);
      if (looked) expect(session.snapshot().pending).toHaveLength(1);
      // The lock is free: whoever announced this must not wait for a worker that may not come in either.
      const handler = session.tryAcquire({ priority: "webhook" });
      expect(handler?.held).toBe(true);
      const second = watch(session.acquire({ priority: "webhook" }));
      handler?.release();
      await settle();
      expect([second.state, worker.state]).toEqual(["fulfilled", "pending"]);
      second.value?.release();
      expect(session.locked).toBe(false);
      demand.release();
      await settle();
      expect(worker.state).toBe("fulfilled");
    }
  });

  it("[S103] keeps the turn it has waited for: the next handler does not stop it at once", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const session = openSession({ agingMs: 100 });
    const [, worker] = await stream(session, 500);
    const next = session.acquire({ priority: "webhook" });
    expect([worker?.priority, worker?.preempted, session.waiters]).toEqual(["worker", false, 2]);
    worker?.release();
    session.evict();
    (await next).release();
    await expectLikeNew(session);
  });
});

describe("system work in the background", () => {
  it("[S104] never stops the worker, though it goes before it", async () => {
    const [session, worker] = await held("worker");
    const told = vi.fn();
    worker.signal.addEventListener("abort", told);
    void session.acquire({ priority: "worker", label: "another worker" });
    // Re-planning comes again and again; as a webhook it would stop the worker each time, which then gets nothing done.
    for (let pass = 1; pass <= 3; pass += 1) {
      void session.acquire({ priority: "background", label: `pass ${pass}` });
      expect(session.demand("background").preempted).toBeNull();
    }
    expect([worker.held, worker.preempted, told.mock.calls.length]).toEqual([true, false, 0]);
    expect(await worker.checkpoint()).toBe(false);
    expect(queue(session)).toEqual(["pass 1", "pass 2", "pass 3", "another worker"]);
    worker.release();
    expect(session.holder?.label).toBe("pass 1");
  });

  it("[S104] is never stopped by handlers, as it would be with the worker's kind", async () => {
    const [session, work] = await held("background");
    const told = vi.fn();
    work.signal.addEventListener("abort", told);
    const first = watch(session.acquire({ priority: "webhook" }));
    expect(session.demand("webhook").preempted).toBeNull();
    await settle();
    expect([work.held, work.preempted, told.mock.calls.length, first.state]).toEqual([
      ...[true, false, 0],
      "pending",
    ]);
    expect(await work.checkpoint()).toBe(false);
    work.release();
    await settle();
    expect(first.state).toBe("fulfilled");
  });

  it("[S104] can stand in one line with the handlers and still stop nobody: as a handler with preempt: false", async () => {
    const [session, worker] = await held("worker");
    void session.acquire({ priority: "webhook", preempt: false, label: "re-plan" });
    expect([worker.preempted, queue(session)]).toEqual([false, ["re-plan"]]);
    void session.acquire({ priority: "webhook", label: "H" });
    expect([worker.preempted, queue(session)]).toEqual([true, ["re-plan", "H"]]);
    worker.release();
    expect(session.holder).toMatchObject({ label: "re-plan", preempted: false });
  });
});

describe("forced release", () => {
  it("[S105] makes the lock free, or passes it to the next handler within the call", async () => {
    for (const handlers of [0, 1]) {
      const [session, wedged] = await held("worker");
      void session.acquire({ priority: "worker", label: "W" });
      if (handlers > 0) void session.acquire({ priority: "webhook", label: "H" });
      expect(session.evict()).toBe(true);
      expect([wedged.held, wedged.evicted, session.holder?.label]).toEqual([
        ...[false, true],
        handlers > 0 ? "H" : "W",
      ]);
    }
    const [session, alone] = await held("worker");
    expect([session.evict(), session.holder, session.locked, alone.held]).toEqual([true, null, false, false]);
    await session.whenIdle();
    await expectLikeNew(session);
  });

  it("[S105] makes the evicted one's own release a no-op, at once, and later while a successor holds", async () => {
    const [session, wedged] = await held("worker");
    const idle = watch(session.whenIdle());
    const first = watch(session.acquire({ priority: "webhook" }));
    const second = watch(session.acquire({ priority: "webhook" }));
    session.evict();
    const observer = observe();
    wedged.release();
    wedged[Symbol.dispose]();
    expect([session.holders, session.waiters, observer.events.length]).toEqual([1, 1, 0]);
    observer.stop();
    await settle();
    expect([first.value?.held, second.state]).toEqual([true, "pending"]);
    first.value?.release();
    wedged.release();
    await settle();
    expect([second.value?.held, session.locked, idle.state]).toEqual([true, true, "pending"]);
    second.value?.release();
    wedged.release();
    await settle();
    expect(idle.state).toBe("fulfilled");
    await expectLikeNew(session);
  });

  it("[S105] of a free lock returns false and tells nobody anything", async () => {
    const told = vi.fn();
    const session = openSession({ graceMs: 10, onOverrun: told });
    const gone = await session.acquire({ priority: "worker", label: "gone" });
    gone.signal.addEventListener("abort", told);
    gone.release();
    const observer = observe();
    expect([session.evict("nobody"), session.evict()]).toEqual([false, false]);
    observer.stop();
    await settle();
    expect([told.mock.calls.length, observer.events.length, gone.evicted]).toEqual([0, 0, false]);
    await expectLikeNew(session);
  });

  it("[S105] of a lock that is free because work is announced returns false, and the demand stands", async () => {
    const session = openSession();
    const demand = session.demand("webhook");
    const worker = watch(session.acquire({ priority: "worker" }));
    expect([session.evict(), session.waiters]).toEqual([false, 1]);
    expect(session.snapshot().demands).toEqual([{ priority: "webhook" }]);
    demand.release();
    await settle();
    expect(worker.state).toBe("fulfilled");
  });

  it("[S105] twice takes it from two holders, one each, and says when there is none left", async () => {
    const [session, first] = await held("worker");
    const second = session.acquire({ priority: "webhook" });
    expect([session.evict("first"), session.evict("second"), session.evict("third")]).toEqual([
      ...[true, true],
      false,
    ]);
    expect(first.signal.reason).toMatchObject({ reason: "first" });
    expect((await second).signal.reason).toMatchObject({ reason: "second" });
    await expectLikeNew(session);
  });

  const reasons: readonly unknown[] = [
    { silence: 3600 },
    new Error("no reply"),
    "wedged",
    "",
    0,
    false,
    null,
    undefined,
  ];
  it("[S105] tells the evicted one the very reason that was given, and whom it was", async () => {
    for (const reason of reasons) {
      const [session, wedged] = await held("worker");
      session.evict(reason);
      const error = wedged.signal.reason as { readonly reason: unknown };
      expect(isLockError(error, "ERR_EVICTED")).toBe(true);
      expect(error).toMatchObject({
        name: "EvictedError",
        message: expect.stringContaining('as "the first worker" was evicted') as string,
      });
      expect(Object.is(error.reason, reason)).toBe(true);
    }
  });

  it("[S105] does not touch one who has yielded and waits to come back: the present holder is the one that goes", async () => {
    const [session, worker] = await held("worker");
    const handler = watch(session.acquire({ priority: "webhook" }));
    const back = watch(worker.checkpoint());
    await settle();
    expect(session.evict()).toBe(true);
    expect([handler.value?.evicted, worker.evicted, worker.held]).toEqual([true, false, true]);
    await settle();
    expect([back.value, worker.signal.aborted]).toEqual([true, false]);
    worker.release();
    await expectLikeNew(session);
  });

  it("[S105] finds nobody while the only one there waits to come back, and lets it wait", async () => {
    const [session, worker] = await held("worker");
    const demand = session.demand("webhook");
    const back = watch(worker.checkpoint());
    expect([session.evict(), worker.evicted, session.waiters]).toEqual([false, false, 1]);
    demand.release();
    await settle();
    expect([back.value, worker.held]).toEqual([true, true]);
    worker.release();
  });

  it("[S105] of one who came back from a checkpoint takes that hold from it", async () => {
    const [session, worker] = await held("worker");
    const handler = watch(session.acquire({ priority: "webhook" }));
    const back = reasonOf(worker.checkpoint());
    await settle();
    handler.value?.release();
    const { signal } = worker;
    expect([worker.held, session.evict("wedged")]).toEqual([true, true]);
    expect([worker.held, signal.reason]).toEqual([false, expect.objectContaining({ reason: "wedged" })]);
    // Before it had heard that it was back.
    expect(await back).toBe(signal.reason);
    worker.release();
    await expectLikeNew(session);
  });

  it("[S106] tells the evicted one when the next is inside and the lock can be used", async () => {
    const [session, wedged] = await held("worker");
    void session.acquire({ priority: "background", label: "next" });
    const seen: unknown[] = [];
    wedged.signal.addEventListener("abort", () => {
      seen.push(wedged.held, wedged.evicted, session.holder?.label, session.waiters);
      wedged.release();
      void session.acquire({ priority: "worker", label: "again" });
      seen.push(session.holder?.label, queue(session));
    });
    session.evict();
    expect(seen).toEqual([false, true, "next", 0, "next", ["again"]]);
  });

  it("[S106] stands though a listener throws, and so does one from within a listener", async () => {
    const [session, wedged] = await held("worker");
    const next = session.acquire({ priority: "background" });
    const last = session.acquire({ priority: "worker", label: "last" });
    const later = vi.fn();
    wedged.signal.addEventListener("abort", () => {
      session.evict("you too");
      throw new Error("the hook failed");
    });
    wedged.signal.addEventListener("abort", later);
    let evicted: boolean | undefined;
    const thrown = await uncaught(() => {
      evicted = session.evict();
    });
    expect(thrown).toEqual([new Error("the hook failed")]);
    expect([evicted, later.mock.calls.length, wedged.held]).toEqual([true, 1, false]);
    expect([(await next).evicted, session.holder?.label]).toEqual([true, "last"]);
    (await last).release();
    await expectLikeNew(session);
  });

  it("[S107] lets the evicted one out of its body without an error, whatever it does with its lease on the way", async () => {
    const session = openSession();
    const silent = gate<string>();
    const parked = session.with(
      async (lease) => {
        const output = await silent.promise;
        lease.release();
        return [output, lease.held, lease.evicted];
      },
      { priority: "worker" },
    );
    session.evict("silent for an hour");
    const next = await session.acquire({ priority: "webhook" });
    silent.open("end of file");
    expect(await parked).toEqual(["end of file", false, true]);
    expect([next.held, session.holders]).toEqual([true, 1]);
    next.release();
    await expectLikeNew(session);
  });

  it("[S107] tells an evicted one so that wants to go on: with the same error as its signal", async () => {
    const [session, wedged] = await held("worker");
    void session.acquire({ priority: "webhook" });
    session.evict("wedged");
    const error = await reasonOf(wedged.checkpoint());
    expect(isLockError(error, "ERR_EVICTED")).toBe(true);
    expect(error).toBe(wedged.signal.reason);
    expect([session.holder?.priority, session.waiters]).toEqual(["webhook", 0]);
  });
});

describe("waiting for the lock without taking it", () => {
  const whenMine = async (session: Session, priority: Kind, preempt?: false): Promise<void> => {
    (await session.acquire({ priority, preempt })).release();
  };

  /** Plays the same visit with something that waits beside it: after which step that is over, and what is left. */
  async function play(beside: (session: Session) => Promise<unknown>): Promise<readonly unknown[]> {
    const session = openSession();
    const first = session.tryAcquire({ priority: "worker" });
    const later = [session.acquire({ priority: "background" }), session.acquire({ priority: "worker" })];
    const demand = session.demand("background");
    const watched = watch(beside(session));
    const over: string[] = [];
    const note = async (step: string): Promise<void> => {
      await settle();
      over.push(`${watched.state} after ${step}`);
    };
    await note("the start");
    first?.release();
    await note("the worker leaves");
    (await later[0])?.release();
    await note("the background leaves");
    demand.release();
    await note("the demand ends");
    (await later[1])?.release();
    await note("all have left");
    return [over.find((entry) => entry.startsWith("fulfilled")), session.snapshot(), session.locked];
  }

  it("[PL7] there is no waitForUnlock: (await acquire({ priority })).release() resolves when an acquire of that class is granted, and leaves nothing", async () => {
    const expected = {
      webhook: "fulfilled after the worker leaves",
      background: "fulfilled after the background leaves",
      worker: "fulfilled after all have left",
    };
    for (const priority of kinds) {
      const [granted] = await play((session) =>
        session.acquire({ priority }).then((lease) => {
          // In the same step as the grant is delivered; later ones would wait for this one.
          lease.release();
        }),
      );
      const [resolved, left, locked] = await play((session) => whenMine(session, priority));
      expect([resolved, resolved === granted]).toEqual([expected[priority], true]);
      expect([left, locked]).toEqual([{ held: [], pending: [], demands: [] }, false]);
    }
    expect("waitForUnlock" in openSession()).toBe(false);
  });

  it("[PL7] it asks the holder to yield as an acquire does; preempt: false leaves not even that", async () => {
    for (const preempt of [undefined, false] as const) {
      const [session, worker] = await held("worker");
      const resolved = watch(whenMine(session, "webhook", preempt));
      expect(worker.preempted).toBe(preempt === undefined);
      worker.release();
      expect(session.holder?.priority).toBe("webhook");
      await settle();
      expect(resolved.state).toBe("fulfilled");
      await expectLikeNew(session);
    }
  });

  it("[PL7] whoever asks for the lock right after it resolves gets it before a worker that comes later", async () => {
    const session = openSession();
    await whenMine(session, "webhook");
    expect(session.tryAcquire({ priority: "webhook" })?.held).toBe(true);
    expect(session.tryAcquire({ priority: "worker" })).toBeNull();
  });
});
