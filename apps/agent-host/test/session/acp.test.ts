import { resolve } from "node:path";
import { gate, settle, watch } from "@holdfast/conformance";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PermissionAnswer } from "../../src/session/driver.js";
import { acp as driver } from "../../src/session/drivers/acp.js";
import type { Outcome } from "../../src/session/outcome.js";
import type { PromptOptions } from "../../src/session/session.js";
import { AcpSession, canLoad, chunk } from "./support/acp-agent.js";
import { closeFakes } from "./support/fake-agent.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await closeFakes();
});

const worker = { kind: "worker" } as const;
const handler = { kind: "handler" } as const;
const cancelled = '{"outcome":{"outcome":"cancelled"}}';

/** Time that passes, and everything that happens in it. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

/** A turn that runs: the agent has the prompt and has begun to answer. */
async function running(
  acp: AcpSession,
  options: Partial<PromptOptions> = {},
): Promise<{ readonly outcome: Promise<Outcome>; readonly stop: AbortController }> {
  const stop = new AbortController();
  const outcome = acp.session.prompt("work", { ...worker, signal: stop.signal, ...options });
  await settle();
  await acp.agent.chunk("begun");
  return { outcome, stop };
}

/** One more turn, with its own answer and nothing of another one. */
async function expectClean(acp: AcpSession): Promise<void> {
  const next = acp.session.prompt("next", handler);
  await settle();
  await acp.agent.chunk("fine");
  await acp.agent.stop();
  expect(await next).toEqual({ status: "completed", text: "fine" });
}

