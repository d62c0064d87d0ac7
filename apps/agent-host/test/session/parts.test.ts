import { gate, listeners, reasonOf, settle } from "@holdfast/conformance";
import { describe, expect, it, type Mock, vi } from "vitest";
import { AgentSlot } from "../../src/session/agent-slot.js";
import { acp } from "../../src/session/drivers/acp.js";
import { streamJson } from "../../src/session/drivers/stream-json.js";
import { killWithHost } from "../../src/session/host-exit.js";
import { defaultLimits } from "../../src/session/limits.js";
import { linkSignals, orAborted } from "../../src/session/linked-signal.js";
import { failed } from "../../src/session/outcome.js";
import { ReplyWatchdog } from "../../src/session/reply-watchdog.js";
import { Requests } from "../../src/session/requests.js";
import { Timers } from "../../src/session/timers.js";
import { bounded } from "../../src/session/tool-policy.js";
import { UnfitAgentError } from "../../src/session/unfit-agent-error.js";
import { FakeProcess } from "./support/fake-agent.js";

describe("the place of the agent", () => {
  const launch = { command: "agent", args: [] };
  interface Open {
    readonly slot: AgentSlot;
    readonly processes: FakeProcess[];
    readonly onChange: Mock<() => void>;
  }
  const open = (driver = streamJson(() => launch)): Open => {
    const processes: FakeProcess[] = [];
    const nothing = (): void => undefined;
    const onChange = vi.fn();
    const slot = new AgentSlot({
      driver,
      start: (launch) => {
        const process = new FakeProcess(processes.length, launch);
        processes.push(process);
        return process;
      },
      limits: defaultLimits,
      strict: true,
      log: nothing,
      onConversation: nothing,
      onSign: nothing,
      onChange,
    });
    return { slot, processes, onChange };
  };

  it("[S27] starts one agent, however many ask for it", async () => {
    const { slot, processes } = open();
    const [first, second] = await Promise.all([slot.ready(), slot.ready()]);
    expect([first === second, processes.length]).toEqual([true, 1]);
    await slot.close();
  });

  it("[S41] keeps the present one when an earlier one is taken away once more", async () => {
    const { slot } = open();
    const first = await slot.ready();
    await slot.discard(first.child, "wedged");
    const second = await slot.ready();
    await slot.discard(first.child, "still wedged");
    expect([slot.current === second, await slot.ready()]).toEqual([true, second]);
    expect(second.child.generation).toBe(first.child.generation + 1);
    await slot.close();
  });

  it("[S42] tells a turn at once that comes when the agent has ended meanwhile", async () => {
    const { slot, processes } = open();
    await slot.ready();
    processes[0]?.exit(3);
    await settle();
    const ended = vi.fn();
    slot.attach({ take: () => true, heard: () => undefined, ended });
    expect(ended.mock.calls).toMatchObject([[{ why: "ended", message: "The agent ended with exit code 3" }]]);
    await slot.close();
    await expect(slot.ready()).rejects.toThrow("The session is closed");
  });

  it("[S122] tells of each agent that comes, ends or is gone", async () => {
    const { slot, processes, onChange } = open();
    for (const step of [
      () => slot.ready(),
      async (): Promise<void> => {
        processes[0]?.exit(3);
        await settle();
      },
      async (): Promise<void> => {
        await slot.close();
        await settle();
      },
    ]) {
      onChange.mockClear();
      await step();
      expect(onChange).toHaveBeenCalledTimes(1);
    }
  });

  it.each([
    ["wedged", async (slot: AgentSlot) => slot.current && slot.discard(slot.current.child, "wedged")],
    ["it gets other settings", (slot: AgentSlot) => slot.configure({ model: "large" })],
    ["the session is closed", (slot: AgentSlot) => slot.close()],
  ])("[S57, S80] says to whoever waits for an agent why it was ended: %s", async (reason, end) => {
    const { slot } = open(acp(() => launch));
    const opening = reasonOf(slot.ready());
    await settle();
    const ended = end(slot);
    expect(await opening).toEqual(new Error(`It was ended: ${reason}`));
    await slot.close();
    await ended.catch(() => undefined);
  });
});

describe("timers", () => {
  it("are one by name: one that is started anew does not come twice", () => {
    vi.useFakeTimers();
    const timers = new Timers<string>();
    const fired: string[] = [];
    timers.after("a", 10, () => fired.push("first"));
    timers.after("a", 20, () => fired.push("second"));
    vi.advanceTimersByTime(100);
    expect([fired, vi.getTimerCount()]).toEqual([["second"], 0]);
    vi.useRealTimers();
  });
});

