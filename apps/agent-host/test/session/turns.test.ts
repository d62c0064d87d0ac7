import { gate, listeners, settle, watch } from "@holdfast/conformance";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FrameError } from "@holdfast/atomic-pipe-writer";
import type { Frame } from "../../src/session/agent-child.js";
import { streamJson } from "../../src/session/drivers/stream-json.js";
import type { AgentDriver, PermissionAnswer } from "../../src/session/driver.js";
import { type Outcome, wasCancelled } from "../../src/session/outcome.js";
import type { AgentSession, PromptOptions } from "../../src/session/session.js";
import { StateMachine, TransitionError } from "../../src/session/state-table.js";
import { Turn, type TurnOptions } from "../../src/session/turn.js";
import { turnTable } from "../../src/session/turn-table.js";
import { closeFakes, FakeSession } from "./support/fake-agent.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await closeFakes();
});

const worker = { kind: "worker" } as const;
const handler = { kind: "handler" } as const;

/** Time that passes, and everything that happens in it. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

/** Everything that happens before the event loop goes on: microtasks and ticks. */
function sameTurn(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

/** A turn that runs: the agent has the prompt and has begun to answer. */
async function running(
  fake: FakeSession,
  options: Partial<PromptOptions> = {},
  text = "work",
): Promise<{ readonly outcome: Promise<Outcome>; readonly stop: AbortController }> {
  const stop = new AbortController();
  const outcome = fake.session.prompt(text, { ...worker, signal: stop.signal, ...options });
  await settle();
  await fake.agent.text("begun");
  return { outcome, stop };
}

/** What the session and the agent are, when nothing is left of any turn. */
function expectClean(session: AgentSession): void {
  expect(session.status()).toMatchObject({
    holder: undefined,
    queue: [],
    agent: { turn: "idle", usable: true },
  });
}

describe("a turn", () => {
  it("[S46] may have its result as the very first message", async () => {
    const fake = new FakeSession();
    const outcome = fake.session.prompt("hello", handler);
    await settle();
    await fake.agent.result("hi");
    expect(await outcome).toEqual({ status: "completed", text: "hi" });
    expectClean(fake.session);
  });

  it("[S44] is alone: a second one of the same lease is refused, and nothing of it is written", async () => {
    const fake = new FakeSession();
    const held = fake.session.hold(async (lease) => {
      const first = lease.prompt("first");
      await settle();
      await expect(lease.prompt("second")).rejects.toThrow(
        new TypeError("A turn of this lease runs: wait for its end, or interject"),
      );
      await expect(lease.checkpoint()).rejects.toThrow(
        new TypeError("A turn of this lease runs: wait for its end"),
      );
      await fake.agent.result("one");
      return first;
    }, handler);
    expect(await held).toMatchObject({ text: "one" });
    expect(fake.agent.prompts).toEqual(["first"]);
  });

  it("[S47, S73] ends at its boundary, once: what comes behind it is dropped, counted, and in no later answer", async () => {
    const fake = new FakeSession();
    const first = fake.session.prompt("first", handler);
    await settle();
    const stray = { type: "assistant", message: { content: [{ type: "text", text: "STRAY" }] } };
    await fake.agent.result("one", stray, { type: "result", result: "STRAY" });
    expect(await first).toMatchObject({ text: "one" });
    expect(fake.session.status().counters).toMatchObject({ received: 3, dropped: 2 });
    const heard: string[] = [];
    const second = fake.session.prompt("second", { ...handler, onText: (text) => heard.push(text) });
    await settle();
    await fake.agent.text("b");
    await fake.agent.result("two");
    expect([await second, heard]).toEqual([{ status: "completed", text: "two" }, ["b"]]);
  });

  it("[S73] takes nothing for its answer that comes before its message is on its way", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake, { onPermission: () => gate<PermissionAnswer>().promise });
    await fake.agent.ask("c-1");
    // The last word of this turn stays in the pipe, and the next message behind it.
    fake.agent.stopReading();
    await fake.agent.result("one");
    await outcome;
    const next = watch(fake.session.prompt("two", handler));
    await settle();
    await fake.agent.result("STRAY");
    expect([next.state, fake.session.status().counters]).toMatchObject(["pending", { dropped: 1 }]);
    fake.agent.read();
    await settle();
    await fake.agent.result("two");
    expect(next.value).toEqual({ status: "completed", text: "two" });
  });

  it("[S48, S50, S76] is completed with an empty text when that is the answer, and is not taken for cancelled", async () => {
    const fake = new FakeSession();
    const outcome = fake.session.prompt("hello", handler);
    await settle();
    await fake.agent.say({ type: "result", subtype: "success" });
    expect(await outcome).toEqual({ status: "completed", text: "" });
    expect(wasCancelled(await outcome)).toBe(false);
  });

  it("[S49] that the provider fails is a failure with all that is known; the agent is replaced first, and not asked again", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake);
    const payload = { error: { message: "Overloaded" }, request_id: "q-1" };
    await fake.agent.say({
      type: "result",
      is_error: true,
      result: `API Error: 529 ${JSON.stringify(payload)}`,
    });
    expect(await outcome).toMatchObject({
      status: "failed",
      failure: "provider",
      cancelled: false,
      provider: { status: 529, requestId: "q-1" },
    });
    expect(fake.processes.map(({ prompts }) => prompts)).toEqual([["work"], []]);
    expect(fake.agent.launch.args).toEqual(["s-1"]);
  });

  it("[S85] that finds the conversation too long leaves it, and the next prompt says that it is lost", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake);
    const payload = { error: { code: "context_length_exceeded" } };
    await fake.agent.say({
      type: "result",
      is_error: true,
      result: `API Error: 400 ${JSON.stringify(payload)}`,
    });
    expect(await outcome).toMatchObject({ failure: "overflow" });
    expect([fake.processes.length, fake.agent.launch.args]).toEqual([2, []]);
    const next = fake.session.prompt("again", handler);
    await settle();
    await fake.agent.result("ok");
    await next;
    const last = fake.session.prompt("more", handler);
    await settle();
    await fake.agent.result("ok");
    await last;
    expect(fake.agent.prompts[0]).toMatch(/^\[The conversation up to here was lost.*\]\n\nagain$/);
    expect(fake.agent.prompts[1]).toBe("more");
  });

  it("[S38] that gets what is no message fails; the agent is replaced before the next one, and not asked again", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake);
    fake.agent.stderr.write("core dumped\n");
    await fake.agent.write("Segmentation fault\n");
    expect(await outcome).toEqual({
      status: "failed",
      failure: "protocol",
      error: expect.objectContaining({
        message: expect.stringMatching(/^The agent wrote what is no message: .* core dumped$/) as string,
        cause: expect.any(FrameError) as FrameError,
      }) as Error,
      cancelled: false,
      stderr: "core dumped",
    });
    expect(fake.processes.map(({ prompts }) => prompts)).toEqual([["work"], []]);
    expectClean(fake.session);
  });

  it("cannot be told of a text that is no frame: it fails, and the agent goes on as if nothing had been", async () => {
    const fake = new FakeSession();
    const held = await fake.session.hold(async (lease) => {
      const tooLarge = await lease.prompt("x".repeat(65 << 20));
      expect(vi.getTimerCount()).toBe(0);
      const next = lease.prompt("small");
      await settle();
      await fake.agent.result("ok");
      return [tooLarge, await next];
    }, handler);
    expect(held).toMatchObject([
      { failure: "message", error: { cause: expect.any(FrameError) as FrameError } },
      { text: "ok" },
    ]);
    expect(fake.processes).toHaveLength(1);
  });

  it("[S55] is not disturbed by what it does not know", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake);
    await fake.agent.say(
      { type: "keep_alive" },
      { type: "something_new" },
      { type: "control_response", response: {} },
    );
    await fake.agent.result("ok");
    expect(await outcome).toEqual({ status: "completed", text: "ok" });
  });

  it("is cancelled with the error that its listener throws", async () => {
    const fake = new FakeSession();
    const stop = new AbortController();
    const outcome = fake.session.prompt("hello", {
      ...handler,
      signal: stop.signal,
      onText: () => {
        throw new Error("no room on the screen");
      },
    });
    await settle();
    await fake.agent.text("a");
    // Once more changes nothing.
    stop.abort();
    await settle();
    expect(fake.agent.heard).toEqual(["user", "interrupt"]);
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    expect(await outcome).toMatchObject({ status: "cancelled", reason: new Error("no room on the screen") });
  });
});