describe("the opening", () => {
  it("says what the host can do, begins a session in the agent's folder, and only then prompts", async () => {
    const ids: string[] = [];
    const acp = new AcpSession({}, { onConversation: (id) => ids.push(id) });
    const { outcome } = await running(acp);
    await acp.agent.stop();
    await outcome;
    expect(acp.agent.heard).toEqual(["initialize", "session/new", "session/prompt"]);
    expect(acp.agent.process.received[0]).toEqual({
      jsonrpc: "2.0",
      id: 0,
      method: "initialize",
      params: {
        protocolVersion: 1,
        clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
        clientInfo: { name: "agent-host", version: "0.1.0" },
      },
    });
    expect(acp.agent.params("session/new")).toEqual([{ cwd: resolve("work"), mcpServers: [] }]);
    expect(acp.agent.params("session/prompt")).toEqual([
      { sessionId: "s-1", prompt: [{ type: "text", text: "work" }] },
    ]);
    expect([ids, acp.session.status().conversation]).toEqual([["s-1"], "s-1"]);
    await expectClean(acp);
    expect(acp.session.status().counters).toMatchObject({ sent: 2, received: 6, dropped: 0, started: 1 });
  });

  it("[S54, AH2] that is never answered is a failure in bounded time; the agent is ended, and none is tried again", async () => {
    const acp = new AcpSession({ initialize: undefined });
    const outcome = watch(acp.session.prompt("hello", handler));
    await pass(59_999);
    expect(outcome.state).toBe("pending");
    await pass(1);
    expect(outcome.value).toMatchObject({
      status: "failed",
      failure: "notStarted",
      error: { message: "The agent cannot be started: It did not answer initialize within 60000 ms" },
    });
    expect(acp.agents.map(({ process }) => process.signals)).toEqual([["SIGKILL"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [
      "an account is missing",
      {
        "session/new": {
          error: { code: -32000, message: "Authentication required", data: { details: "log in" } },
        },
      },
      "It refused session/new: Authentication required: log in",
    ],
    [
      "it speaks another version",
      { initialize: { result: { protocolVersion: 2 } } },
      "It speaks version 2 of the Agent Client Protocol, and not 1",
    ],
    [
      "it knows nothing of this",
      { initialize: { error: { code: -32601, message: "Method not found" } } },
      "It refused initialize: Method not found",
    ],
    [
      "it names no session",
      { "session/new": { result: {} } },
      "It answered session/new without a session's id",
    ],
  ])("[S57] says so, once, if %s; the next prompt asks another agent", async (_, answers, message) => {
    const acp = new AcpSession(answers);
    for (const started of [1, 2]) {
      expect(await acp.session.prompt("hello", handler)).toMatchObject({
        status: "failed",
        failure: "notStarted",
        error: { message: `The agent cannot be started: ${message}` },
      });
      expect(acp.agents).toHaveLength(started);
    }
  });

  it("[S57, S81] in which the agent ends is tried once more, and then told with its last words", async () => {
    const acp = new AcpSession({ initialize: undefined });
    acp.fake.onStart = (process) => {
      process.onMessage = () => {
        process.stderr.write("no such model\n");
        process.exit(3);
      };
    };
    expect(await acp.session.prompt("hello", handler)).toMatchObject({
      failure: "notStarted",
      error: { message: expect.stringMatching(/ended with exit code 3.*no such model$/) as string },
    });
    expect(acp.fake.processes).toHaveLength(2);
  });

  it("[S20] whose request cannot be written waits a while for the agent's end, and not for its answer", async () => {
    const acp = new AcpSession();
    acp.fake.onStart = (process) => {
      process.breakPipe();
    };
    const outcome = watch(acp.session.prompt("hello", handler));
    await pass(500);
    await pass(500);
    expect(outcome.value).toMatchObject({
      failure: "notStarted",
      error: {
        message: "The agent cannot be started: initialize could not be written",
        cause: { cause: { code: "ERR_PIPE_CLOSED" } },
      },
    });
  });

  it("[S68, S80] is not stopped by a cancel: nothing is sent, and the agent is there for the next one", async () => {
    const acp = new AcpSession({ "session/new": undefined });
    const stop = new AbortController();
    const outcome = acp.session.prompt("hello", { ...worker, signal: stop.signal });
    await settle();
    stop.abort("enough");
    expect(await outcome).toMatchObject({ status: "cancelled", sent: false });
    const next = acp.session.prompt("next", handler);
    await acp.agent.say({ id: 1, result: { sessionId: "s-1" } });
    await acp.agent.stop();
    expect(await next).toMatchObject({ status: "completed" });
    expect([acp.agents.length, acp.agent.prompts]).toEqual([1, ["next"]]);
  });

  it("[S105] of a replacement ends with an eviction, though the turn that needs one is over", async () => {
    const acp = new AcpSession();
    const { outcome } = await running(acp);
    acp.fake.onStart = () => undefined;
    await acp.agent.process.write("nonsense\n");
    expect([watch(outcome).state, acp.fake.processes.length]).toEqual(["pending", 2]);
    acp.session.evict("too slow");
    expect(await outcome).toMatchObject({
      failure: "evicted",
      error: { message: "The session was taken away" },
    });
    expect(acp.fake.lines.at(-1)).toBe(
      "the agent cannot be started: It was ended: worker #1 was evicted: too slow",
    );
  });

  it("[S105, AH5] ends with an eviction and with the session, and holds up nobody", async () => {
    const acp = new AcpSession({ initialize: undefined });
    const first = acp.session.prompt("first", worker);
    await settle();
    const second = acp.session.prompt("second", handler);
    acp.session.evict("wedged");
    expect(await first).toMatchObject({ failure: "evicted" });
    await settle();
    expect(acp.agents.map(({ process }) => process.signals.length)).toEqual([1, 0]);
    await acp.session.close();
    expect(await second).toMatchObject({ status: "cancelled", sent: false });
    expect(acp.agent.process.signals).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a conversation", () => {
  it("[S51] is loaded where the agent can do that, and what it plays back is in no answer", async () => {
    const acp = new AcpSession({ ...canLoad, "session/load": undefined }, { resume: "s-0" });
    const heard: string[] = [];
    const outcome = acp.session.prompt("hello", { ...handler, onText: (text) => heard.push(text) });
    await settle();
    expect(acp.agent.params("session/load")).toEqual([
      { sessionId: "s-0", cwd: resolve("work"), mcpServers: [] },
    ]);
    await acp.agent.say(chunk("of old", "s-0"), { id: 1, result: null });
    await acp.agent.chunk("new", "s-0");
    await acp.agent.stop();
    expect([await outcome, heard]).toEqual([{ status: "completed", text: "new" }, ["new"]]);
    expect(acp.agent.prompts).toEqual(["hello"]);
    expect(acp.session.status().counters.dropped).toBe(1);
  });

  it.each([
    ["cannot load any", {}],
    [
      "does not know it",
      { ...canLoad, "session/load": { error: { code: -32002, message: "Resource not found" } } },
    ],
  ])("[S51] is left with an agent that %s: a new one, counted, and the agent is told", async (_, answers) => {
    const ids: string[] = [];
    const acp = new AcpSession(answers, { resume: "s-0", onConversation: (id) => ids.push(id) });
    const outcome = acp.session.prompt("hello", handler);
    await settle();
    await acp.agent.stop();
    expect(await outcome).toMatchObject({ status: "completed" });
    expect(acp.agent.prompts[0]).toMatch(/^\[The conversation .* lost.*\]\n\nhello$/);
    expect([ids, acp.session.status().counters.dropped]).toEqual([["s-1"], 1]);
    await expectClean(acp);
    expect(acp.agent.prompts[1]).toBe("next");
  });

  it("[S81] goes on with another agent when this one dies in mid-turn", async () => {
    const acp = new AcpSession(canLoad);
    const { outcome } = await running(acp);
    acp.agent.process.exit(9);
    await settle();
    expect(acp.agents.map(({ heard }) => heard)).toEqual([
      ["initialize", "session/new", "session/prompt"],
      ["initialize", "session/load", "session/prompt"],
    ]);
    await acp.agent.chunk("done");
    await acp.agent.stop();
    expect(await outcome).toEqual({ status: "completed", text: "done" });
  });
});

describe("a turn", () => {
  it("[AH4, S55, S73] is what its own session says in it, in order, and nothing else", async () => {
    const acp = new AcpSession();
    const heard: string[] = [];
    const outcome = acp.session.prompt("hello", { ...handler, onText: (text) => heard.push(text) });
    await settle();
    const image = {
      sessionUpdate: "agent_message_chunk",
      content: { type: "image", data: "", mimeType: "x" },
    };
    await acp.agent.say(
      chunk("a"),
      chunk("FOREIGN", "s-2"),
      chunk("THOUGHT", "s-1", "agent_thought_chunk"),
      {
        method: "session/update",
        params: { sessionId: "s-1", update: { sessionUpdate: "plan", entries: [] } },
      },
      { method: "session/update", params: { sessionId: "s-1", update: image } },
      { method: "session/update" },
      chunk("b"),
      { method: "something/new" },
      { method: "session/request_permission", params: { sessionId: "s-1" } },
      { id: 99, result: {} },
      { id: null, result: {} },
      chunk("c"),
      { id: 2, result: { stopReason: "end_turn" } },
      chunk("LATE"),
      { id: 2, result: { stopReason: "refusal" } },
    );
    expect(await outcome).toEqual({ status: "completed", text: "abc" });
    // None of it is answered.
    expect([heard, acp.agent.turns]).toEqual([["a", "b", "c"], ["session/prompt"]]);
    await expectClean(acp);
  });

  it.each([
    ["max_tokens", "The agent stopped: the answer became too long (max_tokens)"],
    [
      "max_turn_requests",
      "The agent stopped: the turn needed too many requests to the model (max_turn_requests)",
    ],
    ["refusal", "The agent stopped: it refused to go on (refusal)"],
    ["tired", 'The agent stopped: for an unknown reason ("tired")'],
    [undefined, "The agent stopped: for an unknown reason (undefined)"],
  ])(
    "[S50, S76] that stops for %s is a failure and no empty answer; the agent stays",
    async (stopReason, message) => {
      const acp = new AcpSession();
      const { outcome } = await running(acp);
      await acp.agent.stop(stopReason ?? null);
      expect(await outcome).toMatchObject({
        status: "failed",
        failure: "provider",
        cancelled: false,
        error: { message: message.replace("undefined", "null") },
      });
      await expectClean(acp);
      expect(acp.agents).toHaveLength(1);
    },
  );

  it("[S49] that ends with an error is a failure with what it says; the agent is replaced and not asked again", async () => {
    const acp = new AcpSession();
    const { outcome } = await running(acp);
    await acp.agent.fail(-32603, "Internal error", { details: "Overloaded" });
    expect(await outcome).toMatchObject({
      status: "failed",
      failure: "provider",
      provider: { message: "Internal error: Overloaded", payload: { code: -32603 } },
    });
    expect(acp.agents.map(({ prompts }) => prompts)).toEqual([["work"], []]);
  });

  it("[S49] that ends with an error which says nothing is a failure with words all the same", async () => {
    const acp = new AcpSession();
    const { outcome } = await running(acp);
    await acp.agent.fail(-32603, "");
    expect(await outcome).toMatchObject({
      failure: "provider",
      error: { message: "the agent reported an error" },
    });
  });

  it("[S38] of which the agent could not read a message is no turn to wait for", async () => {
    for (const cancel of [false, true]) {
      const acp = new AcpSession();
      const { outcome, stop } = await running(acp);
      if (cancel) stop.abort();
      await acp.agent.say({ id: null, error: { code: -32700, message: "Parse error" } });
      expect(await outcome).toMatchObject({
        failure: "protocol",
        cancelled: cancel,
        error: { message: "The agent could not read a message: Parse error" },
      });
      expect(acp.agents).toHaveLength(2);
    }
  });

  it("answers requests that it cannot serve, whatever their id, turn or no turn", async () => {
    const acp = new AcpSession();
    const { outcome } = await running(acp);
    // The same number as that of the prompt: each side counts for itself.
    await acp.agent.say({ id: 2, method: "fs/read_text_file", params: { sessionId: "s-1", path: "/a" } });
    await acp.agent.stop();
    expect(await outcome).toMatchObject({ status: "completed", text: "begun" });
    await acp.agent.say({ id: "x", method: "terminal/create" });
    expect(acp.agent.process.received.slice(-2)).toMatchObject([
      { jsonrpc: "2.0", id: 2, error: { code: -32601 } },
      { jsonrpc: "2.0", id: "x", error: { code: -32601 } },
    ]);
    expect(acp.session.status().counters.dropped).toBe(0);
  });
});

describe("a cancel", () => {
  it("[S59, S61, S73, AH3] is one notification; the turn reads on to its boundary, and the next one is clean", async () => {
    const acp = new AcpSession();
    const heard: string[] = [];
    const { outcome, stop } = await running(acp, { onText: (text) => heard.push(text) });
    const watched = watch(outcome);
    await acp.agent.chunk(" and more");
    stop.abort("enough");
    await settle();
    expect(acp.agent.turns).toEqual(["session/prompt", "session/cancel"]);
    expect(acp.agent.process.received.at(-1)).toEqual({
      jsonrpc: "2.0",
      method: "session/cancel",
      params: { sessionId: "s-1" },
    });
    await acp.agent.chunk("REST");
    expect(watched.state).toBe("pending");
    await acp.agent.stop("cancelled");
    expect(watched.value).toEqual({
      status: "cancelled",
      sent: true,
      text: "begun and more",
      reason: "enough",
    });
    await acp.agent.chunk("LATE");
    await expectClean(acp);
    expect([heard, acp.agents.length]).toEqual([["begun", " and more"], 1]);
  });

  it.each([
    ["says that it came to its end", (acp: AcpSession) => acp.agent.stop("end_turn")],
    ["fails of it", (acp: AcpSession) => acp.agent.fail(-32603, "aborted")],
    ["speaks of a cancelled request", (acp: AcpSession) => acp.agent.fail(-32800, "Request cancelled")],
  ])("[S74, S76] is remembered by the host, though the agent %s", async (_, end) => {
    const acp = new AcpSession();
    const { outcome, stop } = await running(acp);
    stop.abort("enough");
    await end(acp);
    expect(await outcome).toMatchObject({ status: "cancelled", sent: true, reason: "enough" });
    await expectClean(acp);
    expect(acp.agents).toHaveLength(1);
  });

  it("[S63, S64] that the agent ignores ends it, however much it says meanwhile", async () => {
    const acp = new AcpSession(canLoad);
    const { outcome, stop } = await running(acp);
    const [first] = acp.agents;
    stop.abort("enough");
    await pass(4999);
    await acp.agent.chunk("on and on");
    await pass(1);
    expect(await outcome).toEqual({ status: "drainTimeout", afterMs: 5000, reason: "enough" });
    expect([first?.process.signals, acp.agents.length]).toEqual([["SIGKILL"], 2]);
    await first?.stop();
    await expectClean(acp);
  });

  it("[S65, S82] stands when the agent ends before the boundary", async () => {
    const acp = new AcpSession();
    const { outcome, stop } = await running(acp);
    stop.abort("enough");
    acp.agent.process.exit(9);
    expect(await outcome).toMatchObject({ status: "cancelled", sent: true, reason: "enough" });
    expect(acp.agents.map(({ prompts }) => prompts)).toEqual([["work"], []]);
  });

  it("[S67] goes out behind a message that has begun, and never into it", async () => {
    const acp = new AcpSession();
    const { outcome } = await running(acp);
    await acp.agent.stop();
    await outcome;
    const stop = new AbortController();
    acp.agent.process.stopReading();
    const next = acp.session.prompt("next", { ...worker, signal: stop.signal });
    await settle();
    stop.abort();
    acp.agent.process.read();
    await settle();
    expect(acp.agent.turns).toEqual(["session/prompt", "session/prompt", "session/cancel"]);
    await acp.agent.stop("cancelled");
    expect(await next).toMatchObject({ status: "cancelled", sent: true });
  });

  it("[S68, S69] before the message has begun sends nothing, and is no answer to the next one", async () => {
    const acp = new AcpSession();
    const answer = gate<PermissionAnswer>();
    const { outcome } = await running(acp, { onPermission: () => answer.promise });
    await acp.agent.ask(7);
    // The answer stays in the pipe, and the next message behind it.
    acp.agent.process.stopReading();
    await acp.agent.stop();
    await outcome;
    const stop = new AbortController();
    const next = acp.session.prompt("never", { ...worker, signal: stop.signal });
    await settle();
    stop.abort();
    expect(await next).toMatchObject({ status: "cancelled", sent: false });
    acp.agent.process.read();
    await expectClean(acp);
    expect(acp.agent.prompts).toEqual(["work", "next"]);
  });

  it.each([
    ["a stop reason", (acp: AcpSession) => acp.agent.stop("cancelled")],
    ["an error", (acp: AcpSession) => acp.agent.fail(-32800, "Request cancelled")],
  ])("[S76] by somebody else, told with %s, is no empty answer", async (_, end) => {
    const acp = new AcpSession();
    const { outcome } = await running(acp);
    await end(acp);
    expect(await outcome).toEqual({
      status: "cancelled",
      sent: true,
      text: "begun",
      reason: new Error("the agent says that the turn was cancelled"),
    });
    await expectClean(acp);
    expect(acp.agents).toHaveLength(1);
  });
});

describe("a question", () => {
  it.each([
    [true, '{"outcome":{"outcome":"selected","optionId":"yes"}}'],
    [false, '{"outcome":{"outcome":"selected","optionId":"no"}}'],
  ])("[S58] is passed on with its tool and input, and so is the answer (%s)", async (allow, said) => {
    const acp = new AcpSession();
    const onPermission = vi.fn(() => (allow ? { allow } : { allow, message: "no" }));
    const { outcome } = await running(acp, { onPermission });
    await acp.agent.ask(0);
    await acp.agent.stop();
    await outcome;
    expect(onPermission.mock.calls[0]).toMatchObject([{ tool: "Edit a file", input: { path: "/a" } }, {}]);
    expect(acp.agent.process.received.at(-1)).toMatchObject({ jsonrpc: "2.0", id: 0 });
    expect(acp.agent.turns).toEqual(["session/prompt", said]);
  });

  it("[S58] that is open at a cancel is answered as cancelled, behind it; so is one that comes later", async () => {
    const acp = new AcpSession();
    const { outcome, stop } = await running(acp, { onPermission: () => gate<PermissionAnswer>().promise });
    // Two ids.
    await acp.agent.ask(1);
    await acp.agent.ask("1");
    stop.abort();
    await acp.agent.ask(2);
    await acp.agent.stop();
    expect(await outcome).toMatchObject({ status: "cancelled" });
    expect(acp.agent.turns).toEqual(["session/prompt", "session/cancel", cancelled, cancelled, cancelled]);
    expect(acp.agent.process.received.slice(-3).map(({ id }) => id)).toEqual([1, "1", 2]);
  });

  it("[S58] that the agent takes back is answered once, as it wants it, and not a second time", async () => {
    const acp = new AcpSession();
    const answer = gate<PermissionAnswer>();
    let wanted: AbortSignal | undefined;
    const { outcome } = await running(acp, {
      onPermission: (_, signal) => {
        wanted = signal;
        return answer.promise;
      },
    });
    await acp.agent.ask(5);
    const takeBack = { method: "$/cancel_request", params: { requestId: 5 } };
    await acp.agent.say(takeBack, takeBack, { method: "$/cancel_request" });
    expect(wanted?.aborted).toBe(true);
    answer.open({ allow: true });
    await settle();
    await acp.agent.stop();
    await outcome;
    expect(acp.agent.process.received.slice(3)).toMatchObject([{ id: 5, error: { code: -32800 } }]);
  });

  it("[S58] outside of a turn, or of another session, is not left open either", async () => {
    const acp = new AcpSession();
    const { outcome } = await running(acp, { onPermission: () => ({ allow: true }) });
    await acp.agent.ask(6, "s-2");
    await acp.agent.stop();
    await outcome;
    await acp.agent.ask(7);
    expect(acp.agent.process.received.slice(-2)).toMatchObject([
      { id: 6, error: { code: -32002 } },
      { id: 7, result: { outcome: { outcome: "cancelled" } } },
    ]);
  });
});

describe("the option that is chosen", () => {
  const dialogue = driver(() => ({ command: "agent", args: [] })).converse(
    { command: "agent", args: [] },
    undefined,
  );
  /** The answer to a question with options of these kinds, which are also their ids. */
  const chosen = (answer: PermissionAnswer, kinds: unknown): unknown => {
    const options = Array.isArray(kinds)
      ? kinds.map((kind) => ({ optionId: kind as string, kind: kind as string }))
      : kinds;
    const frame = { id: 1, params: { options } };
    const { result } = dialogue.answer({ id: "1", tool: "t", input: {}, frame }, answer) as {
      readonly result: { readonly outcome: { readonly outcome: string; readonly optionId?: string } };
    };
    return result.outcome.optionId ?? result.outcome.outcome;
  };
  const all = ["reject_always", "reject_once", "allow_always", "allow_once"];
  const no = { allow: false, message: "no" } as const;

  it.each<[string, PermissionAnswer, unknown, string]>([
    ["yes, for this once", { allow: true }, all, "allow_once"],
    ["yes, for ever if there is no other", { allow: true }, ["reject_once", "allow_always"], "allow_always"],
    ["no, for this once", no, all, "reject_once"],
    ["no, for ever if there is no other", no, ["allow_once", "reject_always"], "reject_always"],
    ["no to what can only be allowed", no, ["allow_once"], "cancelled"],
    ["yes to what can only be rejected", { allow: true }, ["reject_once"], "cancelled"],
    [
      "no where another input is wanted, which the agent cannot be told",
      { allow: true, input: {} },
      all,
      "reject_once",
    ],
    ["none when the turn is over", { ...no, cancelled: true }, all, "cancelled"],
    ["none of no options", { allow: true }, undefined, "cancelled"],
  ])("[S58] is %s", (_, answer, kinds, expected) => {
    expect(chosen(answer, kinds)).toBe(expected);
  });
});

describe("Copilot", () => {
  const line = "Info: Operation cancelled by user";
  const copilot = {
    initialize: { result: { protocolVersion: 1, agentInfo: { name: "Copilot", version: "1" } } },
  };
  const said = async (
    acp: AcpSession,
    ...pieces: readonly string[]
  ): Promise<[Outcome, readonly string[]]> => {
    const heard: string[] = [];
    const outcome = acp.session.prompt("hello", { ...handler, onText: (text) => heard.push(text) });
    await settle();
    for (const piece of pieces) await acp.agent.chunk(piece);
    await acp.agent.stop();
    return [await outcome, heard];
  };

  it.each([
    ["alone", [line]],
    ["with an end", [`${line}\n`]],
    ["behind an answer", ["an answer\n", line]],
    ["behind one and in the same piece", [`an answer\n${line}\n`]],
    ["in pieces", ["an answer\nInfo: Operation can", "celled by user"]],
    ["behind a long answer", ["x".repeat(1000), `\n${line}`]],
  ])("[S77] says with a line of its own that a turn was cancelled: %s", async (_, pieces) => {
    const acp = new AcpSession(copilot);
    expect(await said(acp, ...pieces)).toMatchObject([{ status: "cancelled", sent: true, text: "" }, pieces]);
    // And the next turn has its own words.
    expect(await said(acp)).toEqual([{ status: "completed", text: "" }, []]);
    expect(acp.agents).toHaveLength(1);
  });

  it.each([
    ["in the middle", `a\n${line}\nis what it says`],
    ["as a part of a line", `x ${line}`],
    ["as the end of a long line", `${"x".repeat(1000)}${line}`],
  ])("[S77, S48] means nothing by it elsewhere: %s", async (_, text) => {
    const acp = new AcpSession(copilot);
    expect(await said(acp, ": ", text)).toMatchObject([{ status: "completed", text: `: ${text}` }, {}]);
  });

  it("[S77] puts words about itself among those of the model, which are left out", async () => {
    const acp = new AcpSession(copilot);
    const pieces = ["Info: one", "a", "Warning: two", "Error: three", "b", "in Error: four"];
    expect(await said(acp, ...pieces)).toEqual([
      { status: "completed", text: "abin Error: four" },
      ["a", "b", "in Error: four"],
    ]);
  });

  it.each([
    ["npx", "@github/copilot", "--acp"],
    ["npx", "@github/copilot@1.2.3", "--acp"],
    ["/usr/bin/copilot", "--acp"],
    ["C:\\bin\\Copilot.exe", "--acp"],
  ])("[S77] is known by its command too, if it does not say who it is: %s %s", async (command, ...args) => {
    const silent = new AcpSession({}, { driver: driver(() => ({ command, args })) });
    expect(await said(silent, line)).toMatchObject([{ status: "cancelled" }, {}]);
    const agentInfo = { name: "other", version: "1" };
    const other = new AcpSession(
      { initialize: { result: { protocolVersion: 1, agentInfo } } },
      { driver: driver(() => ({ command, args })) },
    );
    expect(await said(other, line)).toMatchObject([{ status: "completed", text: line }, {}]);
  });

  it.each([
    ["/home/copilot/bin/gemini", "--acp"],
    ["gemini", "--acp", "--rules", "no-copilot.md"],
    ["npx", "@github/copilot-like", "--acp"],
    ["copilot-proxy", "gemini"],
  ])("[S77] is not every command with its name in it: %s %s %s", async (command, ...args) => {
    const acp = new AcpSession({}, { driver: driver(() => ({ command, args })) });
    expect(await said(acp, line)).toMatchObject([{ status: "completed", text: line }, {}]);
  });

  it("[S77, S48] is no other: what others say is what they say", async () => {
    expect(await said(new AcpSession(), "Warning: a\n", line)).toMatchObject([
      { status: "completed", text: `Warning: a\n${line}` },
      {},
    ]);
  });
});
