import { gate, listeners, settle } from "@holdfast/conformance";
import { describe, expect, it, vi } from "vitest";
import { AgentSlot } from "../../src/session/agent-slot.js";
import { streamJson } from "../../src/session/drivers/stream-json.js";
import { defaultLimits } from "../../src/session/limits.js";
import { linkSignals, orAborted } from "../../src/session/linked-signal.js";
import { ReplyWatchdog } from "../../src/session/reply-watchdog.js";
import { Requests } from "../../src/session/requests.js";
import { FakeProcess } from "./support/fake-agent.js";

describe("the place of the agent", () => {
  const open = (): { readonly slot: AgentSlot; readonly processes: FakeProcess[] } => {
    const processes: FakeProcess[] = [];
    const nothing = (): void => undefined;
    const slot = new AgentSlot({
      driver: streamJson(() => ({ command: "agent", args: [] })),
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
      onChange: nothing,
    });
    return { slot, processes };
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