describe("silence", () => {
  it("[S56, S55] replaces an agent that says nothing for the idle limit; whatever comes begins it anew", async () => {
    const fake = new FakeSession({ limits: { idle: 1000 } });
    const { outcome } = await running(fake);
    const [before] = fake.processes;
    for (const piece of ["\n", '{"type":"keep_al', 'ive"}\n']) {
      await pass(999);
      await fake.agent.write(piece);
    }
    const watched = watch(outcome);
    await pass(999);
    expect(watched.state).toBe("pending");
    await pass(1);
    expect(await outcome).toEqual({ status: "idleTimeout", afterMs: 1000 });
    expect(fake.lines).toContain("generation 1, pid 1000: is ended by force: idleTimeout");
    expect([before?.signals, fake.processes.length]).toEqual([["SIGKILL"], 2]);
    expectClean(fake.session);
  });

  it("[S118] counts from the submission: a message that is stuck in the pipe is silence too", async () => {
    const fake = new FakeSession({ limits: { idle: 1000 } });
    fake.onStart = (agent) => {
      agent.stopReading();
    };
    const outcome = fake.session.prompt("hello", handler);
    await settle();
    await pass(1001);
    expect(await outcome).toMatchObject({ status: "idleTimeout" });
  });

  it("[S120] a turn that never stops talking ends at its own limit, if it has one", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake, { turnLimit: 3000 });
    for (let second = 0; second < 3; second += 1) {
      await fake.agent.text("on and on");
      await pass(1000);
    }
    expect(await outcome).toEqual({
      status: "failed",
      failure: "turnLimit",
      error: new Error("The turn took longer than 3000 ms"),
      cancelled: false,
    });
    expectClean(fake.session);
  });

  it("[S120, S74] says of a turn that reaches its own limit while it is drained that it was cancelled", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake, { turnLimit: 3000 });
    await pass(2000);
    stop.abort();
    await pass(1000);
    expect(await outcome).toMatchObject({ failure: "turnLimit", cancelled: true });
  });
});

