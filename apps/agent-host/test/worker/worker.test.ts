import { gate, listeners, settle, watch } from "@holdfast/conformance";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SessionOptions } from "../../src/session/session.js";
import { Turn } from "../../src/session/turn.js";
import { type Task, TaskList } from "../../src/worker/task-list.js";
import { Worker, type WorkerOptions } from "../../src/worker/worker.js";
import { WorkerWatchdog } from "../../src/worker/worker-watchdog.js";
import { closeFakes, FakeSession } from "../session/support/fake-agent.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await closeFakes();
});

const handler = { kind: "handler" } as const;

/** Lets an interrupted turn come to its boundary, and whoever is next begin. */
async function obey({ fake }: { readonly fake: FakeSession }): Promise<void> {
  await settle();
  await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
  await settle();
}

/** Answers the turn that runs, and lets whoever is next begin. */
async function answer(fake: FakeSession, text = "ok"): Promise<void> {
  await settle();
  await fake.agent.result(text);
  await settle();
}

const one: Task = { id: "one", prompt: "do one" };
const two: Task = { id: "two", prompt: "do two" };

/** A worker that runs, and all that became of its tasks. */
class Running {
  readonly fake: FakeSession;
  readonly tasks: TaskList;
  readonly worker: Worker;
  readonly stop = new AbortController();
  readonly end: ReturnType<typeof watch>;
  /** The hooks that were called. */
  readonly told: string[] = [];

  constructor(
    tasks: readonly Task[],
    options: Partial<WorkerOptions> = {},
    sessionOptions: Partial<SessionOptions> = {},
  ) {
    this.fake = new FakeSession(sessionOptions);
    this.tasks = new TaskList(tasks);
    this.worker = new Worker({
      session: this.fake.session,
      tasks: this.tasks,
      keep: ({ id }) => void this.told.push(`keep ${id}`),
      onDone: ({ id }, text) => void this.told.push(`done ${id}: ${text}`),
      log: (line) => this.told.push(line),
      ...options,
    });
    this.end = watch(this.worker.run(this.stop.signal));
  }

  get statuses(): string[] {
    return this.tasks.snapshot().map(({ id, status }) => `${id} ${status}`);
  }
}

describe("a worker", () => {
  it("does its tasks in order, each in a turn of its own, and waits for more", async () => {
    const run = new Running([one, two]);
    await settle();
    expect(run.statuses).toEqual(["one running", "two pending"]);
    await answer(run.fake, "first");
    await answer(run.fake, "second");
    expect([run.worker.phase, run.statuses]).toEqual(["idle", ["one done", "two done"]]);
    run.tasks.add({ id: "three", prompt: "do three" });
    await answer(run.fake, "third");
    expect(run.fake.agent.prompts).toEqual(["do one", "do two", "do three"]);
    expect(run.told).toEqual(["done one: first", "done two: second", "done three: third"]);
    run.stop.abort();
    await settle();
    expect(run.end.state).toBe("fulfilled");
  });

  it("goes on after a task that fails, or from which nothing can follow, and says why", async () => {
    const failure = new Error("no such place");
    const run = new Running([one, two], { onDone: () => Promise.reject(failure) });
    await settle();
    await run.fake.agent.say({ type: "error", error: { message: "the provider is away" } });
    await settle();
    await answer(run.fake);
    expect(run.tasks.snapshot()).toMatchObject([
      { status: "failed", error: { message: "the provider is away" } },
      { status: "failed", error: failure },
    ]);
  });

  it("says of a turn that ended in silence how it ended", async () => {
    const run = new Running([one], {}, { limits: { idle: 100 } });
    await settle();
    await vi.advanceTimersByTimeAsync(100);
    await settle();
    expect(run.tasks.snapshot()).toMatchObject([
      { status: "failed", error: { message: "The turn ended as idleTimeout" } },
    ]);
  });

  it("ends with its session, and the task that waits is still to be done", async () => {
    const run = new Running([]);
    const reply = watch(run.fake.session.prompt("reply", handler));
    await settle();
    run.tasks.add(one);
    await settle();
    expect(run.worker.phase).toBe("waits");
    const closed = run.fake.session.close();
    await obey(run);
    await closed;
    await settle();
    expect([reply.state, run.end.state, run.statuses]).toEqual(["fulfilled", "fulfilled", ["one pending"]]);
  });

  it("[S137] and the handlers speak to one agent, in one conversation", async () => {
    const run = new Running([one, two]);
    await settle();
    await run.fake.agent.text("I begin");
    const reply = watch(run.fake.session.prompt("reply", handler));
    await obey(run);
    await answer(run.fake);
    await answer(run.fake);
    expect([reply.state, run.fake.processes.length, run.fake.session.status().conversation]).toEqual([
      "fulfilled",
      1,
      "s-1",
    ]);
    expect(run.fake.agent.prompts).toEqual(["do one", "reply", "do one", "do two"]);
  });
});

