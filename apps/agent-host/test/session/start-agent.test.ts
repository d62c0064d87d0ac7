import { type ChildProcess, spawn } from "node:child_process";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type AgentProcess, startAgent } from "../../src/session/agent-process.js";

vi.mock(import("node:child_process"), async (original) => {
  const actual = await original();
  return { ...actual, spawn: vi.fn(actual.spawn) as unknown as typeof actual.spawn };
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A process that runs that script, and nothing else. */
const started = (script: string): AgentProcess =>
  startAgent({ command: process.execPath, args: ["-e", script] });
const forever = "setInterval(() => {}, 1000)";

describe("a process that is started", () => {
  it("[AH5] takes with it what it has left in its group, and after that nobody is told anything", async () => {
    const kill = vi.spyOn(process, "kill");
    const agent = started("");
    expect(await agent.exited).toEqual({ how: "ended with exit code 0", code: 0 });
    expect(kill.mock.calls).toEqual([[-Number(agent.pid), "SIGKILL"]]);
    // Its number may be somebody else's by now.
    agent.signal("SIGTERM");
    expect(kill).toHaveBeenCalledTimes(1);
  });

  it("[S20] and cannot be is told nothing either", async () => {
    const kill = vi.spyOn(process, "kill");
    const agent = startAgent({ command: "/no/such/agent", args: [] });
    agent.signal("SIGTERM");
    expect(await agent.exited).toMatchObject({ code: 127, unstarted: { code: "ENOENT" } });
    expect(kill).not.toHaveBeenCalled();
  });

  it("[S42] has not ended of an error that comes later, and ends as a shell would say it", async () => {
    const agent = started(forever);
    const child = vi.mocked(spawn).mock.results.at(-1)?.value as ChildProcess;
    child.emit("error", new Error("kill EPERM"));
    agent.signal("SIGKILL");
    expect(await agent.exited).toEqual({ how: "was ended by SIGKILL", code: 137 });
  });

  it("[AH5] is ended by force when this one exits", async () => {
    const before = process.listeners("exit");
    const agent = started(forever);
    const [listener] = process.listeners("exit").filter((each) => !before.includes(each));
    listener?.call(process, 0);
    expect(await agent.exited).toEqual({ how: "was ended by SIGKILL", code: 137 });
  });
});