describe("a cancel", () => {
  it("[S59, S60] is written by the holder in the same step, and the turn reads on to its boundary", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    const watched = watch(outcome);
    stop.abort("enough");
    await sameTurn();
    expect(fake.agent.heard).toEqual(["user", "interrupt"]);
    expect(fake.session.status()).toMatchObject({ agent: { turn: "draining" }, holder: { cancelled: true } });
    await fake.agent.text("rest");
    expect(fake.lines).toEqual(["worker #1: left out after the cancel: text"]);
    await fake.agent.say(fake.agent.ack);
    expect(watched.state).toBe("pending");
    await fake.agent.say(fake.agent.interrupted);
    expect(await outcome).toEqual({ status: "cancelled", sent: true, text: "begun", reason: "enough" });
    expect(fake.processes).toHaveLength(1);
    expectClean(fake.session);
  });

  it("[S61, S115] is written once, however many ask, and whoever they are", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    const first = watch(fake.session.prompt("one", { ...handler, label: "H1" }));
    const second = watch(fake.session.prompt("two", { ...handler, label: "H2" }));
    stop.abort("and I");
    await settle();
    expect(fake.agent.heard).toEqual(["user", "interrupt"]);
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    expect(await outcome).toMatchObject({ status: "cancelled", reason: { code: "ERR_PREEMPTED" } });
    await settle();
    await fake.agent.result("first");
    await settle();
    await fake.agent.result("second");
    expect([first.value, second.value]).toMatchObject([{ text: "first" }, { text: "second" }]);
    expect(fake.agent.prompts).toEqual(["work", "one", "two"]);
  });

  it("[S62] that is acknowledged a little late is fine", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    stop.abort();
    await fake.agent.say(fake.agent.interrupted);
    await pass(249);
    await fake.agent.say(fake.agent.ack);
    expect(await outcome).toMatchObject({ status: "cancelled" });
    expect(fake.processes).toHaveLength(1);
    expectClean(fake.session);
  });

  it("[S62] that is never acknowledged ends an agent that nobody can trust", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    stop.abort();
    await fake.agent.say(fake.agent.interrupted);
    // One for something else is none.
    await fake.agent.say({ type: "control_response", response: { request_id: "another" } });
    await pass(250);
    expect(await outcome).toStrictEqual({
      status: "failed",
      failure: "drainNotClean",
      error: new Error("The agent was interrupted and did not acknowledge the interrupt"),
      cancelled: true,
    });
    expect([fake.processes[0]?.signals, fake.processes.length]).toEqual([["SIGKILL"], 2]);
    expectClean(fake.session);
  });

  it("[S62] has its grace for the acknowledgement once, from the first boundary on", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    const watched = watch(outcome);
    stop.abort();
    await fake.agent.say(fake.agent.interrupted);
    await pass(200);
    await fake.agent.say(fake.agent.interrupted);
    await pass(50);
    expect(watched.value).toMatchObject({ failure: "drainNotClean" });
  });

  it("[S62, S63] that nobody acknowledges is not clean either when the limit of the drain is the first to pass", async () => {
    const fake = new FakeSession({ limits: { drain: 1000, ackGrace: 2000 } });
    const { outcome, stop } = await running(fake);
    stop.abort();
    await fake.agent.say(fake.agent.interrupted);
    await pass(1000);
    expect(await outcome).toMatchObject({
      failure: "drainNotClean",
      error: { message: "The agent was interrupted and did not acknowledge the interrupt" },
    });
  });

  it("[S63] is not silence: the limit of a drain counts, and not the shorter one of an idle agent", async () => {
    const fake = new FakeSession({ limits: { idle: 1000 } });
    const { outcome, stop } = await running(fake);
    stop.abort();
    await pass(5000);
    expect(await outcome).toMatchObject({ status: "drainTimeout" });
  });

  it("[S79] whose acknowledgement says that messages are left does not leave such an agent to the next one", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    stop.abort();
    await sameTurn();
    const response = { request_id: fake.agent.interrupt, response: { still_queued: ["u-1"] } };
    await fake.agent.say({ type: "control_response", response }, fake.agent.interrupted);
    expect(await outcome).toMatchObject({
      failure: "drainNotClean",
      error: { message: "The agent was interrupted and has messages left that it would answer later" },
    });
    expect(fake.processes).toHaveLength(2);
  });

  it("[S63, S64] has a limit that counts from the cancel, though the agent never stops talking", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    const watched = watch(outcome);
    stop.abort("enough");
    await fake.agent.say(fake.agent.ack);
    for (let second = 0; second < 4; second += 1) {
      await pass(1000);
      await fake.agent.text("on and on");
    }
    await pass(999);
    expect(watched.state).toBe("pending");
    await pass(1);
    expect(await outcome).toEqual({ status: "drainTimeout", afterMs: 5000, reason: "enough" });
    expect(wasCancelled(await outcome)).toBe(true);
    expect([fake.processes[0]?.signals, fake.processes.length, fake.agent.launch.args]).toEqual([
      ["SIGKILL"],
      2,
      ["s-1"],
    ]);
    expectClean(fake.session);
  });

  it("[S65, S82] stands when the agent ends before the boundary: it is replaced, and not asked again", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    stop.abort();
    fake.agent.exit(1);
    expect(await outcome).toMatchObject({ status: "cancelled", sent: true, text: "begun" });
    expect(fake.processes.map(({ prompts }) => prompts)).toEqual([["work"], []]);
    expectClean(fake.session);
  });

  it("[S66] that cannot be written is one all the same, at the end of the output or of the limit", async () => {
    for (const ends of [true, false]) {
      const fake = new FakeSession();
      const { outcome, stop } = await running(fake);
      fake.agent.breakPipe();
      await settle();
      stop.abort();
      await fake.agent.text("more");
      if (ends) fake.agent.exit(1);
      else await pass(5000);
      expect(await outcome).toMatchObject({ status: "cancelled", sent: true, text: "begun" });
      expect(fake.lines).toContainEqual(
        expect.stringMatching(/^worker #1: the interrupt could not be written: .*write EPIPE/),
      );
      expect(fake.processes).toHaveLength(2);
    }
  });

  it("[S66] of a message that could not be written either waits for the end all the same", async () => {
    const fake = new FakeSession();
    fake.onStart = (agent) => {
      agent.stopReading();
    };
    const stop = new AbortController();
    const outcome = watch(fake.session.prompt("hello", { ...worker, signal: stop.signal }));
    await settle();
    fake.agent.breakPipe();
    await settle();
    stop.abort();
    await pass(4999);
    expect(outcome.state).toBe("pending");
    await pass(1);
    expect(outcome.value).toMatchObject({ status: "cancelled", sent: true });
  });

  it("[S66] of a message of which nothing could be written is over at once, and the agent is replaced", async () => {
    const fake = new FakeSession();
    fake.onStart = (agent) => {
      if (fake.processes.length === 1) agent.stdin.destroy(new Error("write EPIPE"));
    };
    const stop = new AbortController();
    const outcome = watch(fake.session.prompt("hello", { ...worker, signal: stop.signal }));
    await settle();
    expect(outcome.state).toBe("pending");
    stop.abort("enough");
    await settle();
    expect(outcome.value).toEqual({ status: "cancelled", sent: false, text: "", reason: "enough" });
    expect(fake.processes).toHaveLength(2);
    expectClean(fake.session);
  });

  it("[S66] that cannot be written expects no acknowledgement at the boundary, and the agent is replaced", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    fake.agent.breakPipe();
    await settle();
    stop.abort();
    await fake.agent.result("done");
    expect(await outcome).toMatchObject({ status: "cancelled" });
    expect(fake.processes).toHaveLength(2);
  });

  it("[S67] of a message that is half written lets it finish, and follows it", async () => {
    const fake = new FakeSession();
    fake.onStart = (agent) => {
      agent.stopReading();
    };
    const stop = new AbortController();
    const outcome = fake.session.prompt("x".repeat(300_000), { ...worker, signal: stop.signal });
    await settle();
    expect([fake.agent.heard, fake.session.status().agent?.turn]).toEqual([[], "sending"]);
    stop.abort();
    fake.agent.read();
    await settle();
    expect(fake.agent.heard).toEqual(["user", "interrupt"]);
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    expect(await outcome).toMatchObject({ status: "cancelled", sent: true });
    expect(fake.processes).toHaveLength(1);
  });

  it("[S58] answers all that the agent has asked, behind the interrupt, and what it asks later too", async () => {
    const fake = new FakeSession();
    const asked = gate<PermissionAnswer>();
    const wanted: boolean[] = [];
    const { outcome, stop } = await running(fake, {
      onPermission: (_, signal) => {
        signal.addEventListener("abort", () => wanted.push(false));
        return asked.promise;
      },
    });
    await fake.agent.ask("c-1");
    await fake.agent.ask("c-2");
    stop.abort();
    await settle();
    expect(fake.agent.heard).toEqual(["user", "interrupt", "deny", "deny"]);
    await fake.agent.ask("c-3");
    // The answer comes too late, and must not be a second one.
    asked.open({ allow: true });
    await settle();
    expect([fake.agent.heard, wanted]).toEqual([
      ["user", "interrupt", "deny", "deny", "deny"],
      [false, false],
    ]);
    for (const frame of fake.agent.received.slice(2))
      expect(frame).toMatchObject({ response: { response: { message: "cancelled" } } });
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    expect(await outcome).toMatchObject({ status: "cancelled" });
  });

  it("[S62] that finds that there is no such conversation is at its end too", async () => {
    const fake = new FakeSession({ resume: "s-0" });
    const stop = new AbortController();
    const outcome = watch(fake.session.prompt("hello", { ...worker, signal: stop.signal }));
    await settle();
    stop.abort();
    await sameTurn();
    const refused = { type: "result", is_error: true, errors: ["No conversation found"] };
    await fake.agent.say(fake.agent.ack, refused);
    expect(outcome.value).toMatchObject({ status: "cancelled", sent: true });
  });

  it("[S69] with nobody there writes nothing, and the next turn does not hear of it", async () => {
    const fake = new FakeSession();
    const stop = new AbortController();
    const first = fake.session.prompt("first", { ...handler, signal: stop.signal });
    await settle();
    await fake.agent.result("one");
    await first;
    stop.abort();
    const second = fake.session.prompt("second", handler);
    await settle();
    await fake.agent.result("two");
    expect(await second).toMatchObject({ status: "completed", text: "two" });
    expect(fake.agent.heard).toEqual(["user", "user"]);
  });

  it("[S70] between two turns of one hold is for the lease: nothing is written to an idle agent, and no turn begins", async () => {
    const fake = new FakeSession();
    const stop = new AbortController();
    const outcomes = await fake.session.hold(
      async (lease) => {
        const first = lease.prompt("first");
        await settle();
        await fake.agent.result("one");
        const one = await first;
        stop.abort("enough");
        return [one, await lease.prompt("second"), lease.signal.aborted];
      },
      { ...handler, signal: stop.signal },
    );
    expect(outcomes).toEqual([
      { status: "completed", text: "one" },
      { status: "cancelled", sent: false, text: "", reason: "enough" },
      true,
    ]);
    expect(fake.agent.heard).toEqual(["user"]);
  });

  it("[S71, S75] after the boundary comes too late: the answer is kept", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    fake.agent.stdout.once("data", () => {
      // After the session has read it, and before anybody who waits has run.
      stop.abort();
    });
    await fake.agent.result("done");
    expect(await outcome).toEqual({ status: "completed", text: "done" });
    expect(fake.agent.heard).toEqual(["user"]);
    expectClean(fake.session);
  });

  it("[S72, S75] of one turn is not in the next, though the canceller itself asks", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake);
    const next = fake.session.prompt("mine", handler);
    await settle();
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    expect(await outcome).toMatchObject({ status: "cancelled" });
    await settle();
    expect([fake.agent.prompts, fake.session.status().holder?.cancelled]).toEqual([["work", "mine"], false]);
    await fake.agent.result("yours");
    expect(await next).toEqual({ status: "completed", text: "yours" });
  });

  it("[S72] of one turn of a hold leaves the next one of it alone", async () => {
    const fake = new FakeSession();
    const outcomes = await fake.session.hold(async (lease) => {
      const stop = new AbortController();
      const first = lease.prompt("first", { signal: stop.signal });
      await settle();
      stop.abort("this one only");
      await settle();
      await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
      expect(fake.session.status().holder?.cancelled).toBe(false);
      const second = lease.prompt("second");
      await settle();
      await fake.agent.result("two");
      return [await first, await second, lease.signal.aborted];
    }, handler);
    expect(outcomes).toMatchObject([
      { status: "cancelled", reason: "this one only" },
      { text: "two" },
      false,
    ]);
  });

  it("[S54, S75] has an id of its own, so that the answer to an earlier one is none", async () => {
    const fake = new FakeSession();
    const ids: string[] = [];
    for (let time = 0; time < 2; time += 1) {
      const { outcome, stop } = await running(fake);
      stop.abort();
      await sameTurn();
      ids.push(fake.agent.interrupt);
      await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
      await outcome;
    }
    expect(ids).toEqual(["interrupt-1-1", "interrupt-1-2"]);
  });

  it("[S74] is in the value that the cancelled one gets, whatever the next holder does", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake);
    const next = fake.session.prompt("mine", handler);
    await settle();
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    await settle();
    await fake.agent.result("yours");
    await next;
    // Read only now, when the session has long forgotten.
    expect([wasCancelled(await outcome), wasCancelled(await next)]).toEqual([true, false]);
  });

  it("[S100, S74] of one that waits takes it out of the queue and touches nobody; nothing was sent", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake, { kind: "handler" });
    const stop = new AbortController();
    const waiting = fake.session.prompt("never", { ...handler, signal: stop.signal });
    const later = fake.session.prompt("later", handler);
    stop.abort("gone");
    expect(await waiting).toEqual({ status: "cancelled", sent: false, text: "", reason: "gone" });
    await fake.agent.result("ok");
    await outcome;
    await settle();
    await fake.agent.result("ok");
    await later;
    expect(fake.agent.prompts).toEqual(["work", "later"]);
  });

  it("leaves no listener at the signals of a turn of a hold", async () => {
    const fake = new FakeSession();
    const stop = new AbortController();
    const left = await fake.session.hold(async (lease) => {
      const first = lease.prompt("first", { signal: stop.signal });
      await settle();
      expect([listeners(stop.signal), listeners(lease.signal)]).toEqual([1, 1]);
      await fake.agent.result("ok");
      await first;
      return [listeners(stop.signal), listeners(lease.signal)];
    }, handler);
    expect(left).toEqual([0, 0]);
  });

  it("leaves no listener at the caller's signal, however the turn ends", async () => {
    for (const how of ["completed", "cancelled", "failed"] as const) {
      const fake = new FakeSession();
      const { outcome, stop } = await running(fake);
      if (how === "cancelled") {
        stop.abort();
        await sameTurn();
        await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
      } else if (how === "completed") await fake.agent.result("ok");
      else await fake.agent.write("nonsense\n");
      expect((await outcome).status).toBe(how);
      await settle();
      expect([listeners(stop.signal), vi.getTimerCount()]).toEqual([0, 0]);
    }
  });
});