describe("a task whose turn is stopped", () => {
  it("[S133] is pending again and the first, what it made is kept, and the handlers go before it", async () => {
    const seen: unknown[] = [];
    const run = new Running([one, two], {
      keep: ({ id }, outcome) => {
        run.told.push(`keep ${id}`);
        seen.push(outcome.status);
      },
    });
    await settle();
    await run.fake.agent.text("half of it");
    const replies = ["A", "B"].map((text) =>
      run.fake.session.hold((lease) => {
        seen.push(run.statuses[0]);
        return lease.prompt(text);
      }, handler),
    );
    await obey(run);
    await answer(run.fake);
    await answer(run.fake);
    await Promise.all(replies);
    expect(seen).toEqual(["one pending", "cancelled", "one pending"]);
    expect(run.told).toEqual(["keep one"]);
    expect(run.fake.agent.prompts).toEqual(["do one", "A", "B", "do one"]);
    await answer(run.fake, "all of it");
    expect([run.told, run.statuses]).toEqual([
      ["keep one", "done one: all of it"],
      ["one done", "two running"],
    ]);
  });

  it("[S133] is not done again before what it made is kept, and is done though that fails", async () => {
    const kept = gate();
    const run = new Running([one], {
      keep: async () => {
        await kept.promise;
        throw new Error("the remote is away");
      },
    });
    await settle();
    const reply = watch(run.fake.session.prompt("reply", handler));
    await obey(run);
    await answer(run.fake);
    expect([reply.state, run.statuses, run.fake.agent.prompts.length]).toEqual([
      "fulfilled",
      ["one pending"],
      2,
    ]);
    kept.open();
    await answer(run.fake, "all of it");
    expect([run.told, run.statuses]).toEqual([
      ['what "one" has made so far could not be kept: Error: the remote is away', "done one: all of it"],
      ["one done"],
    ]);
  });

  it.each<[where: string, reach: (run: Running) => Promise<void>, yields?: (run: Running) => Promise<void>]>([
    ["before the agent has said anything", () => settle()],
    ["in the midst of the answer", (run) => run.fake.agent.text("half")],
    ["while the agent asks for a tool", (run) => run.fake.agent.ask("q-1")],
    [
      "while its message is half written",
      async (run) => {
        await answer(run.fake);
        run.fake.agent.stopReading();
        run.tasks.add(two);
        await settle();
      },
      async (run) => {
        run.fake.agent.read();
        await obey(run);
      },
    ],
    [
      "whose agent dies of it",
      () => settle(),
      async (run) => {
        run.fake.agent.exit(9);
        await settle();
      },
    ],
    [
      "whose agent does not stop",
      () => settle(),
      async () => {
        await vi.advanceTimersByTimeAsync(5000);
        await settle();
      },
    ],
    [
      "whose agent does not say that it stops",
      () => settle(),
      async (run) => {
        await run.fake.agent.say(run.fake.agent.interrupted);
        await vi.advanceTimersByTimeAsync(250);
        await settle();
      },
    ],
  ])("[S135] %s is neither done nor failed, and nothing follows from it", async (_, reach, yields = obey) => {
    const run = new Running([one], { onPermission: () => new Promise(() => undefined) });
    await settle();
    await reach(run);
    const before = run.told.length;
    const records = run.tasks.snapshot();
    const announced = run.fake.session.announce("a comment");
    expect(announced.preempted).not.toBeNull();
    await settle();
    await yields(run);
    const last = records.at(-1);
    expect(run.tasks.snapshot()).toEqual([...records.slice(0, -1), { ...last, status: "pending" }]);
    expect(run.told.slice(before)).toEqual([`keep ${String(last?.id)}`]);
    announced.release();
  });

  it("[S135] but one that had come to its end by then is done, and its text is not lost", async () => {
    const run = new Running([one]);
    await settle();
    // In one step, so that the worker has not heard of its answer when it is asked to yield.
    run.fake.agent.stdout.write('{"type":"result","subtype":"success","result":"all of it"}\n');
    const reply = watch(run.fake.session.prompt("reply", handler));
    await settle();
    await answer(run.fake);
    expect([run.told, run.statuses, reply.state]).toEqual([
      ["done one: all of it"],
      ["one done"],
      "fulfilled",
    ]);
  });
});

