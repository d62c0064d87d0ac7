import { listeners, settle, watch } from "@holdfast/conformance";
import { PriorityLock, QueueFullError } from "@holdfast/priority-lock";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Holder, HolderLeakError, Holders, type Kind } from "../../src/session/holders.js";
import type { SessionLease } from "../../src/session/lease.js";
import { wasCancelled } from "../../src/session/outcome.js";
import { closeFakes, FakeSession } from "./support/fake-agent.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await closeFakes();
});

const worker = { kind: "worker" } as const;
const handler = { kind: "handler" } as const;
const background = { kind: "background" } as const;

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

/** Answers the turn that runs, and lets whoever is next begin. */
async function answer(fake: FakeSession, text = "ok"): Promise<void> {
  await settle();
  await fake.agent.result(text);
  await settle();
}

/** Lets an interrupted turn come to its boundary, and whoever is next begin. */
async function obey(fake: FakeSession): Promise<void> {
  await settle();
  await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
  await settle();
}

/** A prompt of which the agent has heard, or that waits. */
async function begun(fake: FakeSession, kind: Kind, label: string = kind): Promise<ReturnType<typeof watch>> {
  const watched = watch(fake.session.prompt(label, { kind, label }));
  await settle();
  return watched;
}

describe("who goes first", () => {
  it("[S88, S89, S90] handlers, in the order in which they came, before the worker that asks again", async () => {
    const fake = new FakeSession();
    const loop = (async () => {
      for (let round = 0; round < 2; round += 1) await fake.session.prompt(`W${round}`, worker);
    })();
    await settle();
    for (const label of ["A", "B", "C"]) void begun(fake, "handler", label);
    await obey(fake);
    await answer(fake, "a");
    await answer(fake, "b");
    await answer(fake, "c");
    await answer(fake);
    await loop;
    expect(fake.agent.prompts).toEqual(["W0", "A", "B", "C", "W1"]);
  });

  it("[S104] background work stops no worker, and handlers stop no background work", async () => {
    const fake = new FakeSession();
    const task = await begun(fake, "worker");
    const plan = await begun(fake, "background");
    expect([fake.agent.heard, task.state]).toEqual([["user"], "pending"]);
    await answer(fake, "done");
    const reply = await begun(fake, "handler");
    expect([fake.agent.heard, task.value]).toEqual([["user", "user"], { status: "completed", text: "done" }]);
    await answer(fake, "planned");
    await answer(fake, "replied");
    expect([plan.value, reply.value]).toMatchObject([{ text: "planned" }, { text: "replied" }]);
  });

  it.each([
    ["handler", "worker", true],
    ["handler", "handler", false],
    ["handler", "background", false],
    ["background", "worker", false],
    ["background", "background", false],
    ["worker", "worker", false],
    ["worker", "handler", false],
    ["worker", "background", false],
  ] as const)(
    "[S108, S109] a %s that comes while a %s holds: it is cancelled: %s",
    async (caller, holder, cancels) => {
      const fake = new FakeSession();
      await begun(fake, holder, "first");
      await begun(fake, caller, "second");
      expect(fake.agent.heard).toEqual(cancels ? ["user", "interrupt"] : ["user"]);
      await (cancels ? obey(fake) : answer(fake));
      expect(fake.agent.prompts).toEqual(["first", "second"]);
      await answer(fake);
    },
  );

  it("[S109] nobody has a kind by default", async () => {
    const fake = new FakeSession();
    await expect(fake.session.prompt("hello", {} as typeof worker)).rejects.toThrow(TypeError);
    await expect(fake.session.hold(() => 1, { kind: "webhook" as Kind })).rejects.toThrow(
      'priority must be "handler" or "background" or "worker"',
    );
    expect(fake.processes).toEqual([]);
  });

  it("[S113, S116] a handler that gives up waiting leaves the worker cancelled, and the agent alive", async () => {
    const fake = new FakeSession();
    const task = await begun(fake, "worker");
    const stop = new AbortController();
    const gone = fake.session.prompt("never", { ...handler, signal: stop.signal });
    stop.abort();
    expect(await gone).toMatchObject({ status: "cancelled", sent: false });
    await obey(fake);
    expect(task.value).toMatchObject({ status: "cancelled", reason: { code: "ERR_PREEMPTED" } });
    expect([fake.processes.length, fake.session.status().queue]).toEqual([1, []]);
  });

  it("[S100] a wait that takes too long is a failure with its own kind, and nothing is sent", async () => {
    const fake = new FakeSession();
    await begun(fake, "handler");
    const late = watch(fake.session.prompt("late", { ...handler, timeout: 100 }));
    await pass(100);
    expect(late.value).toMatchObject({
      status: "failed",
      failure: "waitTimeout",
      cancelled: false,
      error: { message: "The session was not to be had in time" },
    });
    await answer(fake);
    expect(fake.agent.prompts).toEqual(["handler"]);
  });

  it("[S103] a worker waits for as long as handlers come, unless waiting makes it one of them", async () => {
    for (const agingMs of [undefined, 50]) {
      const fake = new FakeSession({ agingMs });
      await begun(fake, "handler", "H0");
      const task = await begun(fake, "worker", "W");
      for (let round = 1; round <= 4; round += 1) {
        await pass(50);
        await begun(fake, "handler", `H${round}`);
        await answer(fake);
      }
      const waits = task.state === "pending" && !fake.agent.prompts.includes("W");
      expect(waits).toBe(agingMs === undefined);
      while (fake.session.status().holder !== undefined) await answer(fake);
      // How long that was can be read.
      expect(fake.session.status().counters.longestWait.worker).toBeGreaterThanOrEqual(agingMs ?? 200);
    }
  });

  it("[S122] tells how long anybody has waited at most, by kind", async () => {
    const fake = new FakeSession();
    await pass(1000);
    await begun(fake, "handler");
    void begun(fake, "worker");
    await pass(70);
    await answer(fake);
    await answer(fake);
    await begun(fake, "worker");
    await answer(fake);
    expect(fake.session.status().counters.longestWait).toEqual({ handler: 0, background: 0, worker: 70 });
  });

  it("[S100] a lock that lets nobody wait is a failure with its own kind", async () => {
    const fake = new FakeSession();
    const full = new QueueFullError("no room", 0);
    vi.spyOn(PriorityLock.prototype, "acquire").mockRejectedValueOnce(full);
    expect(await fake.session.prompt("late", handler)).toMatchObject({
      status: "failed",
      failure: "queueFull",
      error: { cause: full },
    });
  });

  it("[S102] says in the log who waits for whom, and nothing when nobody does", async () => {
    const fake = new FakeSession();
    await begun(fake, "worker", "task 7");
    expect(fake.lines).toEqual([]);
    await begun(fake, "handler", "comment 3");
    expect(fake.lines).toContain('handler "comment 3" waits for worker "task 7", beside 0 others');
    expect(fake.session.status().queue).toMatchObject([{ label: "comment 3", priority: "handler" }]);
    await obey(fake);
    await answer(fake);
  });

  it("[S102] names who waits, and for what, as well as it can", async () => {
    const fake = new FakeSession();
    const demand = fake.session.announce();
    const first = fake.session.prompt("first", worker);
    await settle();
    demand.release();
    // It has been let in, and nobody knows it yet.
    const second = fake.session.prompt("second", background);
    await settle();
    const third = fake.session.prompt("third", worker);
    expect(fake.lines).toEqual([
      "worker waits for announced work, beside 0 others",
      "background waits for somebody who has just come in, beside 0 others",
      "worker waits for worker #1, beside 1 others",
    ]);
    for (const turn of [first, second, third]) {
      await answer(fake);
      await turn;
    }
  });

  it("[S102, S105] needs nobody who listens to it", async () => {
    const fake = new FakeSession({ log: undefined, onEvict: undefined });
    const first = await begun(fake, "worker");
    const second = await begun(fake, "background");
    expect(fake.session.evict("wedged")).toBe(true);
    await settle();
    await answer(fake);
    expect([first.value, second.value]).toMatchObject([{ failure: "evicted" }, { status: "completed" }]);
    await fake.session.hold(() => {
      fake.session.evict("once more");
    }, handler);
    expect(fake.session.status()).toMatchObject({ holder: undefined, counters: { evictions: 2 } });
  });
});