describe("a cancel before the message", () => {
  it("[S68, S80] while the agent is replaced: nothing is sent, and the fresh agent is for the next one", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake, { kind: "handler" });
    await fake.agent.result("ok");
    await outcome;
    const old = fake.agent;
    old.lingers = true;
    old.breakPipe();
    await settle();
    // It cannot be used any more, and is not gone yet: the worker has the lock and waits for its successor.
    const stop = new AbortController();
    const cancelled = fake.session.prompt("never", { ...worker, signal: stop.signal });
    await settle();
    expect([fake.session.status().holder?.kind, old.signals]).toEqual(["worker", ["SIGKILL"]]);
    expect(fake.lines).toEqual(["generation 1, pid 1000: is ended by force: it cannot be used any more"]);
    stop.abort("too soon");
    // At once: nobody has to wait for a process to be gone.
    expect(await cancelled).toEqual({ status: "cancelled", sent: false, text: "", reason: "too soon" });
    old.exit(137);
    await settle();
    expect([fake.processes.length, fake.agent.heard]).toEqual([2, []]);
    expectClean(fake.session);
    const next = fake.session.prompt("next", handler);
    await settle();
    await fake.agent.result("ok");
    expect([await next, fake.agent.heard, fake.processes.length]).toEqual([
      { status: "completed", text: "ok" },
      ["user"],
      2,
    ]);
  });

  it("[S68] at any point on the way from the lock to the pipe, a respawn in it: nothing is sent, or it is interrupted right after", async () => {
    const ends: string[] = [];
    for (let steps = 0; steps < 60; steps += 1) {
      const fake = new FakeSession();
      const { outcome } = await running(fake, { kind: "handler" });
      await fake.agent.result("ok");
      await outcome;
      fake.agent.exit(0);
      await settle();
      const stop = new AbortController();
      const cancelled = fake.session.prompt("work", { ...worker, signal: stop.signal });
      for (let step = 0; step < steps; step += 1) await Promise.resolve();
      stop.abort();
      await settle();
      const heard = fake.processes[1]?.heard ?? [];
      if (heard.length > 0) {
        expect(heard).toEqual(["user", "interrupt"]);
        await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
      }
      expect(await cancelled).toMatchObject({ status: "cancelled", sent: heard.length > 0 });
      expect(fake.session.status()).toMatchObject({ holder: undefined, queue: [] });
      ends.push(heard.length > 0 ? "interrupted" : fake.processes.length > 1 ? "unsent" : "not started");
    }
    expect(new Set(ends)).toEqual(new Set(["not started", "unsent", "interrupted"]));
  });

  it("[S68, S92] that comes with the grant: a worker that a handler finds in the gap does not run its turn", async () => {
    const ends = new Set<string>();
    for (let steps = 0; steps < 160; steps += 1) {
      const fake = new FakeSession();
      const { outcome } = await running(fake, { kind: "handler" });
      const gap = fake.session.prompt("a long task", worker);
      void fake.agent.result("ok");
      // The answer comes after a tick or two, and within one of them the lock changes hands.
      for (let tick = 0; tick < steps % 4; tick += 1) await sameTurn();
      for (let step = 0; step < steps / 4; step += 1) await Promise.resolve();
      const reply = fake.session.prompt("reply", handler);
      await settle();
      await outcome;
      const { prompts } = fake.agent;
      if (prompts.includes("a long task")) {
        expect(fake.agent.heard).toEqual(["user", "user", "interrupt"]);
        await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
        expect(await gap).toMatchObject({
          status: "cancelled",
          sent: true,
          reason: { code: "ERR_PREEMPTED" },
        });
        ends.add("interrupted");
      } else if (watch(gap).state === "pending" && fake.session.status().queue.length > 0)
        ends.add("overtaken");
      else {
        expect(await gap).toMatchObject({ status: "cancelled", sent: false });
        ends.add("unsent");
      }
      await settle();
      await fake.agent.result("replied");
      expect(await reply).toMatchObject({ text: "replied" });
      await settle();
      if (fake.session.status().holder !== undefined) await fake.agent.result("done");
      await gap;
    }
    expect(ends).toEqual(new Set(["overtaken", "unsent", "interrupted"]));
  });
});

