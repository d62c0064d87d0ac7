// Real agents, on both sides of a change of the official SDK: its own example of 1.9.0, and one of ours on the version that the host uses.
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { gate } from "@holdfast/conformance";
import { acp } from "../../src/session/drivers/acp.js";
import type { Outcome } from "../../src/session/outcome.js";
import type { PromptOptions } from "../../src/session/session.js";
import { isAlive, isGone } from "../support/guard-process.js";
import { acpAgent } from "./support/scripted.js";
import { closeAll, type Opened, openSession } from "./support/sessions.js";

const example = fileURLToPath(new URL("examples/agent.js", import.meta.resolve("acp-example")));

afterAll(closeAll);

// They load the SDK, and a machine can be busy.
const patient = { timeout: 30_000 };
const worker = { kind: "worker" } as const;

function open(agent: string): Opened & { readonly pid: () => number } {
  const opened = openSession({ driver: acp(() => ({ command: process.execPath, args: [agent] })) });
  return { ...opened, pid: () => Number(opened.session.status().agent?.pid) };
}

/** A turn that has said something. */
async function begun(
  { session }: Opened,
  text: string,
  options: Partial<PromptOptions> = {},
): Promise<{ readonly outcome: Promise<Outcome>; readonly stop: AbortController }> {
  const stop = new AbortController();
  const said = gate();
  const outcome = session.prompt(text, {
    ...worker,
    signal: stop.signal,
    ...options,
    onText: () => {
      said.open();
    },
  });
  await said.promise;
  return { outcome, stop };
}

describe("an agent on the SDK of today", patient, () => {
  it("[AH4, S58] answers, and asks before it does something", async () => {
    const agent = open(acpAgent);
    expect(await agent.session.prompt("hello", worker)).toEqual({ status: "completed", text: "echo: hello" });
    const asked: string[] = [];
    const onPermission = ({ tool }: { readonly tool: string }): { readonly allow: true } => {
      asked.push(tool);
      return { allow: true };
    };
    expect(await agent.session.prompt("/edit", { ...worker, onPermission })).toMatchObject({
      text: "echo: /edit (yes)",
    });
    expect(await agent.session.prompt("/edit", worker)).toMatchObject({ text: "echo: /edit (no)" });
    expect(asked).toEqual(["Edit a file"]);
  });

  it("[S59, S51, AH3, AH5] is cancelled, killed and closed, and goes on with its conversation", async () => {
    const agent = open(acpAgent);
    const first = await begun(agent, "/silent");
    first.stop.abort("enough");
    expect(await first.outcome).toEqual({
      status: "cancelled",
      sent: true,
      text: "echo: /silent",
      reason: "enough",
    });
    const conversation = agent.session.status().conversation;
    const second = await begun(agent, "/silent");
    const pid = agent.pid();
    process.kill(pid, "SIGKILL");
    await isGone(pid);
    // It is asked once more, of another agent, and that one is cancelled.
    second.stop.abort();
    expect(await second.outcome).toMatchObject({ status: "cancelled" });
    expect(await agent.session.prompt("hello", worker)).toMatchObject({ text: "echo: hello" });
    expect([agent.session.status().conversation, agent.pid() === pid]).toEqual([conversation, false]);
    const last = agent.pid();
    await agent.session.close();
    expect(isAlive(last)).toBe(false);
  });
});

// Its turn lasts five seconds, so they run beside each other.
describe.concurrent("the example agent of the SDK", patient, () => {
  it("[AH4, S58] has a whole turn with the question in it", async ({ expect }) => {
    const agent = open(example);
    const heard: string[] = [];
    const asked: unknown[] = [];
    const outcome = await agent.session.prompt("hello", {
      ...worker,
      onText: (text) => heard.push(text),
      onPermission: ({ tool, input }) => {
        asked.push(tool, input);
        return { allow: true };
      },
    });
    expect(outcome).toEqual({ status: "completed", text: heard.join("") });
    expect(heard.map((text) => text.trim().slice(0, 8))).toEqual(["I'll hel", "Now I un", "Perfect!"]);
    expect(asked).toMatchObject([
      "Modifying critical configuration file",
      { path: expect.any(String) as string },
    ]);
  });

  it("[S59, S73, AH3] is cancelled in mid-turn, and the next turn is clean", async ({ expect }) => {
    const agent = open(example);
    const first = await begun(agent, "one");
    const pid = agent.pid();
    first.stop.abort("enough");
    expect(await first.outcome).toMatchObject({ status: "cancelled", sent: true, reason: "enough" });
    const second = await begun(agent, "two");
    second.stop.abort();
    expect(await second.outcome).toMatchObject({
      status: "cancelled",
      text: expect.stringMatching(/^I'll help[^I]*$/) as string,
    });
    expect(agent.pid()).toBe(pid);
  });

  it("[S58, S74] is cancelled while it asks, although it says that it came to its end", async ({
    expect,
  }) => {
    const agent = open(example);
    const asked = gate();
    let wanted: AbortSignal | undefined;
    const { outcome, stop } = await begun(agent, "hello", {
      onPermission: (_, signal) => {
        wanted = signal;
        asked.open();
        return gate<never>().promise;
      },
    });
    await asked.promise;
    stop.abort("enough");
    expect(await outcome).toMatchObject({ status: "cancelled", sent: true, reason: "enough" });
    expect([wanted?.aborted, agent.session.status().agent?.usable]).toEqual([true, true]);
  });

  it("[S81, AH2, AH5] is killed in mid-turn: another one is asked, in a conversation of its own", async ({
    expect,
  }) => {
    const agent = open(example);
    const again = gate();
    const { outcome, stop } = await begun(agent, "hello", {
      onRetry: () => {
        again.open();
      },
    });
    const [pid, conversation] = [agent.pid(), agent.session.status().conversation];
    process.kill(pid, "SIGKILL");
    await again.promise;
    await isGone(pid);
    stop.abort();
    expect(await outcome).toMatchObject({ status: "cancelled" });
    const next = await begun(agent, "hello");
    expect(agent.session.status().conversation).not.toBe(conversation);
    expect(agent.session.status().counters.dropped).toBeGreaterThan(0);
    next.stop.abort();
    await next.outcome;
    const last = agent.pid();
    await agent.session.close();
    await isGone(last);
  });
});
