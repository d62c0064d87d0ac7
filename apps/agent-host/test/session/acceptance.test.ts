// The acceptance tests of a session that are not named after one behaviour, each beside what goes wrong without it: the simplest
// thing that one would write instead, shown to fail. Real agents where a process is the subject, fakes where schedules are.
import { gate, settle } from "@holdfast/conformance";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Outcome } from "../../src/session/outcome.js";
import { isAlive, isGone } from "../support/guard-process.js";
import { answering } from "./support/auto-agent.js";
import { endChildren, HeardChild } from "./support/children.js";
import { closeFakes, FakeProcess, FakeSession } from "./support/fake-agent.js";
import { newFolder, scripted } from "./support/scripted.js";
import { closeAll, openSession } from "./support/sessions.js";

// Thousands of schedules, and real processes: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 60_000 });

afterEach(async () => {
  await closeAll();
  await closeFakes();
  await endChildren();
});

const worker = { kind: "worker" } as const;
const handler = { kind: "handler" } as const;

/** A turn of a real agent that has said something and goes on. */
async function begun(
  session: ReturnType<typeof openSession>["session"],
  script: string,
): Promise<{ readonly outcome: Promise<Outcome>; readonly stop: AbortController }> {
  const stop = new AbortController();
  const said = gate();
  const outcome = session.prompt(`/say begun\n${script}`, {
    ...worker,
    signal: stop.signal,
    onText: () => {
      said.open();
    },
  });
  await said.promise;
  return { outcome, stop };
}

describe("6: a cancel between the lock and the message, with a respawn in between", () => {
  it("[S68] with a real agent: nothing is sent, and the next turn is clean", async () => {
    const { session } = openSession();
    await session.prompt("/say warm", worker);
    const [conversation, old] = [session.status().conversation, session.status().agent?.pid];
    await session.prompt("/exit 3", worker);
    const before = session.status().counters.sent;
    const stop = new AbortController();
    const lost = session.prompt("a long task", { ...worker, signal: stop.signal });
    stop.abort();
    expect(await lost).toMatchObject({ status: "cancelled", sent: false });
    expect(session.status().counters.sent).toBe(before);
    expect(await session.prompt("hello", worker)).toMatchObject({ status: "completed" });
    expect(session.status().conversation).toBe(conversation);
    expect(session.status().agent?.pid).not.toBe(old);
  });

  it("before: a flag that the reader clears when it starts loses the cancel", async () => {
    const agent = new FakeProcess(1, { command: "agent", args: [] });
    const session = { cancelled: false };
    const naive = async (text: string): Promise<string> => {
      await turn(); // the respawn
      agent.stdin.write(`${JSON.stringify({ type: "user", message: { content: [{ text }] } })}\n`);
      session.cancelled = false;
      agent.stdout.on("data", () => {
        if (session.cancelled) agent.stdin.write(`${JSON.stringify({ type: "control_request" })}\n`);
      });
      await once(agent.stdout, "data");
      return "completed";
    };
    const outcome = naive("a long task");
    session.cancelled = true;
    await turn();
    await agent.result("done");
    expect([await outcome, agent.heard]).toEqual(["completed", ["user"]]);
  });
});