describe("questions of the agent", () => {
  it("[S58] are answered by whoever holds, through the same pipe", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake, {
      onPermission: ({ tool, id }) => ({ allow: tool === "Bash" && id === "c-1", message: "no" }),
    });
    await fake.agent.ask("c-1");
    await fake.agent.ask("c-2");
    expect(fake.agent.heard).toEqual(["user", "allow", "deny"]);
    await fake.agent.result("ok");
    await outcome;
  });

  it.each([
    ["there is nobody to ask", undefined, "nobody is there to allow it"],
    [
      "whoever is asked fails",
      () => {
        throw new Error("no screen");
      },
      "the host failed: no screen",
    ],
  ])("[S58] get a no when %s", async (_, onPermission, message) => {
    const fake = new FakeSession();
    const { outcome } = await running(fake, { onPermission });
    await fake.agent.ask("c-1");
    expect(fake.agent.received.at(-1)).toMatchObject({
      response: { request_id: "c-1", response: { behavior: "deny", message } },
    });
    await fake.agent.result("ok");
    await outcome;
  });

  it("[S58] that the agent takes back are not answered", async () => {
    const fake = new FakeSession();
    const asked = gate<PermissionAnswer>();
    let wanted = true;
    const { outcome } = await running(fake, {
      onPermission: (_, signal) => {
        signal.addEventListener("abort", () => (wanted = false));
        return asked.promise;
      },
    });
    await fake.agent.ask("c-1");
    await fake.agent.say({ type: "control_cancel_request", request_id: "c-1" });
    asked.open({ allow: true });
    await settle();
    expect([fake.agent.heard, wanted]).toEqual([["user"], false]);
    await fake.agent.result("ok");
    await outcome;
  });

  it("[S58] that are open at the boundary are answered too", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake, { onPermission: () => gate<PermissionAnswer>().promise });
    await fake.agent.ask("c-1");
    await fake.agent.result("never mind");
    await outcome;
    await settle();
    expect(fake.agent.heard).toEqual(["user", "deny"]);
    expect(fake.agent.received[1]).toMatchObject({ response: { response: { message: "the turn is over" } } });
  });

  it.each([
    ["broke its stream", (fake: FakeSession) => fake.agent.write("nonsense\n")],
    ["fell silent", () => pass(1_800_000)],
    [
      "was taken away",
      async (fake: FakeSession): Promise<void> => {
        fake.session.evict("wedged");
        await settle();
      },
    ],
  ])("[S58, S107] of an agent that %s are not answered, and whoever decides is told", async (_, end) => {
    const fake = new FakeSession();
    let wanted: AbortSignal | undefined;
    const { outcome } = await running(fake, {
      onPermission: (_, signal) => {
        wanted = signal;
        return gate<PermissionAnswer>().promise;
      },
    });
    const [old] = fake.processes;
    await fake.agent.ask("c-1");
    await end(fake);
    expect(await outcome).not.toMatchObject({ status: "completed" });
    expect([old?.heard, wanted?.reason]).toEqual([["user"], new Error("the question is not open any more")]);
  });

  it("[S58] outside of a turn get a no", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake);
    await fake.agent.result("ok");
    await outcome;
    await fake.agent.ask("c-1");
    expect(fake.agent.received.at(-1)).toMatchObject({
      response: { request_id: "c-1", response: { behavior: "deny", message: "no turn runs" } },
    });
  });
});