describe("an abort", () => {
  it("[S134] is for the task that it names: for no other, not for one that waits its turn, and for none that is over", async () => {
    const run = new Running([one, two]);
    expect(run.worker.abort("one")).toBe(false);
    await settle();
    expect([run.worker.abort("two"), run.worker.abort("three"), run.fake.agent.heard]).toEqual([
      false,
      false,
      ["user"],
    ]);
    expect(run.worker.abort("one")).toBe(true);
    await obey(run);
    expect([run.told, run.statuses]).toEqual([["keep one"], ["one running", "two pending"]]);
    await answer(run.fake);
    expect([run.worker.abort("one"), run.statuses]).toEqual([false, ["one done", "two running"]]);
  });

  it("[S134] of a task whose turn has come to its end is too late, though not all is done that follows from it", async () => {
    const posted = gate();
    const run = new Running([one], { onDone: () => posted.promise });
    await answer(run.fake);
    expect([run.worker.abort("one"), run.statuses]).toEqual([false, ["one running"]]);
    posted.open();
    await settle();
    expect([run.statuses, run.fake.agent.heard]).toEqual([["one done"], ["user"]]);
  });

  it("leaves no listener at the signal of the worker", async () => {
    const run = new Running([one, two]);
    await answer(run.fake);
    await answer(run.fake);
    // The one of the wait for more.
    expect([run.statuses, listeners(run.stop.signal)]).toEqual([["one done", "two done"], 1]);
  });

  it("[S133, S134] is used up with the try that it was for, though that was being stopped already", async () => {
    const run = new Running([one]);
    await settle();
    void run.fake.session.prompt("reply", handler);
    await settle();
    expect(run.worker.abort("one")).toBe(true);
    await obey(run);
    await answer(run.fake);
    await answer(run.fake, "all of it");
    expect([run.fake.agent.heard, run.statuses]).toEqual([
      ["user", "interrupt", "user", "user"],
      ["one done"],
    ]);
  });

  it("[S134] of a task that waits for the session takes it out of the queue, and nothing of it is sent", async () => {
    const run = new Running([]);
    void run.fake.session.prompt("reply", handler);
    await settle();
    run.tasks.add(one);
    run.tasks.add(two);
    await settle();
    expect(run.worker.abort("one")).toBe(true);
    await settle();
    expect([run.fake.agent.prompts, run.statuses]).toEqual([["reply"], ["one pending", "two pending"]]);
    await answer(run.fake);
    await answer(run.fake);
    expect(run.told).toEqual(["done one: ok"]);
  });
});

describe("between two tasks", () => {
  it("[S131, S130] handlers go first, those who wait and those who are announced, and a leaked announcement only for so long", async () => {
    const run = new Running([one, two], {}, { limits: { announcement: 30_000 } });
    await settle();
    const announced = run.fake.session.announce("comment 3");
    const leaked = run.fake.session.announce("comment 4");
    await obey(run);
    const reply = run.fake.session.prompt("reply", handler);
    await answer(run.fake);
    await reply;
    announced.release();
    await vi.advanceTimersByTimeAsync(29_999);
    await settle();
    expect([run.worker.phase, run.fake.agent.prompts]).toEqual(["waits", ["do one", "reply"]]);
    await vi.advanceTimersByTimeAsync(1);
    await answer(run.fake);
    expect([run.statuses, run.fake.lines.at(-1)]).toEqual([
      ["one done", "two running"],
      expect.stringContaining("handler"),
    ]);
    expect(run.fake.lines.join("\n")).toContain('"comment 4" was never taken back');
    leaked.release();
  });

  it("[S130] a task is held back for whoever waits for an answer about it, and other tasks are not", async () => {
    const awaited = new Set(["one"]);
    const run = new Running([one, two], { isAwaited: ({ id }) => awaited.has(id) });
    await answer(run.fake);
    expect([run.fake.agent.prompts, run.statuses]).toEqual([["do two"], ["one pending", "two done"]]);
    awaited.delete("one");
    run.tasks.wake();
    await answer(run.fake);
    expect(run.statuses).toEqual(["one done", "two done"]);
  });

  it("[S130] one that is asked about while it waits for the session yields its turn, unsent", async () => {
    const awaited = new Set<string>();
    const run = new Running([], { isAwaited: ({ id }) => awaited.has(id) });
    void run.fake.session.prompt("reply", handler);
    await settle();
    run.tasks.add(one);
    await settle();
    awaited.add("one");
    await answer(run.fake);
    expect([run.worker.phase, run.statuses, run.fake.agent.prompts]).toEqual([
      "idle",
      ["one pending"],
      ["reply"],
    ]);
    expect(run.told).toEqual([]);
    awaited.clear();
    run.tasks.wake();
    await answer(run.fake);
    expect(run.statuses).toEqual(["one done"]);
  });
});

