import { listeners, onEvent, reasonOf, settle, watch } from "@holdfast/conformance";
import { afterEach, describe, expect, it, vi } from "vitest";
import { EvictedError, PreemptedError, PriorityLock, type PriorityToken } from "../src/index.js";
import { uncaught } from "./uncaught.js";

const classes = { webhook: { preempts: true }, background: {}, worker: { preemptible: true } } as const;
type Kind = keyof typeof classes;
type Session = PriorityLock<Kind>;
type Lease = PriorityToken<Kind>;

/** A session, the lease of who holds it, and who is told when that one's signal aborts. */
async function held(
  priority: Kind,
): Promise<readonly [session: Session, lease: Lease, told: () => readonly unknown[]]> {
  const session = new PriorityLock({ classes });
  const lease = await session.acquire({ priority, label: `the ${priority}` });
  const reasons: unknown[] = [];
  lease.signal.addEventListener("abort", ({ currentTarget }) => {
    reasons.push((currentTarget as AbortSignal).reason);
  });
  return [session, lease, () => reasons];
}

/** Who waits, in order. */
function queue(session: Session): (string | undefined)[] {
  return session.snapshot().pending.map(({ label }) => label);
}

/** Lets in all who wait, one after the other; tells in which order. */
function drain(session: Session): (string | undefined)[] {
  const order: (string | undefined)[] = [];
  while (session.waiters > 0 && session.evict()) order.push(session.holder?.label);
  return order;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("who stops whom", () => {
  // Each row: who asks, who holds, whether it comes in at once, whether the holder is asked to yield, and whom it stands behind.
  const matrix: readonly (readonly [
    caller: Kind,
    holder: Kind | "nobody",
    enters: boolean,
    stops: boolean,
    order: readonly string[],
  ])[] = [
    ["webhook", "nobody", true, false, []],
    ["webhook", "worker", false, true, ["webhook", "me", "background", "worker"]],
    ["webhook", "webhook", false, false, ["webhook", "me", "background", "worker"]],
    ["webhook", "background", false, false, ["webhook", "me", "background", "worker"]],
    ["worker", "nobody", true, false, []],
    ["worker", "worker", false, false, ["webhook", "background", "worker", "me"]],
    ["worker", "webhook", false, false, ["webhook", "background", "worker", "me"]],
    ["worker", "background", false, false, ["webhook", "background", "worker", "me"]],
    ["background", "nobody", true, false, []],
    ["background", "worker", false, false, ["webhook", "background", "me", "worker"]],
    ["background", "webhook", false, false, ["webhook", "background", "me", "worker"]],
    ["background", "background", false, false, ["webhook", "background", "me", "worker"]],
  ];

  for (const [caller, holder, enters, stops, order] of matrix) {
    const outcome = enters ? "comes in" : `waits and ${stops ? "asks it" : "asks nobody"} to yield`;
    const ways: Readonly<Record<string, (session: Session) => Promise<Lease>>> = {
      acquire: (session) => session.acquire({ priority: caller, label: "me" }),
      with: (session) => session.with((lease) => lease, { priority: caller, label: "me" }),
      governor: (session) => session.governor(caller).acquire({ label: "me" }),
      enqueue: (session) => session.enqueue({ priority: caller, label: "me" }).token,
      wrap: (session) => session.wrap((lease) => lease, { priority: caller, label: "me" })(),
    };
    for (const [way, ask] of Object.entries(ways))
      it(`[S108, S110] ${caller} asks by ${way} while ${holder} holds: it ${outcome}`, async () => {
        const session = new PriorityLock({ classes });
        const lease = holder === "nobody" ? null : await session.acquire({ priority: holder });
        // Others in every line, who ask nobody to yield themselves.
        if (lease !== null)
          for (const other of ["worker", "webhook", "background"] as const)
            void session.acquire({ priority: other, preempt: false, label: other });
        expect(lease?.preempted ?? false).toBe(false);
        const asked = ask(session);
        expect([lease?.held ?? false, lease?.preempted ?? false, lease?.signal.aborted ?? false]).toEqual([
          !enters,
          stops,
          stops,
        ]);
        if (way !== "with" && way !== "wrap") expect(session.holder?.priority).toBe(enters ? caller : holder);
        expect(queue(session)).toEqual(order);
        if (!enters) expect(drain(session)).toEqual(order);
        const end = await asked.then(
          ({ priority }) => priority,
          (error: unknown) => (error as EvictedError).code,
        );
        // A body does not start any more once its turn was taken away again.
        expect(end).toBe(
          (way === "with" || way === "wrap") && !enters && order.at(-1) !== "me" ? "ERR_EVICTED" : caller,
        );
      });

    it(`[S108] ${caller} asks without a label while ${holder} holds: it ${outcome}`, async () => {
      const session = new PriorityLock({ classes });
      const lease = holder === "nobody" ? null : await session.acquire({ priority: holder });
      const asked = watch(session.acquire({ priority: caller }));
      expect([session.waiters === 0, lease?.preempted ?? false]).toEqual([enters, stops]);
      await settle();
      expect(asked.state).toBe(enters ? "fulfilled" : "pending");
    });

    it(`[S108] ${caller} only tries, or has no time to wait, while ${holder} holds: nobody is asked to yield`, async () => {
      const session = new PriorityLock({ classes });
      const lease = holder === "nobody" ? null : await session.acquire({ priority: holder });
      const tried = session.tryAcquire({ priority: caller });
      expect(tried?.priority).toBe(enters ? caller : undefined);
      if (lease === null) return;
      await reasonOf(session.acquire({ priority: caller, timeout: 0 }));
      await reasonOf(session.acquire({ priority: caller, signal: AbortSignal.abort() }));
      expect([lease.preempted, session.waiters]).toEqual([false, 0]);
    });
  }

  it("[S109] there is no default kind: whoever does not say what it is gets nothing", () => {
    const session = new PriorityLock({ classes });
    const body = vi.fn();
    for (const options of [undefined, null, {}, { priority: undefined }, { priority: "handler" }, "worker"]) {
      const given = options as never;
      for (const ask of [
        () => session.acquire(given),
        () => session.tryAcquire(given),
        () => session.with(body, given),
        () => session.wrap(body, given),
        () => session.enqueue(given),
      ])
        expect(ask).toThrow(TypeError);
    }
    for (const priority of [undefined, "handler", 0]) {
      expect(() => session.governor(priority as never)).toThrow(
        'priority must be "webhook" or "background" or "worker"',
      );
      expect(() => session.demand(priority as never)).toThrow(TypeError);
    }
    expect([session.locked, session.waiters, body.mock.calls.length]).toEqual([false, 0, 0]);
  });

  it("[S109] the kind is the caller's own: what another caller says later changes neither holder nor queue", async () => {
    const session = new PriorityLock({ classes });
    // As a field on the shared session would be: the worker then counted as a webhook, and no handler could stop it.
    const shared: { priority: Kind; label: string } = { priority: "worker", label: "W" };
    const worker = await session.acquire(shared);
    const waiting = session.acquire(shared);
    shared.priority = "webhook";
    shared.label = "H";
    const handler = session.acquire(shared);
    expect([worker.priority, worker.preempted, session.holder?.priority]).toEqual(["worker", true, "worker"]);
    expect(session.snapshot().pending.map(({ priority, label }) => [priority, label])).toEqual([
      ["webhook", "H"],
      ["worker", "W"],
    ]);
    worker.release();
    (await handler).release();
    expect((await waiting).priority).toBe("worker");
  });

  it("[S110] the kind is read once, and that is what it queues as, asks as, holds as and is seen as", async () => {
    for (const ask of [
      (session: Session, options: { priority: Kind }) => session.acquire(options),
      (session: Session, options: { priority: Kind }) => session.enqueue(options).token,
      (session: Session, options: { priority: Kind }) => session.with((lease) => lease, options),
    ])
      for (const [first, second] of [
        ["worker", "webhook"],
        ["webhook", "worker"],
      ] as const) {
        const [session, worker] = await held("worker");
        let reads = 0;
        const asked = ask(session, {
          get priority() {
            return (reads += 1) === 1 ? first : second;
          },
        });
        expect([reads, worker.preempted, session.snapshot().pending[0]?.priority]).toEqual([
          1,
          first === "webhook",
          first,
        ]);
        worker.release();
        expect(session.holder?.priority).toBe(first);
        expect([(await asked).priority, reads]).toEqual([first, 1]);
      }
  });
});

describe("a request to yield", () => {
  it("[S111] reaches the worker on the request path, before the handler's task has even begun", async () => {
    const [session, worker] = await held("worker");
    const order: string[] = [];
    const ingress = (): Promise<void> => {
      const demand = session.demand("webhook", "issue 955");
      order.push(`aborted: ${worker.signal.aborted}`);
      // The task is scheduled much later.
      return settle().then(async () => {
        order.push("the task begins");
        const lease = await session.acquire({ priority: "webhook" });
        demand.release();
        order.push("the task replies");
        lease.release();
      });
    };
    const handled = ingress();
    expect(worker.signal.reason).toMatchObject({ by: "webhook", label: "issue 955" });
    worker.release();
    // The worker cannot use the time until the task begins for another turn.
    const again = session.with(() => order.push("the worker goes on"), { priority: "worker" });
    await Promise.all([handled, again]);
    expect(order).toEqual(["aborted: true", "the task begins", "the task replies", "the worker goes on"]);
    expect([session.locked, session.snapshot().demands]).toEqual([false, []]);
  });

  it("[S111] comes again when the handler enters, in case the worker began another turn meanwhile", async () => {
    const [session, worker] = await held("worker");
    // Told at the door, but not announced until the task runs.
    session.demand("webhook").release();
    expect(worker.preempted).toBe(true);
    worker.release();
    const second = await session.acquire({ priority: "worker" });
    expect(second.preempted).toBe(false);
    const handler = session.acquire({ priority: "webhook", label: "the task" });
    expect(second.signal.reason).toMatchObject({ label: "the task" });
    second.release();
    expect((await handler).held).toBe(true);
  });

  for (const label of [undefined, "H"])
    it(`[S112] whose listener throws does not stop the handler${label === undefined ? "" : " with a label"}, nor what else listens`, async () => {
      const [session, worker, told] = await held("worker");
      const broken = new Error("the interrupt could not be sent");
      worker.signal.addEventListener("abort", () => {
        throw broken;
      });
      const last = vi.fn();
      worker.signal.addEventListener("abort", last);
      const asked: Promise<Lease>[] = [];
      let preempted: unknown;
      const thrown = await uncaught(() => {
        asked.push(session.acquire({ priority: "webhook", label }));
        preempted = session.demand("webhook").preempted;
      });
      expect([thrown, told().length, last.mock.calls.length, preempted]).toEqual([[broken], 1, 1, null]);
      expect([session.waiters, worker.preempted]).toEqual([1, true]);
      worker.release();
      expect((await asked[0])?.held).toBe(true);
    });

  it("[S112] whose listener throws does not stop an announcement either, which still says whom it asked", async () => {
    const [session, worker] = await held("worker");
    worker.signal.addEventListener("abort", () => {
      throw new Error("the interrupt could not be sent");
    });
    let preempted: unknown;
    const thrown = await uncaught(() => {
      preempted = session.demand("webhook").preempted;
    });
    expect([thrown.length, preempted]).toEqual([1, expect.objectContaining({ label: "the worker" })]);
    worker.release();
    expect([session.tryAcquire({ priority: "worker" }), session.snapshot().demands.length]).toEqual([
      null,
      1,
    ]);
  });

  it("[S112] to nobody, for there is no session yet, is a no-op, and the handler goes on", async () => {
    const session = new PriorityLock({ classes });
    using demand = session.demand("webhook");
    expect(demand.preempted).toBeNull();
    expect(await session.with(() => "replied", { priority: "webhook" })).toBe("replied");
  });

  it("[S113] takes the lock from nobody, however often it comes; eviction does", async () => {
    const [session, worker, told] = await held("worker");
    for (let times = 0; times < 5; times += 1) {
      void session.acquire({ priority: "webhook" });
      session.demand("webhook").release();
      await settle();
      expect([worker.held, worker.preempted, worker.evicted, session.holder?.label]).toEqual([
        ...[true, true, false],
        "the worker",
      ]);
    }
    expect(told()).toEqual([expect.any(PreemptedError)]);
    session.evict();
    expect([worker.held, worker.preempted, worker.evicted]).toEqual([false, false, true]);
    expect(worker.signal.reason).toBeInstanceOf(EvictedError);
  });

  it("[S114] says truly whom it asked: the worker, once, and nobody else", async () => {
    const [session, worker, told] = await held("worker");
    const demands = [session.demand("webhook", "first"), session.demand("webhook", "second")];
    expect(demands.map(({ preempted }) => preempted)).toEqual([
      {
        mode: "exclusive",
        label: "the worker",
        since: expect.any(Number) as number,
        heldSince: expect.any(Number) as number,
        priority: "worker",
        preempted: true,
        grant: 1,
      },
      null,
    ]);
    expect(demands[0]?.preempted).toEqual(session.holder);
    expect(told()).toEqual([expect.objectContaining({ label: "first" })]);
    worker.release();
    // What it said stays true of what it did.
    expect(demands[0]?.preempted?.priority).toBe("worker");
    for (const demand of demands) demand.release();
    const results = (["webhook", "background"] as const).map((priority) => {
      const lease = session.tryAcquire({ priority });
      const { preempted } = session.demand("webhook");
      const seen = [preempted, lease?.preempted];
      session.evict();
      return seen;
    });
    expect(results[0]).toEqual([null, false]);
    expect(session.demand("webhook").preempted).toBeNull();
  });

  it("[S114] to a holder who was told already, and went on after the one who asked had gone, is a no-op", async () => {
    const [session, worker, told] = await held("worker");
    const controller = new AbortController();
    const gone = reasonOf(session.acquire({ priority: "webhook", signal: controller.signal }));
    controller.abort();
    await gone;
    expect([session.demand("webhook").preempted, told().length, worker.held]).toEqual([null, 1, true]);
  });

  it("[S115] of two handlers is one request: the first, then the second, then the worker, and neither stops the other", async () => {
    const [session, worker, told] = await held("worker");
    void session.acquire({ priority: "worker", label: "W2" });
    const first = session.acquire({ priority: "webhook", label: "H1" });
    const second = session.acquire({ priority: "webhook", label: "H2" });
    expect(told()).toEqual([expect.objectContaining({ by: "webhook", label: "H1" })]);
    const back = reasonOf(worker.checkpoint({ label: "W" }));
    const h1 = await first;
    expect([session.holder?.label, h1.preempted, h1.signal.aborted]).toEqual(["H1", false, false]);
    void session.acquire({ priority: "webhook", label: "H3" });
    expect([h1.preempted, queue(session)]).toEqual([false, ["H2", "H3", "W", "W2"]]);
    h1.release();
    const h2 = await second;
    expect([h2.held, h2.preempted]).toEqual([true, false]);
    expect([drain(session), told().length]).toEqual([["H3", "W", "W2"], 1]);
    expect(await back).toBe(worker.signal.reason);
  });

  it("[S115] of two handlers does not come twice, though the worker answers late", async () => {
    const [session, worker, told] = await held("worker");
    const demand = session.demand("webhook", "H1");
    for (const label of ["H1", "H2"]) {
      void session.acquire({ priority: "webhook", label });
      await settle();
    }
    expect(told()).toEqual([demand.preempted === null ? null : worker.signal.reason]);
    demand.release();
    worker.release();
    expect([session.holder?.label, session.holder?.preempted]).toEqual(["H1", false]);
  });

  it("[S116] stands when the handler has gone before the worker answered; nobody is stuck", async () => {
    for (const answer of ["release", "checkpoint"] as const) {
      const [session, worker] = await held("worker");
      const controller = new AbortController();
      const gone = reasonOf(session.acquire({ priority: "webhook", label: "H", signal: controller.signal }));
      const next = watch(session.acquire({ priority: "worker" }));
      const { signal } = worker;
      controller.abort("gone");
      expect([await gone, listeners(controller.signal)]).toEqual(["gone", 0]);
      // Its turn has been interrupted already, so it must hear of that.
      expect([signal.aborted, worker.preempted, worker.held]).toEqual([true, true, true]);
      expect(signal.reason).toMatchObject({ label: "H" });
      if (answer === "checkpoint") {
        expect(await worker.checkpoint()).toBe(false);
        expect([worker.held, worker.preempted, worker.signal.aborted]).toEqual([true, false, false]);
      }
      worker.release();
      await settle();
      expect([next.state, next.value?.preempted, next.value?.signal.aborted]).toEqual([
        ...["fulfilled", false],
        false,
      ]);
      next.value?.release();
      expect(session.locked).toBe(false);
    }
  });

  it("[S116] is not sent by a handler who goes in the moment in which it is queued", async () => {
    const [session, worker] = await held("worker");
    const controller = new AbortController();
    const stop = onEvent("wait", () => {
      controller.abort("gone");
    });
    const gone = reasonOf(session.acquire({ priority: "webhook", signal: controller.signal }));
    stop();
    expect([await gone, worker.preempted, session.waiters]).toEqual(["gone", false, 0]);
  });
});

describe("a listener may do anything while it hears the request to yield", () => {
  const asks: Readonly<Record<string, (session: Session) => Promise<Lease>>> = {
    acquire: (session) => session.acquire({ priority: "webhook" }),
    "acquire with a label": (session) => session.acquire({ priority: "webhook", label: "H" }),
    "a request that becomes a webhook": (session) => {
      const request = session.enqueue({ priority: "background", label: "H" });
      request.setPriority("webhook");
      return request.token;
    },
  };

  for (const [name, ask] of Object.entries(asks)) {
    /** Does `action` in the worker's listener, with others in the queue, while `ask` is made. */
    const during = async (
      action: (session: Session, worker: Lease) => void,
    ): Promise<readonly [session: Session, worker: Lease, asked: ReturnType<typeof watch<Lease>>]> => {
      const [session, worker, told] = await held("worker");
      void session.acquire({ priority: "worker", label: "W2" }).catch(() => undefined);
      worker.signal.addEventListener("abort", () => {
        action(session, worker);
      });
      const asked = watch(ask(session));
      expect(told().length).toBe(1);
      return [session, worker, asked];
    };

    it(`[S94, S115] ${name}: release`, async () => {
      const [session, worker, asked] = await during((_, lease) => {
        lease.release();
      });
      expect([worker.held, session.holder?.priority, session.holder?.preempted]).toEqual([
        ...[false, "webhook"],
        false,
      ]);
      await settle();
      expect([asked.value?.held, asked.value?.preempted]).toEqual([true, false]);
      expect(drain(session)).toEqual(["W2"]);
    });

    it(`[S94, S115] ${name}: checkpoint()`, async () => {
      let back: Promise<boolean> | undefined;
      const [session, worker, asked] = await during((_, lease) => {
        back = lease.checkpoint();
      });
      expect([worker.held, worker.preempted, session.holder?.priority]).toEqual([false, false, "webhook"]);
      await settle();
      asked.value?.release();
      expect([worker.held, await back, worker.signal.aborted]).toEqual([true, true, false]);
      worker.release();
      expect(session.holder?.label).toBe("W2");
    });

    it(`[S94, S115] ${name}: acquire, for a handler and for a worker`, async () => {
      const [session, worker, asked] = await during((lock) => {
        void lock.acquire({ priority: "webhook", label: "inner" });
        void lock.acquire({ priority: "worker", label: "W3" });
      });
      expect([worker.held, session.waiters]).toEqual([true, 4]);
      worker.release();
      await settle();
      // It was in the queue before anybody was told.
      expect([asked.value?.held, queue(session)]).toEqual([true, ["inner", "W2", "W3"]]);
      expect(drain(session)).toEqual(["inner", "W2", "W3"]);
    });

    it(`[S94, S105] ${name}: evict`, async () => {
      const outcomes: unknown[] = [];
      let preempted: unknown;
      const [session, worker, asked] = await during((lock, lease) => {
        preempted = lease.signal.reason;
        outcomes.push(lock.evict("too slow"), lease.held, lock.holder?.priority);
      });
      expect(outcomes).toEqual([true, false, "webhook"]);
      expect([worker.evicted, worker.preempted, preempted, worker.signal.reason]).toEqual([
        ...[true, false],
        expect.any(PreemptedError),
        expect.objectContaining({ code: "ERR_EVICTED", reason: "too slow" }),
      ]);
      worker.release();
      await settle();
      expect([asked.value?.held, asked.value?.evicted]).toEqual([true, false]);
      expect(drain(session)).toEqual(["W2"]);
    });

    it(`[S94, S105] ${name}: evict twice, so that the one who asked is out before it knows`, async () => {
      const [session, , asked] = await during((lock) => {
        lock.evict("the worker");
        lock.evict("the handler");
      });
      expect(session.holder).toMatchObject({ label: "W2", preempted: false });
      await settle();
      expect([asked.value?.evicted, asked.value?.signal.reason]).toEqual([
        true,
        expect.objectContaining({ reason: "the handler" }),
      ]);
    });

    it(`[S94] ${name}: close`, async () => {
      const [session, worker, asked] = await during((lock) => {
        lock.close("over");
      });
      await settle();
      expect([asked.state, asked.reason, session.waiters]).toEqual(["rejected", "over", 0]);
      expect([worker.held, worker.preempted]).toEqual([true, true]);
      expect(await worker.checkpoint()).toBe(false);
      worker.release();
      expect([session.locked, session.holder]).toEqual([false, null]);
    });

    it(`[S94] ${name}: cancelWaiters()`, async () => {
      const [session, worker, asked] = await during((lock) => {
        expect(lock.cancelWaiters("all out")).toBe(2);
      });
      await settle();
      expect([asked.state, asked.reason, session.waiters, worker.held]).toEqual([
        ...["rejected", "all out"],
        ...[0, true],
      ]);
      worker.release();
      expect(session.tryAcquire({ priority: "worker" })?.preempted).toBe(false);
    });
  }

  it("[S94, S111] an announcement: release, and nobody below it comes in", async () => {
    const [session, worker] = await held("worker");
    const next = watch(session.acquire({ priority: "worker" }));
    worker.signal.addEventListener("abort", () => {
      worker.release();
    });
    const demand = session.demand("webhook");
    expect([demand.preempted?.label, session.locked, session.waiters]).toEqual(["the worker", false, 1]);
    demand.release();
    await settle();
    expect(next.value?.held).toBe(true);
  });

  it("[S94, S111] an announcement: checkpoint(), and it comes back when that is over", async () => {
    const [session, worker] = await held("worker");
    let back: Promise<boolean> | undefined;
    worker.signal.addEventListener("abort", () => {
      back = worker.checkpoint();
    });
    const demand = session.demand("webhook");
    expect([worker.held, session.locked]).toEqual([false, false]);
    demand.release();
    expect([worker.held, await back]).toEqual([true, true]);
  });

  it("[S94, S111] an announcement: evict, acquire and close", async () => {
    for (const action of ["evict", "acquire", "close"] as const) {
      const [session, worker, told] = await held("worker");
      let inner: ReturnType<typeof watch<Lease>> | undefined;
      worker.signal.addEventListener("abort", () => {
        if (action === "evict") session.evict();
        else if (action === "acquire") inner = watch(session.acquire({ priority: "webhook" }));
        else session.close();
      });
      const demand = session.demand("webhook");
      expect([demand.preempted?.label, told().length]).toEqual(["the worker", 1]);
      expect(session.snapshot().demands.length).toBe(1);
      expect([worker.held, session.waiters]).toEqual([action !== "evict", action === "acquire" ? 1 : 0]);
      // Nobody can come in any more, whatever was announced: whoever yielded now would never come back.
      if (action === "close") expect([await worker.checkpoint(), worker.held]).toEqual([false, true]);
      worker.release();
      await settle();
      expect(inner?.state).toBe(action === "acquire" ? "fulfilled" : undefined);
      inner?.value?.release();
      demand.release();
      expect([session.locked, session.snapshot().demands]).toEqual([false, []]);
    }
  });
});

describe("the signal of a lease", () => {
  /** How many abort controllers are made while `action` runs. */
  async function controllers(action: () => Promise<void>): Promise<number> {
    let made = 0;
    const Platform = AbortController;
    vi.stubGlobal(
      "AbortController",
      class extends Platform {
        constructor() {
          super();
          made += 1;
        }
      },
    );
    await action();
    vi.unstubAllGlobals();
    return made;
  }

  it("[S95] costs nothing where nobody reads it, whatever happens to the lease", async () => {
    const session = new PriorityLock({ classes });
    const visit = async (read: boolean): Promise<void> => {
      const worker = await session.acquire({ priority: "worker" });
      const handler = session.acquire({ priority: "webhook" });
      const back = worker.checkpoint();
      (await handler).release();
      await back;
      const demand = session.demand("webhook");
      expect([worker.preempted, worker.evicted]).toEqual([true, false]);
      if (read) expect(worker.signal.aborted).toBe(true);
      session.evict();
      expect([worker.preempted, worker.evicted]).toEqual([false, true]);
      demand.release();
    };
    expect(await controllers(() => visit(false))).toBe(0);
    expect(await controllers(() => visit(true))).toBe(1);
  });

  const histories: Readonly<Record<string, readonly [(session: Session) => unknown, unknown]>> = {
    nothing: [() => undefined, undefined],
    "a request to yield": [
      (session) => session.acquire({ priority: "webhook", label: "H" }),
      { code: "ERR_PREEMPTED", by: "webhook", label: "H" },
    ],
    "two requests to yield": [
      (session) => [session.demand("webhook", "first"), session.acquire({ priority: "webhook", label: "H" })],
      { code: "ERR_PREEMPTED", by: "webhook", label: "first" },
    ],
    "an eviction": [(session) => session.evict("wedged"), { code: "ERR_EVICTED", reason: "wedged" }],
    "a request to yield and an eviction": [
      (session) => [session.acquire({ priority: "webhook" }), session.evict("wedged")],
      { code: "ERR_EVICTED", reason: "wedged" },
    ],
  };
  for (const [history, [happens, reason]] of Object.entries(histories)) {
    it(`[S95, S113] read for the first time after ${history} is as it should be, and always the same one`, async () => {
      const session = new PriorityLock({ classes });
      const lease = await session.acquire({ priority: "worker" });
      happens(session);
      const { signal } = lease;
      expect([signal.aborted, signal.reason]).toEqual([
        reason !== undefined,
        reason === undefined ? undefined : expect.objectContaining(reason),
      ]);
      expect(lease.signal).toBe(signal);
      await settle();
      expect(lease.signal).toBe(signal);
    });

    it(`[S95, S113] read before and after ${history} says the same as one that is read late`, async () => {
      const [session, lease] = await held("worker");
      happens(session);
      expect(lease.signal.reason).toEqual(reason === undefined ? undefined : expect.objectContaining(reason));
    });

    it(`[S95] read for the first time after ${history} and the release is as it was`, async () => {
      const session = new PriorityLock({ classes });
      const lease = await session.acquire({ priority: "worker" });
      happens(session);
      lease.release();
      session.demand("webhook").release();
      expect(lease.signal.reason).toEqual(reason === undefined ? undefined : expect.objectContaining(reason));
    });
  }

  it("[S95, S113] that has aborted with a request to yield keeps its reason; after an eviction the lease has another", async () => {
    const [session, worker, told] = await held("worker");
    const asked = worker.signal;
    void session.acquire({ priority: "webhook" });
    const { reason } = asked as { readonly reason: unknown };
    session.evict("wedged");
    expect([asked.reason === reason, reason instanceof PreemptedError, told().length]).toEqual([
      ...[true, true],
      1,
    ]);
    expect([worker.signal === asked, worker.signal.reason instanceof EvictedError]).toEqual([false, true]);
  });

  it("[S95, S116] is fresh after an answer, though the one that was aborted was never read", async () => {
    const session = new PriorityLock({ classes });
    const worker = await session.acquire({ priority: "worker" });
    session.demand("webhook").release();
    expect(await worker.checkpoint()).toBe(false);
    expect([worker.signal.aborted, worker.preempted]).toEqual([false, false]);
    const again = session.demand("webhook");
    expect([again.preempted?.priority, worker.signal.aborted]).toEqual(["worker", true]);
  });
});