describe("a prompt whose agent ends", () => {
  it("[S81, S45] is said once more to another one, with the conversation", async () => {
    const fake = new FakeSession();
    const told: string[] = [];
    const { outcome } = await running(fake, {
      onText: (text) => told.push(text),
      onRetry: () => told.push("once more"),
    });
    fake.agent.exit(9);
    await settle();
    expect(fake.agent.launch.args).toEqual(["s-1"]);
    await fake.agent.text("done");
    await fake.agent.result("done");
    expect(await outcome).toEqual({ status: "completed", text: "done" });
    expect(told).toEqual(["begun", "once more", "done"]);
    expect(fake.lines).toEqual([
      "The agent ended with exit code 9",
      "worker #1: tries once more: The agent ended with exit code 9",
    ]);
    expect(fake.processes.map(({ prompts }) => prompts)).toEqual([["work"], ["work"]]);
    expectClean(fake.session);
  });

  it("[S50, S81, S57] fails when that one ends too, with its last words, and no third one is started until the next prompt", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake);
    fake.agent.exit(9);
    await settle();
    fake.agent.stderr.write("out of memory\n");
    fake.agent.exit(8);
    expect(await outcome).toMatchObject({
      status: "failed",
      failure: "transport",
      cancelled: false,
      stderr: "out of memory",
      error: { message: "The agent ended with exit code 8; it said on stderr: out of memory" },
    });
    await settle();
    expect(fake.processes).toHaveLength(2);
    const next = fake.session.prompt("next", handler);
    await settle();
    await fake.agent.result("ok");
    expect([await next, fake.processes.length]).toEqual([{ status: "completed", text: "ok" }, 3]);
  });

  it("[S45] heals when its message could not be written: nothing stays in the state sending", async () => {
    const fake = new FakeSession();
    fake.onStart = (agent) => {
      if (fake.processes.length === 1) agent.stdin.destroy(new Error("write EPIPE"));
    };
    const outcome = fake.session.prompt("hello", handler);
    await settle();
    await pass(500);
    await fake.agent.result("hi");
    expect(await outcome).toEqual({ status: "completed", text: "hi" });
    expectClean(fake.session);
  });

  it("[S45, S57] fails when neither message could be written, and both agents are gone by then", async () => {
    const fake = new FakeSession();
    fake.onStart = (agent) => {
      agent.stdin.destroy(new Error("write EPIPE"));
    };
    const outcome = watch(fake.session.prompt("hello", handler));
    await settle();
    await pass(500);
    await pass(500);
    expect(outcome.value).toMatchObject({
      status: "failed",
      failure: "transport",
      cancelled: false,
      error: {
        message: expect.stringMatching(/^The message could not be written: .*write EPIPE/) as string,
        cause: { code: "ERR_PIPE_CLOSED" },
      },
    });
    expect(fake.processes.map(({ signals }) => signals)).toEqual([["SIGKILL"], ["SIGKILL"]]);
  });

  it("leaves no timer behind when it ends with its message half written", async () => {
    const fake = new FakeSession();
    fake.onStart = (agent) => {
      agent.stopReading();
    };
    const outcome = watch(fake.session.prompt("hello", { ...handler, turnLimit: 1000 }));
    await settle();
    await pass(1000);
    expect([outcome.value, vi.getTimerCount()]).toMatchObject([{ failure: "turnLimit" }, 0]);
  });

  it("[S83] is cancelled if the cancel comes in the second try", async () => {
    const fake = new FakeSession();
    const { outcome, stop } = await running(fake);
    fake.agent.exit(9);
    await settle();
    stop.abort("enough");
    await settle();
    expect(fake.agent.heard).toEqual(["user", "interrupt"]);
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    expect(await outcome).toMatchObject({ status: "cancelled", sent: true, reason: "enough" });
  });

  it("[S82, S83] is cancelled wherever the cancel comes between the end of the first and the second try, which then is none", async () => {
    const ends = new Set<string>();
    for (let steps = 0; steps < 240; steps += 1) {
      const fake = new FakeSession();
      const { outcome, stop } = await running(fake);
      fake.agent.exit(9);
      // Its end is known after a few ticks, and within one of them everything else happens.
      for (let tick = 0; tick < steps % 6; tick += 1) await sameTurn();
      for (let step = 0; step < steps / 6; step += 1) await Promise.resolve();
      stop.abort("enough");
      await settle();
      const again = fake.processes.length === 2 && fake.agent.heard.includes("user");
      if (again) {
        expect(fake.agent.heard).toEqual(["user", "interrupt"]);
        await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
      }
      expect(await outcome).toMatchObject({ status: "cancelled", sent: true, reason: "enough" });
      // Whoever comes next finds an agent.
      expect(fake.processes).toHaveLength(2);
      expectClean(fake.session);
      ends.add(
        again
          ? "second try"
          : fake.lines.some((line) => line.includes("once more"))
            ? "on its way"
            : "no try",
      );
    }
    expect(ends).toEqual(new Set(["no try", "on its way", "second try"]));
  });

  it("[S84] may be tried again after others went first, so often and no more, and its place is behind them", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake, { retryOnPreempt: 1 }, "voice");
    const cut = async (reply: string): Promise<void> => {
      const other = fake.session.prompt(reply, handler);
      await settle();
      await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
      await settle();
      await fake.agent.result("ok");
      await other;
      await settle();
    };
    await cut("one");
    await fake.agent.text("again");
    await cut("two");
    expect(await outcome).toMatchObject({ status: "cancelled", reason: { code: "ERR_PREEMPTED" } });
    expect(fake.agent.prompts).toEqual(["voice", "one", "voice", "two"]);
  });

  it("[S84, S63] is not tried again when its agent did not stop in time", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake, { retryOnPreempt: 1 });
    const other = fake.session.prompt("other", handler);
    await pass(5000);
    expect(await outcome).toMatchObject({ status: "drainTimeout", reason: { code: "ERR_PREEMPTED" } });
    await fake.agent.result("ok");
    await other;
    expect(fake.session.status()).toMatchObject({ holder: undefined, queue: [] });
  });

  it("[S57, S86] fails when there is no such agent, after two tries, and does not break what comes later", async () => {
    const start = (): never => {
      throw new Error("spawn EACCES");
    };
    const fake = new FakeSession({ start });
    for (let time = 0; time < 2; time += 1)
      expect(await fake.session.prompt("hello", handler)).toMatchObject({
        status: "failed",
        failure: "notStarted",
        error: { message: "The agent cannot be started: spawn EACCES", cause: new Error("spawn EACCES") },
      });
    expect(fake.session.status()).toMatchObject({ holder: undefined, agent: undefined });
  });

  it("[S57, S86] has its own failure, though no other agent can be started after it; that is logged", async () => {
    const fake = new FakeSession();
    const { outcome } = await running(fake);
    fake.onStart = () => {
      throw new Error("spawn EAGAIN");
    };
    await fake.agent.write("nonsense\n");
    expect(await outcome).toMatchObject({ status: "failed", failure: "protocol" });
    expect(fake.lines.at(-1)).toBe("the agent cannot be started: spawn EAGAIN");
  });
});

