import { listeners, settle, watch } from "@holdfast/conformance";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { RunnerRequest } from "../../src/flows/runners/runner.js";
import { SessionRunner } from "../../src/flows/runners/session-runner.js";
import { answering } from "../session/support/auto-agent.js";
import { fakeDriver, FakeProcess } from "../session/support/fake-agent.js";
import { begin } from "./support/run.js";
import { requestWith } from "./support/runner-request.js";

afterEach(() => {
  vi.useRealTimers();
});

/** A runner whose agents are fakes, and the agents that it has started. */
function withFakes(onStart?: (agent: FakeProcess) => void, takesModel = true) {
  const agents: FakeProcess[] = [];
  const runner = new SessionRunner({
    driver: fakeDriver,
    takesModel,
    start: (launch) => {
      const agent = new FakeProcess(1000 + agents.length, launch);
      agents.push(agent);
      onStart?.(agent);
      return agent;
    },
  });
  return { runner, agents };
}

/** A prompt that its agent has got. */
async function asked(given: Partial<RunnerRequest> = {}, takesModel = true) {
  const { runner, agents } = withFakes(undefined, takesModel);
  const { request, events } = requestWith(given);
  const reply = watch(runner.invoke(request));
  await settle();
  const [agent] = agents;
  if (agent === undefined) throw new Error("no agent was started");
  return { agent, agents, reply, events, gone: watch(agent.exited) };
}

/** A prompt that its agent has got, and that can be cancelled. */
async function cancellable() {
  const stop = new AbortController();
  const force = new AbortController();
  const begun = await asked({ signal: stop.signal, forced: force.signal });
  return { ...begun, stop, force, reason: new Error("enough") };
}

describe("an agent that is a process", () => {
  it("is there for one prompt, says its answer as it comes, and is gone with it", async () => {
    const { agent, agents, reply, events, gone } = await asked();
    expect([agent.launch.args, agent.prompts]).toEqual([[], ["hello"]]);
    await agent.text("h");
    await agent.text("i");
    const told = [
      { type: "stream_delta", text: "h" },
      { type: "stream_delta", text: "i" },
    ];
    expect(events).toEqual(told);
    await agent.result("hi");
    expect(events).toEqual(told);
    expect(reply.value).toEqual({ text: "hi", sessionId: "s-1" });
    expect([gone.state, agents.length]).toEqual(["fulfilled", 1]);
  });

  it("is waited for until it is gone", async () => {
    const { agent, reply, gone } = await asked();
    // The end of what it is told stays in the pipe, behind an answer.
    agent.stopReading();
    await agent.ask("1");
    await agent.result("hi");
    await settle();
    expect([gone.state, reply.state]).toEqual(["pending", "pending"]);
    agent.read();
    await settle();
    expect([gone.state, reply.state]).toEqual(["fulfilled", "fulfilled"]);
  });

  it("is given the model, and before the prompt all that is to be said before it", async () => {
    const { agent } = await asked({ model: "small", systemPrompt: "be kind", appendSystemPrompt: "always" });
    expect([agent.launch.args, agent.prompts]).toEqual([["small"], ["be kind\n\nalways\n\nhello"]]);
    await agent.result("hi");
  });

  it("is warned of if it cannot be told what its step asks for", async () => {
    const settings = { model: "small", provider: "p", tools: ["t"], sampling: { temperature: 1 } };
    const told = (words: string): object[] => [
      { type: "warning", text: `this agent cannot be told ${words}; it goes on without` },
    ];
    const one = await asked(settings);
    await one.agent.result("hi");
    expect(one.events).toEqual(told("provider, tools, sampling"));
    const other = await asked(settings, false);
    await other.agent.result("hi");
    expect(other.events).toEqual(told("model, provider, tools, sampling"));
  });

  it("need not have a name for its conversation", async () => {
    const { agent, reply } = await asked();
    await agent.result("hi");
    expect(reply.value).toEqual({ text: "hi", sessionId: null });
  });

  it("[P60] goes on with a conversation, without a word about it", async () => {
    const { agent, reply, events } = await asked({ conversation: { kind: "resume", sessionId: "s-1" } });
    expect(agent.launch.args).toEqual(["s-1"]);
    await agent.text("hi");
    await agent.result("hi");
    expect(reply.value).toEqual({ text: "hi", sessionId: "s-1" });
    expect(events).toEqual([{ type: "stream_delta", text: "hi" }]);
  });

  it("[P60] may go on with a conversation under another name", async () => {
    const conversation = { kind: "resume", sessionId: "s-0" } as const;
    const { agent, reply, events } = await asked({ conversation });
    await agent.text("hi");
    await agent.result("hi");
    expect(reply.value).toEqual({ text: "hi", sessionId: "s-1" });
    expect(events).toEqual([{ type: "stream_delta", text: "hi" }]);
  });

  it("[P63] a conversation that it does not know any more is a warning, and a new one", async () => {
    const conversation = { kind: "resume", sessionId: "s-0" } as const;
    const { agent, agents, reply, events } = await asked({ conversation, systemPrompt: "be kind" });
    const refused = "No conversation found with session ID: s-0";
    await agent.say({ type: "result", is_error: true, errors: [refused] });
    agent.exit(1);
    await settle();
    const next = agents[1];
    expect([next?.launch.args, next?.prompts]).toEqual([[], [expect.stringContaining("be kind\n\nhello")]]);
    await next?.text("hi");
    await next?.result("hi");
    expect(reply.value).toEqual({ text: "hi", sessionId: "s-1" });
    expect(events.at(-1)).toEqual({
      type: "warning",
      text: "the conversation s-0 is lost; it goes on in a new one",
    });
  });

  it("[P61] cannot copy a conversation: a branch is told what was said", async () => {
    const { runner, agents } = withFakes((agent) => {
      answering(agent, () => 0);
    });
    const { result } = begin(
      "  - {id: m, prompt: one}\n  - {id: a, prompt: two, async: true}\n  - {id: j, action: join, depends_on: [a]}",
      runner,
    );
    expect((await result).status).toBe("completed");
    expect(agents.map(({ launch, prompts }) => [launch.args, prompts])).toEqual([
      [[], ["one"]],
      [[], ["What was said before:\n\nUser: one\n\nAssistant: echo: one\n\nNow:\n\ntwo"]],
    ]);
  });

  it("asks before it does something, and hears why it may not", async () => {
    const answers = [{ allowed: true }, { allowed: false, reason: "too dear" }, { allowed: false }];
    const onPermission = vi.fn(() => Promise.resolve(answers.shift() ?? { allowed: false }));
    const { agent, reply } = await asked({ onPermission });
    const input = { command: "ls" };
    for (const id of ["1", "2", "3"]) {
      const request = { subtype: "can_use_tool", tool_name: "Bash", input };
      await agent.say({ type: "control_request", request_id: id, request });
    }
    expect(onPermission.mock.calls).toEqual(Array.from({ length: 3 }, () => [{ tool: "Bash", input }]));
    const heard = agent.received
      .slice(1)
      .map((frame) => (frame["response"] as { response: object }).response);
    expect(heard).toEqual([
      { behavior: "allow", updatedInput: input },
      { behavior: "deny", message: "too dear", interrupt: false },
      { behavior: "deny", message: "it is not allowed", interrupt: false },
    ]);
    await agent.result("done");
    expect(reply.state).toBe("fulfilled");
  });

  it("that fails says why, and is gone", async () => {
    const { agent, reply, gone } = await asked();
    await agent.say({ type: "result", is_error: true, result: "API Error: 500 down" });
    expect(reply.reason).toEqual(new Error("API error 500: down"));
    expect(gone.state).toBe("fulfilled");
  });

  it("that says nothing for too long is given up", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
    const { reply, gone } = await asked();
    await vi.advanceTimersByTimeAsync(1_800_000);
    await settle();
    expect(reply.reason).toEqual(new Error("the agent said nothing for 1800000 ms"));
    expect(gone.state).toBe("fulfilled");
  });
});