describe("7: handlers before the worker that asks again and again", () => {
  /** Ticks of a schedule, each 0 to 3. */
  const schedules = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 12, maxLength: 12 });
  const cycle = (ticks: readonly number[]): (() => number) => {
    let at = 0;
    return () => ticks[at++ % ticks.length] ?? 0;
  };
  const wait = async (ticks: number): Promise<void> => {
    for (let tick = 0; tick < ticks; tick += 1) await turn();
  };

  it("[S88, S89, S90, S91, S93] in 1000 schedules: A, then B, then the worker", async () => {
    await fc.assert(
      fc.asyncProperty(schedules, async (ticks) => {
        const fake = new FakeSession();
        const random = cycle(ticks);
        fake.onStart = (agent) => {
          answering(agent, random);
        };
        const over = new AbortController();
        const loop = (async () => {
          while (!over.signal.aborted) {
            const { status } = await fake.session.prompt("W", { ...worker, signal: over.signal });
            // The test is over, and so is the session.
            if (status === "failed") return;
          }
        })();
        await wait(random());
        const a = fake.session.prompt("A", { ...handler, label: "A" });
        const b = fake.session.prompt("B", { ...handler, label: "B" });
        expect([await a, await b]).toMatchObject([{ text: "echo: A" }, { text: "echo: B" }]);
        over.abort();
        await loop;
        const { prompts } = fake.agent;
        expect(prompts.slice(prompts.indexOf("A"), prompts.indexOf("A") + 2)).toEqual(["A", "B"]);
        await fake.session.close();
      }),
      { numRuns: 1000 },
    );
  });

  it("before: a flag that says that somebody waits is cleared by the first of two, and the worker comes between them", async () => {
    let pending = false;
    let locked = false;
    const order: string[] = [];
    const enter = async (name: string, isHandler: boolean): Promise<void> => {
      if (isHandler) pending = true;
      while (locked || (!isHandler && pending)) await turn();
      locked = true;
      if (isHandler) pending = false;
      order.push(name);
      await turn();
      locked = false;
    };
    const first = enter("W0", false);
    const others = [enter("A", true), enter("W1", false), enter("B", true)];
    await Promise.all([first, ...others]);
    expect(order).toEqual(["W0", "A", "W1", "B"]);
  });
});

describe("8: several who want the worker to stop", () => {
  it("[S95, S115, S116] one interrupt, and it is the worker's: not of the first one, who gives up, and not of the second", async () => {
    const fake = new FakeSession();
    const task = fake.session.prompt("W", worker);
    await settle();
    const stop = new AbortController();
    const first = fake.session.prompt("H1", { ...handler, signal: stop.signal });
    const second = fake.session.prompt("H2", handler);
    const announced = fake.session.announce("H3");
    stop.abort();
    await settle();
    expect([fake.agent.heard, announced.preempted]).toEqual([["user", "interrupt"], null]);
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    await settle();
    // Once more, now that the worker is gone: it is too late to hit anybody.
    expect(fake.session.announce("H4").preempted).toBeNull();
    await settle();
    await fake.agent.result("replied");
    expect([await task, await first, await second]).toMatchObject([
      { status: "cancelled", sent: true },
      { status: "cancelled", sent: false },
      { status: "completed", text: "replied" },
    ]);
    expect(fake.agent.heard).toEqual(["user", "interrupt", "user"]);
    announced.release();
  });

  it("before: one that looks first and cancels later hits whoever holds by then", async () => {
    const session = { holder: "worker", cancelled: [] as string[] };
    const preempt = async (): Promise<void> => {
      if (session.holder !== "worker") return;
      await turn(); // the way to the queue
      session.cancelled.push(session.holder);
    };
    const late = preempt();
    session.holder = "handler";
    await late;
    expect(session.cancelled).toEqual(["handler"]);
  });
});