describe("the conversation", () => {
  it("[S51] is told when it has an id, and goes on with it after a restart of the host", async () => {
    const ids: string[] = [];
    const fake = new FakeSession({ resume: "s-0", onConversation: (id) => ids.push(id) });
    const { outcome } = await running(fake);
    // Once, though each message names it.
    await fake.agent.text("more");
    await fake.agent.result("ok");
    await outcome;
    expect([fake.agent.launch.args, ids, fake.session.status().conversation]).toEqual([
      ["s-0"],
      ["s-1"],
      "s-1",
    ]);
  });

  it("[S51] that the agent does not know is left: a new one, counted, and the agent is told", async () => {
    const fake = new FakeSession({ resume: "s-0" });
    const outcome = fake.session.prompt("hello", handler);
    await settle();
    const [first] = fake.processes;
    const reason = "No conversation found with session ID: s-0";
    await first?.say({ type: "result", is_error: true, errors: [reason], session_id: "s-0" });
    expect(fake.agent.launch.args).toEqual([]);
    expect(fake.agent.prompts[0]).toMatch(/^\[The conversation .* lost.*\]\n\nhello$/);
    await fake.agent.result("hi");
    expect(await outcome).toMatchObject({ status: "completed", text: "hi" });
    expect(fake.session.status().counters.dropped).toBe(1);
  });

  it("[S51, S57] that no agent goes on with fails the prompt, and the log says why", async () => {
    const fake = new FakeSession({ resume: "s-0" });
    const outcome = fake.session.prompt("hello", handler);
    await settle();
    const refused = { type: "result", is_error: true, errors: ["No conversation found"] };
    const message = "The agent refused to go on: No conversation found";
    await fake.agent.say(refused);
    expect(fake.lines).toContain(`handler #1: tries once more: ${message}`);
    await fake.agent.say(refused);
    expect(await outcome).toEqual({
      status: "failed",
      failure: "transport",
      error: new Error(message),
      cancelled: false,
    });
    expect(fake.processes.map(({ signals }) => signals)).toEqual([["SIGKILL"], ["SIGKILL"]]);
  });

  it("[S52] has counters over all agents, which can be read at any time", async () => {
    const fake = new FakeSession();
    expect(fake.session.status().counters).toMatchObject({ sent: 0, received: 0, dropped: 0, started: 0 });
    const { outcome } = await running(fake);
    expect(fake.session.status().counters).toMatchObject({ sent: 1, received: 1, dropped: 0, started: 1 });
    fake.agent.exit(9);
    await settle();
    await fake.agent.result("ok");
    await outcome;
    expect(fake.session.status().counters).toMatchObject({ sent: 2, received: 2, dropped: 0, started: 2 });
  });
});