describe("a hold", () => {
  it("[S96] of several turns lets nobody in between, and is over once", async () => {
    const fake = new FakeSession();
    const held = fake.session.hold(async (lease) => {
      const texts: string[] = [];
      for (const text of ["one", "two"]) {
        const turn = lease.prompt(text);
        await answer(fake, text);
        texts.push(((await turn) as { text: string }).text);
      }
      return texts;
    }, handler);
    const task = await begun(fake, "worker");
    expect(await held).toEqual(["one", "two"]);
    await settle();
    expect(fake.agent.prompts).toEqual(["one", "two", "worker"]);
    await answer(fake);
    expect(task.state).toBe("fulfilled");
  });

  it("[S96, S101] is over when its body throws, and the error goes on", async () => {
    const fake = new FakeSession();
    const held = fake.session.hold(() => {
      throw new Error("the body");
    }, handler);
    await expect(held).rejects.toThrow("the body");
    expect(fake.session.status().holder).toBeUndefined();
    void begun(fake, "worker");
    await answer(fake);
  });

  it("[S97] cannot be used by what was started in it and outlives it", async () => {
    const fake = new FakeSession();
    let leaked: SessionLease | undefined;
    await fake.session.hold((lease) => {
      leaked = lease;
    }, handler);
    const next = await begun(fake, "handler");
    await expect(leaked?.prompt("late")).rejects.toThrow(
      new TypeError("The lease is over: a prompt needs one that is held"),
    );
    const over = new TypeError("The lease is over");
    await expect(leaked?.checkpoint()).rejects.toThrow(over);
    await expect(leaked?.configure({ model: "large" })).rejects.toThrow(over);
    expect([leaked?.held, fake.agent.prompts]).toEqual([false, ["handler"]]);
    await answer(fake);
    expect(next.state).toBe("fulfilled");
  });

  it("[S97] ends a turn that its body left running, and keeps the session until that is at its boundary", async () => {
    const fake = new FakeSession();
    let left: Promise<unknown> | undefined;
    const held = watch(
      fake.session.hold(async (lease) => {
        left = lease.prompt("left alone");
        await settle();
      }, handler),
    );
    const next = await begun(fake, "handler", "next");
    await settle();
    expect([held.state, fake.agent.heard]).toEqual(["pending", ["user", "interrupt"]]);
    await obey(fake);
    expect([await left, held.state, fake.agent.prompts]).toMatchObject([
      { status: "cancelled", reason: new Error("the lease ends") },
      "fulfilled",
      ["left alone", "next"],
    ]);
    await answer(fake);
    expect(next.state).toBe("fulfilled");
  });

  it("[S131] of a worker can let handlers go first between two turns, and comes back with a fresh signal", async () => {
    const fake = new FakeSession();
    const seen: unknown[] = [];
    const held = fake.session.hold(
      async (lease) => {
        const reply = begun(fake, "handler", "reply");
        await settle();
        seen.push(lease.signal.aborted, (await lease.prompt("too late")).status);
        const back = lease.checkpoint();
        await settle();
        seen.push(fake.session.status().holder?.kind, fake.session.status().owner);
        await answer(fake);
        seen.push(await back, lease.signal.aborted, fake.session.status().owner);
        const turn = lease.prompt("on with it");
        await answer(fake);
        await reply;
        return (await turn).status;
      },
      { ...worker, label: "task 7" },
    );
    expect(await held).toBe("completed");
    expect(seen).toEqual([true, "cancelled", "handler", undefined, true, false, "task 7"]);
    expect(fake.agent.prompts).toEqual(["reply", "on with it"]);
  });

  it("leaves no listener at the signals of its way back", async () => {
    const fake = new FakeSession();
    const [stop, wait] = [new AbortController(), new AbortController()];
    await fake.session.hold(
      async (lease) => {
        await lease.checkpoint({ signal: wait.signal });
        expect([listeners(stop.signal), listeners(wait.signal)]).toEqual([1, 0]);
      },
      { ...worker, signal: stop.signal },
    );
    expect(listeners(stop.signal)).toBe(0);
  });

  it("that cannot be entered lets go of the session", async () => {
    const fake = new FakeSession();
    vi.spyOn(Holders.prototype, "enter").mockImplementationOnce(() => {
      throw new HolderLeakError("two at once");
    });
    await expect(fake.session.hold(() => 1, handler)).rejects.toThrow("two at once");
    expect(await fake.session.hold(() => 2, handler)).toBe(2);
  });

  it("gives up coming back when its own signal aborts, and is over then", async () => {
    const fake = new FakeSession();
    const stop = new AbortController();
    const held = fake.session.hold(
      async (lease) => {
        void begun(fake, "handler", "reply");
        await settle();
        const back = lease.checkpoint();
        stop.abort(new Error("no more"));
        await expect(back).rejects.toThrow("no more");
        await expect(lease.prompt("hello")).rejects.toThrow(TypeError);
        return lease.held;
      },
      { ...worker, signal: stop.signal },
    );
    expect(await held).toBe(false);
    await answer(fake);
    expect(fake.session.status().holder).toBeUndefined();
  });
});