describe("tools", () => {
  const readOnly = { tools: { handler: ["Read", "Grep"] } };
  const allow = (): { allow: true } => ({ allow: true });

  /** Asks for a tool in the turn that runs; resolves to what the agent is told. */
  async function ask(fake: FakeSession, tool: string): Promise<unknown> {
    await settle();
    const { agent } = fake;
    const request = { subtype: "can_use_tool", tool_name: tool, input: {} };
    await agent.say({ type: "control_request", request_id: `ask ${tool}`, request });
    await settle();
    return (agent.received.at(-1) as { response?: { response: unknown } }).response?.response;
  }

  it("[S136] that only read are all that a handler gets, though it would allow more; the worker gets all", async () => {
    const run = new Running([one], {}, readOnly);
    expect(await ask(run.fake, "Bash")).toMatchObject({ behavior: "allow" });
    const reply = run.fake.session.prompt("reply", { ...handler, onPermission: allow });
    await obey(run);
    expect(await ask(run.fake, "Grep")).toMatchObject({ behavior: "allow" });
    expect(await ask(run.fake, "Bash")).toMatchObject({
      behavior: "deny",
      message: '"Bash" is not for a handler: it may use Read, Grep',
    });
    await answer(run.fake);
    expect(await reply).toMatchObject({ status: "completed" });
    expect(await ask(run.fake, "Write")).toMatchObject({ behavior: "allow" });
  });

  it("[S136] go by who has the session, in each turn of a hold, and not by who had it", async () => {
    const run = new Running([], {}, { tools: { handler: [] } });
    const held = run.fake.session.hold(async (lease) => {
      await lease.prompt("first", { onPermission: allow });
      return lease.prompt("second", { onPermission: allow });
    }, handler);
    for (const last of [false, true]) {
      expect(await ask(run.fake, "Read")).toMatchObject({
        behavior: "deny",
        message: '"Read" is not for a handler: it may use no tool',
      });
      await answer(run.fake);
      if (last) await held;
    }
    const other = run.fake.session.prompt("other", { kind: "background", onPermission: allow });
    expect(await ask(run.fake, "Read")).toMatchObject({ behavior: "allow" });
    await answer(run.fake);
    await other;
  });

  it("within the bound are still for the handler to allow", async () => {
    const run = new Running([], {}, readOnly);
    const reply = run.fake.session.prompt("reply", handler);
    expect(await ask(run.fake, "Read")).toMatchObject({ behavior: "deny" });
    await answer(run.fake);
    await reply;
  });
});