describe("an agent that is told to stop", () => {
  it("[P113] stops, and is gone when the cancel is over", async () => {
    const { agent, reply, gone, stop, reason } = await cancellable();
    stop.abort(reason);
    await settle();
    expect([agent.heard, reply.state]).toEqual([["user", "interrupt"], "pending"]);
    await agent.say(agent.ack, agent.interrupted);
    expect(reply.reason).toBe(reason);
    expect([gone.state, agent.signals]).toEqual(["fulfilled", []]);
  });

  it("[P113] may end instead: it was cancelled all the same", async () => {
    const { agent, reply, stop, reason } = await cancellable();
    stop.abort(reason);
    await settle();
    agent.exit(3);
    await settle();
    expect(reply.reason).toBe(reason);
  });

  it("[P114] that does not stop is killed when it is forced to", async () => {
    const { agent, agents, reply, gone, stop, force, reason } = await cancellable();
    stop.abort(reason);
    await settle();
    force.abort(reason);
    await settle();
    expect(reply.reason).toBe(reason);
    expect([gone.state, agent.signals, agents.length]).toEqual(["fulfilled", ["SIGKILL"], 1]);
  });

  it("[P114] that does not stop is killed after a time, also if nobody forces it", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
    const { agent, reply, stop, reason } = await cancellable();
    stop.abort(reason);
    await vi.advanceTimersByTimeAsync(5000);
    await settle();
    expect(reply.reason).toBe(reason);
    expect(agent.signals).toEqual(["SIGKILL"]);
  });

  it("[P168] before it was started is not started", async () => {
    const { runner, agents } = withFakes();
    const reason = new Error("enough");
    await expect(runner.invoke(requestWith({ signal: AbortSignal.abort(reason) }).request)).rejects.toBe(
      reason,
    );
    expect(agents).toEqual([]);
  });

  it("[P169] listens to nobody any more once it has answered", async () => {
    const { agent, stop, force } = await cancellable();
    expect([listeners(stop.signal), listeners(force.signal)]).toEqual([1, 1]);
    await agent.result("hi");
    expect([listeners(stop.signal), listeners(force.signal)]).toEqual([0, 0]);
  });
});