describe("tools", () => {
  it("[S136] that are not bounded, and those that nobody would allow, are left to whoever decides", async () => {
    const ask = vi.fn(() => ({ allow: true }) as const);
    expect(bounded({ handler: ["Read"] }, "worker", ask)).toBe(ask);
    expect(bounded({ handler: ["Read"] }, "handler", undefined)).toBeUndefined();
    const onPermission = bounded({ handler: ["Read", "Grep"] }, "handler", ask);
    const signal = new AbortController().signal;
    expect(await onPermission?.({ id: "1", tool: "Read", input: {} }, signal)).toEqual({ allow: true });
    expect(await onPermission?.({ id: "2", tool: "Bash", input: {} }, signal)).toEqual({
      allow: false,
      message: '"Bash" is not for a handler: it may use Read, Grep',
    });
    expect(ask).toHaveBeenCalledTimes(1);
  });
});

describe("the end of this process", () => {
  it("[AH5] ends all that still live, with one listener for as long as there are any", () => {
    const before = process.listeners("exit");
    const killed: string[] = [];
    const forget = ["a", "b", "c"].map((name) => killWithHost(() => killed.push(name)));
    forget[0]?.();
    const [listener, ...others] = process.listeners("exit").filter((each) => !before.includes(each));
    listener?.call(process, 0);
    expect([killed, others]).toEqual([["b", "c"], []]);
    for (const each of forget) each();
    expect(process.listeners("exit")).toEqual(before);
  });
});

describe("an error of ours", () => {
  it("has a cause only if there is one", () => {
    expect(Object.hasOwn(failed("closed", "closed").error, "cause")).toBe(false);
    expect(failed("closed", "closed", { cause: "why" }).error.cause).toBe("why");
  });

  it("has a name", () => {
    expect(String(new UnfitAgentError("no such agent"))).toBe("UnfitAgentError: no such agent");
  });
});

describe("requests to a child", () => {
  const limits = { opening: 60_000, brokenPipe: 500 };
  const request = { id: 0, name: "initialize", frame: {} };

  it("[S19] all end with it, also one that is asked then, and one whose write fails of it", async () => {
    vi.useFakeTimers();
    const written = gate();
    const requests = new Requests(limits, () => written.promise);
    const [open, gone] = [requests.ask(request), new Error("it ended")];
    requests.close(gone);
    requests.close(new Error("once more"));
    await expect(open).rejects.toBe(gone);
    await expect(requests.ask({ ...request, id: 1 })).rejects.toBe(gone);
    written.fail(new Error("EPIPE"));
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("[S54] are answered once, and an answer that nobody waits for is none", async () => {
    const requests = new Requests(limits, () => Promise.resolve());
    const open = requests.ask(request);
    expect([requests.answer(1, {}), requests.answer(0, { result: {} }), requests.answer(0, {})]).toEqual([
      false,
      true,
      false,
    ]);
    expect(await open).toEqual({ result: {} });
  });
});

describe("the watchdog", () => {
  it("[S117, S119] has one clock, for the last message and whoever sent it", () => {
    vi.useFakeTimers();
    const silent: string[] = [];
    const watchdog = new ReplyWatchdog<string>(1000, (holder) => silent.push(holder));
    watchdog.arm("one");
    vi.advanceTimersByTime(999);
    watchdog.arm("two");
    vi.advanceTimersByTime(999);
    expect(silent).toEqual([]);
    vi.advanceTimersByTime(10_000);
    expect(silent).toEqual(["two"]);
    watchdog.arm("three");
    watchdog.disarm();
    new ReplyWatchdog<string>(Infinity, () => undefined).arm("never");
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});

const rejected = (message: string): Promise<number> => Promise.reject(new Error(message));

describe("signals", () => {
  it("aborts with the first of several, for its reason, and then listens to none", () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const { signal } = linkSignals([first.signal, undefined, second.signal]);
    second.abort("two");
    first.abort("one");
    expect([signal.reason, listeners(first.signal), listeners(second.signal)]).toEqual(["two", 0, 0]);
  });

  it("is aborted from the beginning if one of them is", () => {
    const [first, second] = [new AbortController(), new AbortController()];
    second.abort("before");
    const { signal } = linkSignals([first.signal, second.signal]);
    expect([signal.aborted, signal.reason, listeners(first.signal)]).toEqual([true, "before", 0]);
  });

  it("waits for a promise or an abort, and leaves nothing behind", async () => {
    const stop = new AbortController();
    expect([await orAborted(Promise.resolve(1), stop.signal), listeners(stop.signal)]).toEqual([1, 0]);
    await expect(orAborted(rejected("no"), stop.signal)).rejects.toThrow("no");
    expect(listeners(stop.signal)).toBe(0);
    const late = gate<number>();
    const waiting = orAborted(late.promise, stop.signal);
    stop.abort();
    expect(await waiting).toBeUndefined();
    late.fail(new Error("nobody is there to hear it"));
    expect(await orAborted(rejected("nor this"), stop.signal)).toBeUndefined();
    await settle();
    expect(listeners(stop.signal)).toBe(0);
  });
});