describe("the watchdog of a worker", () => {
  /** A worker that is watched; its loop fails whenever `trouble` says so. */
  function watched(tasks: readonly Task[]): {
    readonly run: Running;
    readonly dog: WorkerWatchdog;
    readonly trouble: { at: string | undefined };
    readonly lines: string[];
  } {
    const trouble = { at: undefined as string | undefined };
    const lines: string[] = [];
    const run = new Running([], {
      isAwaited: ({ id }) => {
        if (id === trouble.at && run.fake.session.status().holder !== undefined) throw new Error("a mistake");
        return false;
      },
    });
    run.stop.abort();
    for (const task of tasks) run.tasks.add(task);
    const dog = new WorkerWatchdog({
      worker: run.worker,
      staleAfter: 60_000,
      restartDelay: 1000,
      log: (line) => lines.push(line),
    });
    return { run, dog, trouble, lines };
  }

  it("[S121] starts a dead one again, with the agent as it is, and loses no task", async () => {
    const { run, dog, trouble, lines } = watched([one, two]);
    dog.start();
    await settle();
    trouble.at = "two";
    await answer(run.fake);
    expect([dog.health, run.statuses, run.fake.session.status().holder]).toEqual([
      "dead",
      ["one done", "two pending"],
      undefined,
    ]);
    expect(lines).toEqual(["the worker has died and is started again in 1000 ms: Error: a mistake"]);
    trouble.at = undefined;
    await vi.advanceTimersByTimeAsync(1000);
    await answer(run.fake);
    expect([dog.health, dog.restarts, run.statuses]).toEqual(["idle", 1, ["one done", "two done"]]);
    expect([run.fake.processes.length, run.fake.agent.prompts]).toEqual([1, ["do one", "do two"]]);
    await dog.stop();
  });

  it("[S121] and with a new agent in the same conversation, if the old one died meanwhile", async () => {
    const { run, dog, trouble } = watched([one, two]);
    dog.start();
    await settle();
    await run.fake.agent.text("I begin");
    trouble.at = "two";
    await answer(run.fake);
    run.fake.agent.exit(9);
    trouble.at = undefined;
    await vi.advanceTimersByTimeAsync(1000);
    await answer(run.fake);
    expect([run.fake.processes.length, run.fake.agent.launch.args, run.statuses]).toEqual([
      2,
      ["s-1"],
      ["one done", "two done"],
    ]);
    await dog.stop();
  });

  it("[S121] shows one that is silent as stale and never starts it anew; a word of the agent, and it works", async () => {
    const { run, dog } = watched([one]);
    dog.start();
    await settle();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(dog.health).toBe("works");
    await vi.advanceTimersByTimeAsync(1);
    expect(dog.health).toBe("stale");
    await vi.advanceTimersByTimeAsync(600_000);
    expect([dog.health, dog.restarts, run.fake.agent.heard]).toEqual(["stale", 0, ["user"]]);
    await run.fake.agent.text("at last");
    expect(dog.health).toBe("works");
    await answer(run.fake);
    await vi.advanceTimersByTimeAsync(600_000);
    // Without a task there is nothing to be heard.
    expect(dog.health).toBe("idle");
    await dog.stop();
  });

  it("[S121] does not call one stale that waits for handlers", async () => {
    const { run, dog } = watched([one]);
    const announced = run.fake.session.announce();
    dog.start();
    await vi.advanceTimersByTimeAsync(100_000);
    await settle();
    expect(dog.health).toBe("waits");
    announced.release();
    await answer(run.fake);
    await dog.stop();
  });

  it("[S121] does not start one again that was told to stop, in a turn or dead, nor at any later time", async () => {
    for (const at of ["turn", "death"] as const) {
      const { run, dog, trouble } = watched([one]);
      dog.start();
      if (at === "death") trouble.at = "one";
      await settle();
      expect(dog.health).toBe(at === "turn" ? "works" : "dead");
      const stopped = dog.stop();
      if (at === "turn") await obey(run);
      await stopped;
      expect([dog.health, dog.restarts, run.statuses, vi.getTimerCount()]).toEqual([
        "stopped",
        0,
        ["one pending"],
        0,
      ]);
      expect(() => {
        dog.start();
      }).toThrow(TypeError);
    }
  });

  it("[S121] is started once, and not at all after it was stopped", async () => {
    const { run, dog } = watched([one]);
    dog.start();
    expect(() => {
      dog.start();
    }).toThrow(TypeError);
    await answer(run.fake);
    await dog.stop();
    const { dog: other } = watched([one]);
    await other.stop();
    expect(other.health).toBe("stopped");
    expect(() => {
      other.start();
    }).toThrow(TypeError);
  });

  it("[S121] has the task of one that died in the midst of a turn done again, by an agent that nobody doubts", async () => {
    for (const aborted of [false, true]) {
      const { run, dog } = watched([one]);
      vi.spyOn(Turn.prototype, "run").mockImplementationOnce(() => {
        if (aborted) run.worker.abort("one");
        return Promise.reject(new TypeError("it happens"));
      });
      dog.start();
      await settle();
      expect([dog.health, run.statuses]).toEqual(["dead", ["one pending"]]);
      await vi.advanceTimersByTimeAsync(1000);
      await answer(run.fake);
      expect([run.statuses, run.fake.processes.length]).toEqual([["one done"], 2]);
      await dog.stop();
    }
  });

  it("[S121] ends with the session, which is an orderly stop too", async () => {
    const { run, dog } = watched([]);
    dog.start();
    await run.fake.session.close();
    run.tasks.add(one);
    await settle();
    expect([dog.health, dog.restarts]).toEqual(["stopped", 0]);
  });
});

describe("a list of tasks", () => {
  it("refuses a second task of one name, and an end of what does not run", () => {
    const tasks = new TaskList([one]);
    expect(() => {
      tasks.add(one);
    }).toThrow('There is a task "one" already');
    expect(() => {
      tasks.done("one");
    }).toThrow('The task "one" is not running');
    expect(() => {
      tasks.failed("two", new Error("x"));
    }).toThrow('The task "two" is not running');
    tasks.putBack("one");
    expect(tasks.snapshot()).toEqual([{ ...one, status: "pending", error: undefined }]);
  });
});