describe("work that is announced", () => {
  it("[S111, S114, S127] stops the worker at once and lets none begin, and says whom it stopped", async () => {
    const fake = new FakeSession();
    const task = await begun(fake, "worker", "task 7");
    const announced = fake.session.announce("comment 3");
    expect(announced.preempted).toMatchObject({ priority: "worker", label: "task 7" });
    await obey(fake);
    expect(task.value).toMatchObject({ status: "cancelled" });
    const again = await begun(fake, "worker", "task 7 again");
    // Nobody holds, and the worker waits.
    expect([fake.session.status().holder, fake.session.status().announced]).toEqual([undefined, 1]);
    expect(fake.session.announce().preempted).toBeNull();
    const reply = await begun(fake, "handler", "reply");
    announced.release();
    await answer(fake);
    expect([reply.state, fake.agent.prompts]).toEqual(["fulfilled", ["task 7", "reply"]]);
    await pass(300_000);
    expect(fake.agent.prompts.at(-1)).toBe("task 7 again");
    await answer(fake);
    expect(again.state).toBe("fulfilled");
  });

  it("[S130] and never comes is taken back, loudly, so that the worker is not parked for ever", async () => {
    const fake = new FakeSession();
    const announced = fake.session.announce("comment 3");
    const task = await begun(fake, "worker");
    await pass(299_999);
    expect([fake.processes.length, fake.lines.length]).toEqual([0, 1]);
    await pass(1);
    expect(fake.lines.at(-1)).toBe(
      'the announced handler "comment 3" was never taken back; after 300000 ms the worker may go on',
    );
    await answer(fake);
    expect([task.state, fake.session.status().announced]).toEqual(["fulfilled", 0]);
    announced.release();
    expect(fake.lines.at(-1)).toBe('the announced handler "comment 3" was taken back once more');
  });

  it("[S130] may have no limit", async () => {
    const fake = new FakeSession({ limits: { announcement: Infinity } });
    const announced = fake.session.announce();
    expect(vi.getTimerCount()).toBe(0);
    await pass(1_000_000);
    expect([fake.lines, fake.session.status().announced]).toEqual([[], 1]);
    announced.release();
  });

  it("[S129, S132] ends once, whatever throws on the way; an exit too many is logged and takes no other's away", () => {
    const fake = new FakeSession();
    const other = fake.session.announce();
    const announced = fake.session.announce();
    try {
      throw new Error("a cleanup step");
    } catch {
      announced[Symbol.dispose]();
    }
    announced.release();
    expect([fake.lines, fake.session.status().announced]).toEqual([
      ["an announced handler was taken back once more"],
      1,
    ]);
    other.release();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("taking the session away", () => {
  it("[S105, S107, S41] from a parked holder kills what it spoke to; its next one is in at once, and hears nothing of the old", async () => {
    const evicted: unknown[] = [];
    const fake = new FakeSession({ onEvict: (holder, reason) => evicted.push([holder?.label, reason]) });
    const parked = await begun(fake, "worker", "parked");
    const [old] = fake.processes;
    if (old !== undefined) old.lingers = true;
    const next = watch(fake.session.prompt("next", background));
    expect(fake.session.evict("wedged")).toBe(true);
    await settle();
    expect(parked.value).toEqual({
      status: "failed",
      failure: "evicted",
      error: new Error('worker "parked" was evicted: wedged'),
      cancelled: false,
    });
    expect(fake.lines.slice(1)).toEqual([
      'worker "parked" was evicted: wedged',
      'generation 1, pid 1000: is ended by force: worker "parked" was evicted: wedged',
    ]);
    // The old one is still there, and what it says is for nobody.
    await old?.text("LATE");
    await old?.result("LATE");
    old?.exit(137);
    await settle();
    expect([old?.signals, fake.processes.length, fake.agent.prompts]).toEqual([["SIGKILL"], 2, ["next"]]);
    await answer(fake, "fresh");
    expect([next.value, evicted]).toEqual([{ status: "completed", text: "fresh" }, [["parked", "wedged"]]]);
    expect(old?.heard).toEqual(["user"]);
    expect(fake.session.status().counters).toMatchObject({ evictions: 1, received: 3, dropped: 2 });
  });

  it("[S105] of a session that nobody holds does nothing, and tells nobody", async () => {
    const told = vi.fn();
    const fake = new FakeSession({ onEvict: told });
    void begun(fake, "handler");
    await answer(fake);
    expect([fake.session.evict("nobody"), told.mock.calls.length, fake.agent.signals]).toEqual([
      false,
      0,
      [],
    ]);
  });

  it("[S106] stands though the hook fails, which is called when the next one is in", async () => {
    const seen: unknown[] = [];
    const fake: FakeSession = new FakeSession({
      onEvict: () => {
        seen.push(fake.session.status().queue.length);
        throw new Error("the hook");
      },
    });
    await begun(fake, "worker");
    const next = watch(fake.session.prompt("next", background));
    expect(fake.session.evict("wedged")).toBe(true);
    expect([seen, fake.lines.at(-1)]).toEqual([[0], "the eviction hook failed: Error: the hook"]);
    await settle();
    await answer(fake);
    expect(next.state).toBe("fulfilled");
  });

  it("[S106] needs no log for that", async () => {
    const onEvict = (): never => {
      throw new Error("the hook");
    };
    const fake = new FakeSession({ log: undefined, onEvict });
    const parked = await begun(fake, "worker");
    expect(fake.session.evict("wedged")).toBe(true);
    await settle();
    expect(parked.value).toMatchObject({ failure: "evicted" });
  });

  it("[S105, S113] from a worker that was already asked to yield ends its turn all the same", async () => {
    const fake = new FakeSession();
    const parked = await begun(fake, "worker");
    const reply = await begun(fake, "handler");
    expect(fake.agent.heard).toEqual(["user", "interrupt"]);
    fake.session.evict("does not yield");
    await settle();
    expect(parked.value).toMatchObject({ failure: "evicted", cancelled: true });
    await answer(fake);
    expect([reply.state, fake.processes.length]).toEqual(["fulfilled", 2]);
  });

  it("[S105] from one that waits for its agent, or has only just been let in: it sends nothing", async () => {
    const fake = new FakeSession();
    await begun(fake, "handler", "first");
    const [old] = fake.processes;
    await answer(fake);
    if (old !== undefined) old.lingers = true;
    old?.breakPipe();
    await settle();
    const waiting = await begun(fake, "worker", "waiting");
    expect(fake.session.evict("too slow")).toBe(true);
    await settle();
    expect(waiting.value).toEqual({
      status: "failed",
      failure: "evicted",
      error: new Error("The session was taken away"),
      cancelled: true,
    });
    old?.exit(137);
    await settle();
    // In the step in which it is granted, before it has run; somebody waits behind it.
    const demand = fake.session.announce();
    const door = watch(fake.session.prompt("at the door", worker));
    const next = watch(fake.session.prompt("next", worker));
    demand.release();
    expect(fake.session.evict("at the door")).toBe(true);
    expect(fake.lines).toContain("the holder was evicted: at the door");
    await answer(fake);
    expect([door.value, next.value]).toMatchObject([
      { failure: "evicted", error: { message: "The session was taken away" } },
      { status: "completed" },
    ]);
    expect(fake.processes.flatMap(({ prompts }) => prompts)).toEqual(["first", "next"]);
    expect(fake.session.status().holder).toBeUndefined();
  });

  it("[S105, S74] from one whose turn is over and whose agent is being replaced keeps whether it was cancelled", async () => {
    for (const cancelled of [false, true]) {
      const fake = new FakeSession();
      const stop = new AbortController();
      const parked = fake.session.prompt("parked", { ...worker, signal: stop.signal });
      const outcome = watch(parked);
      await settle();
      fake.agent.lingers = true;
      if (cancelled) stop.abort();
      await fake.agent.write("nonsense\n");
      expect(outcome.state).toBe("pending");
      fake.session.evict("too slow");
      fake.agent.exit(137);
      await settle();
      expect(outcome.value).toEqual({
        status: "failed",
        failure: "evicted",
        error: new Error("The session was taken away"),
        cancelled,
      });
      expect(wasCancelled(await parked)).toBe(cancelled);
    }
  });

  it("[S107] lets the evicted body end without an error, and refuses it every further turn", async () => {
    const fake = new FakeSession();
    const held = fake.session.hold(async (lease) => {
      const first = await lease.prompt("parked");
      return [first, await lease.prompt("again"), lease.held];
    }, worker);
    await settle();
    fake.session.evict("wedged");
    expect(await held).toMatchObject([{ failure: "evicted" }, { failure: "evicted" }, false]);
  });
});

describe("no reply at all", () => {
  it("[S117] takes the session from its holder, with a reason that names it", async () => {
    const reasons: string[] = [];
    const fake = new FakeSession({
      limits: { idle: Infinity, noReply: 1000 },
      onEvict: (_, reason) => reasons.push(reason),
    });
    const parked = await begun(fake, "worker", "task 7");
    await pass(999);
    expect(parked.state).toBe("pending");
    await pass(1);
    expect(parked.value).toMatchObject({
      failure: "evicted",
      error: { message: `worker "task 7" was evicted: ${reasons[0] ?? ""}` },
    });
    expect(reasons).toEqual(['no sign of life for 1000 ms since worker "task 7" asked']);
  });

  it("[S117] is not what a long turn is that speaks, nor an idle session", async () => {
    const fake = new FakeSession({ limits: { idle: Infinity, noReply: 1000 } });
    const long = await begun(fake, "worker");
    await fake.agent.text("I am at it");
    await pass(100_000);
    expect(long.state).toBe("pending");
    await answer(fake);
    await pass(100_000);
    expect([long.state, fake.session.status().counters.evictions]).toEqual(["fulfilled", 0]);
  });

  it("[S119] of an earlier holder is not held against a later one", async () => {
    const fake = new FakeSession({ limits: { idle: Infinity, noReply: 1000 } });
    await begun(fake, "worker");
    await pass(999);
    fake.session.evict("by hand");
    const next = await begun(fake, "handler");
    await pass(999);
    expect(next.state).toBe("pending");
    await answer(fake);
    expect([next.state, vi.getTimerCount()]).toEqual(["fulfilled", 0]);
  });
});

describe("the status", () => {
  it("[S122, S123, S125] says who holds, who waits, and how the agent is, at any time; only a worker is named as the owner", async () => {
    const changes = vi.fn();
    const fake = new FakeSession({ onChange: changes });
    expect(fake.session.status()).toMatchObject({
      holder: undefined,
      owner: undefined,
      agent: undefined,
      queue: [],
    });
    await begun(fake, "worker", "task 7");
    await pass(250);
    expect(fake.session.status()).toMatchObject({
      holder: { id: 1, kind: "worker", label: "task 7", cancelled: false, heldMs: 250 },
      owner: "task 7",
      agent: { generation: 1, pid: 1000, turn: "sending", usable: true, unwrittenBytes: 0 },
    });
    expect(changes).toHaveBeenCalled();
    const before = changes.mock.calls.length;
    await answer(fake);
    expect(changes.mock.calls.length).toBeGreaterThanOrEqual(before + 2);
    await begun(fake, "handler", "comment 3");
    expect(fake.session.status()).toMatchObject({
      holder: { kind: "handler", label: "comment 3" },
      owner: undefined,
    });
    await answer(fake);
  });
});

describe("the status of the pipe", () => {
  it("[S122] counts all that is not written yet", async () => {
    const fake = new FakeSession();
    fake.onStart = (agent) => {
      agent.stopReading();
    };
    void begun(fake, "worker", "x".repeat(300_000));
    await settle();
    expect(fake.session.status().agent?.unwrittenBytes).toBeGreaterThan(300_000);
    fake.agent.read();
    await answer(fake);
    expect(fake.session.status().agent?.unwrittenBytes).toBe(0);
  });
});

describe("the holders", () => {
  const holder = (id: number, kind: Kind = "worker"): Holder => ({ id, kind, label: undefined, since: 0 });
  const onChange = vi.fn();
  const open = (): Holders<Holder> => new Holders<Holder>({ strict: true, onChange });

  it("[S123] are one: a second one is a leak", () => {
    const holders = open();
    const first = holder(1);
    holders.enter(first);
    expect(() => {
      holders.enter(holder(2, "handler"));
    }).toThrow(new HolderLeakError("handler #2 came in while worker #1 held the session"));
    expect(new HolderLeakError("").name).toBe("HolderLeakError");
    expect(holders.current).toBe(first);
  });

  it("[S124, S98] leave only for themselves: for one that is not there it does nothing", () => {
    const holders = open();
    const first = holder(1);
    holders.leave(first);
    holders.enter(first);
    holders.leave(holder(1));
    expect(holders.current).toBe(first);
    holders.leave(first);
    holders.leave(first);
    expect(holders.current).toBeUndefined();
  });

  it("[S105] can be gone by force, and then leaving does nothing", () => {
    const holders = open();
    const first = holder(1, "handler");
    holders.enter(first);
    onChange.mockClear();
    holders.evict();
    expect(onChange).toHaveBeenCalledTimes(1);
    holders.enter(holder(2));
    holders.leave(first);
    expect(holders.current?.id).toBe(2);
  });
});

describe("the end of a session", () => {
  it("[S28, AH2] lets nobody in any more, cancels what runs, and resolves when the agent is gone", async () => {
    const fake = new FakeSession();
    const running = await begun(fake, "handler");
    const waiting = await begun(fake, "worker");
    const closing = fake.session.close();
    expect(fake.session.close()).toBe(closing);
    await settle();
    expect(waiting.value).toMatchObject({
      status: "failed",
      failure: "closed",
      error: { cause: { code: "ERR_CLOSED" } },
    });
    expect(await fake.session.prompt("late", handler)).toMatchObject({ failure: "closed" });
    await expect(fake.session.hold(() => 1, handler)).rejects.toThrow('"agent session"');
    await obey(fake);
    expect(running.value).toMatchObject({ status: "cancelled", reason: new Error("the session is closed") });
    await closing;
    expect([fake.processes.length, fake.session.status().agent, vi.getTimerCount()]).toEqual([
      1,
      undefined,
      0,
    ]);
    expect(fake.session.status().counters.evictions).toBe(0);
  });

  it("[S28, S100] is what ended a wait, also of one who gives up in the same step", async () => {
    const fake = new FakeSession();
    void begun(fake, "handler");
    await settle();
    const stop = new AbortController();
    const waiting = fake.session.prompt("never", { ...handler, signal: stop.signal });
    const closing = fake.session.close();
    stop.abort();
    expect(await waiting).toMatchObject({ status: "failed", failure: "closed" });
    await obey(fake);
    await closing;
  });

  it("[AH2] stops also one that has just been let in, and forgets what is announced", async () => {
    const fake = new FakeSession();
    fake.session.announce();
    const entering = fake.session.prompt("never", handler);
    const closing = fake.session.close();
    expect(await entering).toEqual({
      status: "cancelled",
      sent: false,
      text: "",
      reason: new Error("the session is closed"),
    });
    await closing;
    expect([fake.processes.length, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("[AH2] takes the session from a holder that does not let go", async () => {
    const fake = new FakeSession();
    const held = watch(fake.session.hold(() => new Promise(() => undefined), worker));
    await settle();
    const closing = watch(fake.session.close(new Error("enough")));
    await pass(14_999);
    expect(closing.state).toBe("pending");
    await pass(1);
    expect([closing.state, held.state]).toEqual(["fulfilled", "pending"]);
    expect(fake.lines).toEqual(["worker #1 was evicted: enough"]);
  });

  it("starts no new agent for a turn that is drained to death meanwhile", async () => {
    const fake = new FakeSession();
    const running = await begun(fake, "handler");
    const closing = fake.session.close();
    await pass(5000);
    await closing;
    expect([running.value, fake.processes.length]).toMatchObject([{ status: "drainTimeout" }, 1]);
  });
});