describe("9: the drain, with a real agent", () => {
  it.each([
    ["acknowledges, and ends", "/silent", { status: "cancelled", sent: true }, 1],
    ["ends, and acknowledges right after", "/ack-after\n/silent", { status: "cancelled" }, 1],
    ["ends, and acknowledges a little late", "/ack-late 1\n/silent", { status: "cancelled" }, 1],
    ["ends, and acknowledges far too late", "/ack-late 60000\n/silent", { failure: "drainNotClean" }, 2],
    ["ends without a word", "/no-ack\n/silent", { failure: "drainNotClean", cancelled: true }, 2],
    ["acknowledges, and does not end", "/no-result\n/silent", { status: "drainTimeout" }, 2],
    ["dies", "/die-on-interrupt 3\n/silent", { status: "cancelled", sent: true }, 2],
    ["acknowledges, and talks on", "/streams-on\n/endless", { status: "drainTimeout" }, 2],
    ["does not listen", "/ignore-interrupt\n/silent", { status: "drainTimeout" }, 2],
    ["talks nonsense", "/garbage-on-interrupt\n/silent", { failure: "protocol", cancelled: true }, 2],
  ])("[S62, S63, S64, S65] of an agent that %s", async (_, script, expected, started) => {
    const { session } = openSession({ limits: { drain: 400, ackGrace: 200 } });
    const { outcome, stop } = await begun(session, script);
    stop.abort();
    expect(await outcome).toMatchObject(expected);
    expect(session.status().counters.started).toBe(started);
    const next = await session.prompt("clean", handler);
    expect(next).toMatchObject({ status: "completed", text: expect.stringMatching(/#\d: clean$/) as string });
  });

  it("before: a reader that stops at the cancel gives the rest of the turn to the next one", async () => {
    const heard = new HeardChild();
    const answer = async (): Promise<unknown> => {
      const from = heard.frames.length;
      await heard.until(() => heard.frames.slice(from).some(({ type }) => type === "result"));
      return heard.frames.slice(from).find(({ type }) => type === "result");
    };
    await heard.prompt("/ask gate\n/say the old answer");
    await heard.until(() => heard.frames.some(({ type }) => type === "control_request"));
    // Cancelled: it is simply not read any more, and the next one speaks.
    const next = answer();
    await heard.prompt("the new question");
    const response = { subtype: "success", request_id: "c-1-1", response: { behavior: "allow" } };
    await heard.child.writer.control({ type: "control_response", response });
    expect(await next).toMatchObject({ result: "gate allowedthe old answer" });
  });
});

describe("10: a cancel, and the agent dies of it", () => {
  it("[S82, S86] is not tried again, and whoever comes next finds an agent that knows the conversation", async () => {
    const state = newFolder();
    const { session } = openSession({ args: ["--state", state] });
    await session.prompt("one", worker);
    const { outcome, stop } = await begun(session, "/die-on-interrupt 3\n/silent");
    stop.abort();
    expect(await outcome).toMatchObject({ status: "cancelled", sent: true });
    expect(session.status().agent).toMatchObject({ generation: 2, usable: true });
    const next = await session.prompt("two", handler);
    // The third turn: the cancelled one was not said twice.
    expect(next).toMatchObject({ text: expect.stringMatching(/#3: two$/) as string });
  });

  it("[S81] without the cancel it is said once more", async () => {
    const { session } = openSession({ args: ["--state", newFolder()] });
    const outcome = await session.prompt(`/exit-once ${newFolder()}/once\n/say done`, worker);
    expect(outcome).toEqual({ status: "completed", text: "done" });
    expect(session.status().counters).toMatchObject({ started: 2, sent: 2 });
  });

  it("before: a loop that tries again after every death swallows the cancel", async () => {
    const state = { attempts: 0, cancelled: false };
    const once = async (): Promise<string> => {
      const heard = new HeardChild();
      state.attempts += 1;
      const script = state.attempts === 1 ? "/die-on-interrupt 3\n/silent" : "/say done";
      await heard.prompt(`/say begun\n${script}`);
      await heard.until(() => heard.text.startsWith("begun"));
      if (state.attempts === 1) {
        state.cancelled = true;
        void heard.child.writer.control({ type: "control_request", request: { subtype: "interrupt" } });
        await heard.ended;
        throw new Error("the agent died");
      }
      await heard.until(() => heard.frames.some(({ type }) => type === "result"));
      return heard.text;
    };
    const naive = (): Promise<string> => once().catch(() => once());
    expect([await naive(), state.attempts, state.cancelled]).toEqual(["begundone", 2, true]);
  });
});

describe("11: a holder that is parked", () => {
  it("[S105, S107, S41] is out within the call, its agent is gone, and its successor speaks to another one", async () => {
    const { session } = openSession();
    const { outcome } = await begun(session, "/ignore-end\n/ignore-sigterm\n/ignore-interrupt\n/endless");
    const pid = Number(session.status().agent?.pid);
    const next = session.prompt("fresh", handler);
    expect(session.evict("wedged")).toBe(true);
    expect(await outcome).toMatchObject({ status: "failed", failure: "evicted" });
    expect(await next).toMatchObject({
      status: "completed",
      text: expect.stringMatching(/#1: fresh$/) as string,
    });
    await isGone(pid);
  });

  it("before: one that looks for the agent anew on each pass reads its successor's answer", async () => {
    const current = { child: new HeardChild() };
    const answerOf = async (): Promise<string> => {
      // Wakes up for whichever child there is.
      while (!current.child.frames.some(({ type }) => type === "result")) await turn();
      return current.child.text;
    };
    await current.child.prompt("/silent");
    const parked = answerOf();
    await current.child.child.kill("evicted");
    current.child = new HeardChild();
    await current.child.prompt("/say for the successor only");
    expect(await parked).toBe("for the successor only");
  });
});

describe("12: both sides write before they read", () => {
  it("[S17] goes on: 256 KiB of the agent first, and 128 KiB of prompt", async () => {
    const { session } = openSession({ args: ["--burst", String(256 << 10)] });
    const outcome = await session.prompt("x".repeat(128 << 10), handler);
    expect(outcome).toMatchObject({
      status: "completed",
      text: expect.stringMatching(/x{131072}$/) as string,
    });
    expect(session.status().counters.received).toBeGreaterThanOrEqual(4);
  });

  it("before: a host that reads only when its message is written stands still", async () => {
    const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
      process.execPath,
      [scripted, "--burst", String(1 << 20)],
      { stdio: ["pipe", "pipe", "ignore"] },
    );
    let written = false;
    child.stdin.write("x".repeat(1 << 20), () => {
      written = true;
    });
    // Something is there to be read, and as long as it is not, the agent does not get as far as reading.
    await once(child.stdout, "readable");
    await settle();
    expect([written, child.stdin.writableLength > 0]).toEqual([false, true]);
    child.stdout.resume();
    await once(child.stdin, "drain");
    expect(written).toBe(true);
    child.stdin.end();
    await once(child, "close");
  });
});

describe("13: characters that look like the end of a line", () => {
  it("[S33] are in prompts and answers as in any other text", async () => {
    const { session } = openSession();
    const text = "a\u2028b\u2029c\u0085d";
    expect(await session.prompt(`${text} ä 😀`, handler)).toMatchObject({
      text: expect.stringContaining(`${text} ä 😀`) as string,
    });
    expect(await session.prompt("/line-separators", handler)).toEqual({ status: "completed", text });
  });

  it.runIf(Number.parseInt(process.versions.node) >= 24)(
    "before: readline makes three lines of one",
    async () => {
      const stream = new PassThrough();
      const lines: string[] = [];
      const reader = createInterface({ input: stream }).on("line", (line) => lines.push(line));
      stream.end('{"text":"a\u2028b\u2029c"}\n');
      await once(reader, "close");
      expect(lines).toHaveLength(3);
    },
  );
});

describe("14: a worker behind handlers without end", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** How many handlers are answered before it, each in 100 ms, of fifty who come as soon as one before them is answered. */
  async function handlersBefore(agingMs?: number): Promise<number> {
    const fake = new FakeSession({ agingMs });
    fake.onStart = (agent) => {
      agent.onMessage = () => {
        setTimeout(() => void agent.result("ok"), 100);
      };
    };
    const handlers = (async () => {
      let next = fake.session.prompt("H", handler);
      for (let count = 1; count < 50; count += 1) {
        const answered = next;
        // It waits already when the one before it is answered.
        next = fake.session.prompt("H", handler);
        await answered;
      }
      await next;
    })();
    const task = fake.session.prompt("W", worker);
    while (fake.session.status().holder !== undefined || fake.processes.length === 0) {
      await vi.advanceTimersByTimeAsync(100);
      await settle();
    }
    await Promise.all([handlers, task]);
    return fake.agent.prompts.indexOf("W");
  }

  it("[S103] has its turn after a bounded time, if the host wants it so", async () => {
    // Two kinds go before it, so twice 500 ms, and the turn that runs by then.
    expect(await handlersBefore(500)).toBeLessThanOrEqual(11);
  });

  it("before: without the bound it is the last", async () => {
    expect(await handlersBefore()).toBe(50);
  });
});

describe("15: everything at once", () => {
  const action = fc.record({
    what: fc.constantFrom(
      "worker",
      "handler",
      "background",
      "hold",
      "abort",
      "exit",
      "nonsense",
      "evict",
      "announce",
    ),
    after: fc.integer({ min: 0, max: 4 }),
    aborts: fc.boolean(),
  });

  it("[S1, S44, S61, S73, AH2] each prompt has one outcome and its own answer, and the tables accept every trace", async () => {
    const statuses = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 5, maxLength: 30 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 7, maxLength: 7 }),
        async (actions, ticks) => {
          let at = 0;
          const random = (): number => ticks[at++ % ticks.length] ?? 0;
          const fake = new FakeSession({ limits: { drain: 50, ackGrace: 20, brokenPipe: 20 } });
          fake.onStart = (agent) => {
            answering(agent, random);
          };
          const stops: AbortController[] = [];
          const outcomes: Promise<readonly [text: string, outcome: Outcome]>[] = [];
          for (const [index, { what, after, aborts }] of actions.entries()) {
            const text = `prompt ${index}`;
            const stop = new AbortController();
            if (aborts) stops.push(stop);
            if (what === "worker" || what === "handler" || what === "background")
              outcomes.push(
                fake.session
                  .prompt(text, { kind: what, signal: stop.signal })
                  .then((outcome) => [text, outcome]),
              );
            else if (what === "hold")
              outcomes.push(
                fake.session
                  .hold(async (lease) => lease.prompt(text, { signal: stop.signal }), handler)
                  .then((outcome) => [text, outcome] as const),
              );
            else if (what === "abort") stops.shift()?.abort();
            else if (what === "exit") fake.processes.at(-1)?.exit(9);
            else if (what === "nonsense") void fake.processes.at(-1)?.write("nonsense\n");
            else if (what === "evict") fake.session.evict("by hand");
            else {
              const announced = fake.session.announce();
              void turn().then(() => {
                announced.release();
              });
            }
            for (let tick = 0; tick < after; tick += 1) await turn();
          }
          for (const [text, outcome] of await Promise.all(outcomes)) {
            statuses.add(outcome.status);
            if (outcome.status === "completed")
              expect(outcome.text).toMatch(new RegExp(`^echo: .*${text}$`, "s"));
          }
          expect(fake.session.status()).toMatchObject({ holder: undefined, queue: [] });
          await fake.session.close();
        },
      ),
      { numRuns: 300 },
    );
    expect([...statuses].sort()).toEqual(expect.arrayContaining(["cancelled", "completed", "failed"]));
  });

  it("[AH5, S41] with real agents: kills, cancels and evictions in turns leave no process and no wrong answer", async () => {
    const { session } = openSession({ limits: { drain: 1000 } });
    const pids = new Set<number>();
    for (let round = 0; round < 6; round += 1) {
      const { outcome, stop } = await begun(session, round % 2 === 0 ? "/silent" : "/endless");
      const pid = Number(session.status().agent?.pid);
      pids.add(pid);
      const reply = session.prompt(`reply ${round}`, handler);
      if (round % 3 === 0) stop.abort();
      else if (round % 3 === 1) process.kill(pid, "SIGKILL");
      else session.evict("by hand");
      expect((await outcome).status).toBe(round % 3 === 2 ? "failed" : "cancelled");
      expect(await reply).toMatchObject({
        text: expect.stringMatching(new RegExp(`: reply ${round}$`)) as string,
      });
      pids.add(Number(session.status().agent?.pid));
    }
    await session.close();
    await Promise.all([...pids].map(isGone));
    expect([...pids].some(isAlive)).toBe(false);
  });
});