describe("other settings", () => {
  it("[S53] are for a new agent in the same conversation, between two turns; the same ones change nothing", async () => {
    const fake = new FakeSession({ settings: { model: "small" } });
    await fake.session.hold(async (lease) => {
      const first = lease.prompt("one");
      await settle();
      await expect(lease.configure({ model: "large" })).rejects.toThrow(TypeError);
      await fake.agent.text("a");
      await fake.agent.result("ok");
      await first;
      await lease.configure({ model: "small" });
      expect(fake.processes.map(({ launch }) => launch.args)).toEqual([["small"]]);
      await lease.configure({ model: "large" });
      await lease.configure({ model: "large", tools: "read" });
      await lease.configure({ model: "large", tools: "all" });
      await lease.configure({ model: "large" });
    }, handler);
    expect(fake.processes.map(({ launch }) => launch.args)).toEqual([
      ["small"],
      ["s-1", "large"],
      ["s-1", "large", "read"],
      ["s-1", "large", "all"],
      ["s-1", "large"],
    ]);
    // The earlier ones ended by themselves.
    expect(fake.processes.flatMap(({ signals }) => signals)).toEqual([]);
    expectClean(fake.session);
  });

  it("[S53] before there is any agent are for the first one", async () => {
    const fake = new FakeSession();
    await fake.session.hold((lease) => lease.configure({ model: "large" }), handler);
    expect(fake.processes.map(({ launch }) => launch.args)).toEqual([["large"]]);
  });

  it("[S53] with which no agent starts are an error for who asked, and the next prompt tries again", async () => {
    const fake = new FakeSession();
    fake.onStart = () => {
      if (fake.processes.length === 2) throw new Error("spawn EAGAIN");
    };
    const { outcome } = await running(fake, { kind: "handler" });
    await fake.agent.result("ok");
    await outcome;
    await expect(fake.session.hold((lease) => lease.configure({ model: "large" }), handler)).rejects.toThrow(
      "spawn EAGAIN",
    );
    const next = fake.session.prompt("two", handler);
    await settle();
    await fake.agent.result("fine");
    expect([await next, fake.agent.launch.args]).toEqual([
      { status: "completed", text: "fine" },
      ["s-1", "large"],
    ]);
  });
});

describe("saying something else", () => {
  it("[S78] ends the turn that runs, and nobody speaks in between", async () => {
    const fake = new FakeSession();
    const outcomes = fake.session.hold(async (lease) => {
      const first = lease.prompt("a long story");
      await settle();
      const second = lease.interject("a short one");
      return Promise.all([first, second]);
    }, handler);
    const other = fake.session.prompt("other", handler);
    await settle();
    await settle();
    await fake.agent.say(fake.agent.ack, fake.agent.interrupted);
    await settle();
    expect(fake.agent.heard).toEqual(["user", "interrupt", "user"]);
    await fake.agent.result("short");
    expect(await outcomes).toMatchObject([
      { status: "cancelled", reason: new Error("something else is to be said") },
      { status: "completed", text: "short" },
    ]);
    await settle();
    await fake.agent.result("ok");
    await other;
    expect(fake.agent.prompts).toEqual(["a long story", "a short one", "other"]);
  });

  it("[S78] interrupts nothing when no turn runs", async () => {
    const fake = new FakeSession();
    const outcome = fake.session.hold((lease) => lease.interject("hello"), handler);
    await settle();
    expect(fake.agent.heard).toEqual(["user"]);
    await fake.agent.result("hi");
    expect(await outcome).toMatchObject({ text: "hi" });
  });
});

describe("a mistake of ours", () => {
  it("[S43] is loud in tests, a failure and counted otherwise, and costs the agent and no more", async () => {
    for (const strict of [true, false, undefined]) {
      const driver = streamJson(() => ({ command: "agent", args: [] }));
      const converse: AgentDriver["converse"] = (launch, resume) => {
        const dialogue = driver.converse(launch, resume);
        const prompt = (text: string): Frame => {
          if (text === "mistake") throw new TypeError("it happens");
          return dialogue.prompt(text);
        };
        return { ...dialogue, prompt };
      };
      const fake = new FakeSession({ strict, driver: { ...driver, converse } });
      const outcome = fake.session.prompt("mistake", handler);
      if (strict === true) await expect(outcome).rejects.toThrow("it happens");
      else {
        expect(await outcome).toMatchObject({
          status: "failed",
          failure: "internal",
          cancelled: false,
          error: {
            message: "A mistake in the session itself: it happens",
            cause: new TypeError("it happens"),
          },
        });
        // Whoever comes next finds an agent.
        expect(fake.processes).toHaveLength(2);
      }
      const next = fake.session.prompt("hello", handler);
      await settle();
      await fake.agent.result("hi");
      expect([await next, fake.processes.length]).toEqual([{ status: "completed", text: "hi" }, 2]);
      expect(fake.session.status().counters.mistakes).toBe(1);
      expectClean(fake.session);
    }
  });

  it.each([
    [
      "when it is interrupted",
      "interrupt",
      async (_: FakeSession, stop: AbortController): Promise<void> => {
        stop.abort();
        await settle();
      },
    ],
    [
      "when a question is answered at its end",
      "answer",
      async (fake: FakeSession): Promise<void> => {
        await fake.agent.ask("c-1");
        await fake.agent.result("ok");
      },
    ],
  ] as const)(
    "[S43] in a turn that runs, %s, is its failure too, and leaves no timer",
    async (_, what, end) => {
      const driver = streamJson(() => ({ command: "agent", args: [] }));
      const converse: AgentDriver["converse"] = (launch, resume) => ({
        ...driver.converse(launch, resume),
        [what]: () => {
          throw new TypeError("it happens");
        },
      });
      const fake = new FakeSession({ strict: false, driver: { ...driver, converse } });
      const { outcome, stop } = await running(fake, { onPermission: () => gate<PermissionAnswer>().promise });
      const [old] = fake.processes;
      await end(fake, stop);
      expect(await outcome).toMatchObject({
        failure: "internal",
        error: { message: "A mistake in the session itself: it happens" },
      });
      expect([old?.signals[0], vi.getTimerCount()]).toEqual(["SIGKILL", 0]);
    },
  );

  it("[S43] is a step that the table of a turn does not have", async () => {
    const state = new StateMachine(turnTable, "awaiting", { name: "generation 1", strict: false });
    const turn = new Turn({ state, signal: new AbortController().signal } as TurnOptions);
    await expect(turn.run()).rejects.toThrow(new TransitionError('"send" in the state "awaiting"'));
  });
});
