import { getEventListeners } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { Controller } from "../../src/flows/control/controller.js";
import { EventStream } from "../../src/flows/control/event-stream.js";
import { Call, UnresponsiveError } from "../../src/flows/pipelines/run/call.js";
import { Stamps, systemClock } from "../../src/flows/pipelines/run/clock.js";
import { Conversations } from "../../src/flows/pipelines/run/conversations.js";
import type { RunEvent } from "../../src/flows/pipelines/run/events.js";
import { Pause } from "../../src/flows/pipelines/run/pause.js";
import { type Keeper, Sinks } from "../../src/flows/pipelines/run/sinks.js";
import { Slots } from "../../src/flows/pipelines/run/slots.js";
import { ManualClock } from "./support/run.js";

const forever = new AbortController().signal;

describe("slots", () => {
  it("[P76] the lowest that waits is next, whoever came first", async () => {
    const slots = new Slots(1);
    const slot = await slots.acquire([0], forever);
    const order: number[] = [];
    const waiting = [3, 1, 2].map(async (index) => {
      const free = await slots.acquire([index], forever);
      order.push(index);
      free.release();
    });
    slot.release();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
    expect(slots.used).toBe(0);
  });

  it("[P77] [P78] who leaves between grant and start gives the slot back; releasing twice frees one", async () => {
    const slots = new Slots(1);
    const slot = await slots.acquire([0], forever);
    const stop = new AbortController();
    const waiting = slots.acquire([1], stop.signal);
    slot.release();
    slot.release();
    stop.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    expect(slots.used).toBe(0);
    const leaving = new AbortController();
    await slots.acquire([0], forever);
    const left = slots.acquire([1], leaving.signal);
    leaving.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    await expect(slots.acquire([2], AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
    expect(slots.used).toBe(1);
  });

  it("[P76] a step comes before those that it calls, and those before the step after it", async () => {
    const slots = new Slots(1);
    const slot = await slots.acquire([0], forever);
    const order: string[] = [];
    const waiting = [[2], [1, 3], [1, 0, 5], [1], [10], [1, 0]].map(async (index) => {
      const free = await slots.acquire(index, forever);
      order.push(index.join("."));
      free.release();
    });
    slot.release();
    await Promise.all(waiting);
    expect(order).toEqual(["1", "1.0", "1.0.5", "1.3", "2", "10"]);
  });

  it("[P77] one that is lent is somebody else's meanwhile, and comes back before the work is over", async () => {
    const slots = new Slots(1);
    const slot = await slots.acquire([0], forever);
    const other = slots.acquire([1], forever);
    const failure = new Error("broken");
    let isOver = false;
    const lent = slot
      .lend(async () => {
        await other;
        throw failure;
      })
      .finally(() => {
        isOver = true;
      });
    const rejected = expect(lent).rejects.toBe(failure);
    const others = await other;
    await new Promise(setImmediate);
    expect([slots.used, isOver]).toEqual([1, false]);
    others.release();
    await rejected;
    expect(slots.used).toBe(1);
    slot.release();
    expect(slots.used).toBe(0);
  });

  it("[P77] [P78] whoever is told to stop while it has lent its slot does not wait for it, and frees none", async () => {
    const slots = new Slots(1);
    const stop = new AbortController();
    const slot = await slots.acquire([0], stop.signal);
    const lent = slot.lend(() => Promise.resolve("done"));
    const other = await slots.acquire([1], forever);
    stop.abort(new Error("enough"));
    expect(await lent).toBe("done");
    slot.release();
    expect(slots.used).toBe(1);
    other.release();
    expect(slots.used).toBe(0);
  });
});

describe("a call", () => {
  const graces = { stop: 10, force: 5 };

  it("[P114] [P169] is told, then forced, then left alone; nothing stays behind", async () => {
    const clock = new ManualClock();
    const parent = new AbortController();
    const call = new Call(clock, graces);
    const left = call.run(parent.signal, undefined, () => new Promise<never>(() => undefined));
    parent.abort(new Error("stop"));
    expect([call.signal.aborted, call.forced.aborted]).toEqual([true, false]);
    clock.pass(10);
    expect(call.forced.aborted).toBe(true);
    clock.pass(5);
    await expect(left).rejects.toBeInstanceOf(UnresponsiveError);
    expect(clock.timers).toBe(0);
  });

  it("[P169] one that is over is not woken by others of the same parent, and leaves no timer", async () => {
    const clock = new ManualClock();
    const parent = new AbortController();
    const done = new Call(clock, graces);
    await done.run(parent.signal, 1000, () => Promise.resolve());
    parent.abort();
    expect(done.signal.aborted).toBe(false);
    expect(clock.timers).toBe(0);
  });

  it("[P114] [P169] one that is told to stop again, by another, has no more time for that", async () => {
    const clock = new ManualClock();
    const parent = new AbortController();
    const call = new Call(clock, graces);
    const left = call.run(parent.signal, 1000, () => new Promise<never>(() => undefined));
    clock.pass(1000);
    clock.pass(9);
    parent.abort(new Error("enough"));
    expect(call.signal.reason).toMatchObject({ message: "it took longer than 1 s (timeout_seconds)" });
    clock.pass(1);
    expect(call.forced.aborted).toBe(true);
    clock.pass(5);
    await expect(left).rejects.toBeInstanceOf(UnresponsiveError);
    expect(clock.timers).toBe(0);
  });

  it("[P168] one whose parent has ended before is not made", async () => {
    let calls = 0;
    const call = new Call(new ManualClock(), graces);
    const refused = call.run(AbortSignal.abort(new Error("over")), undefined, () =>
      Promise.resolve((calls += 1)),
    );
    await expect(refused).rejects.toThrow("over");
    expect(calls).toBe(0);
  });
});

it("[P114] [P169] the clock of the system calls after that time, and not what was taken back", () => {
  vi.useFakeTimers();
  try {
    const called: string[] = [];
    systemClock.after(1000, () => called.push("kept"));
    const takeBack = systemClock.after(1000, () => called.push("taken back"));
    takeBack();
    vi.advanceTimersByTime(999);
    expect(called).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(called).toEqual(["kept"]);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

it("[P143] [P174] stamps are as readers expect them, from 1970 on", () => {
  expect(new Stamps({ now: () => 0, after: () => () => undefined }).next()).toBe("1970-01-01T00:00:00.000Z");
});

it("[P60] [P173] a conversation has one speaker at a time, and who is told to stop leaves the queue", async () => {
  const conversations = new Conversations();
  const log: string[] = [];
  let end: (() => void) | undefined;
  const first = conversations.alone("s", forever, async () => {
    log.push("first");
    await new Promise<void>((resolve) => (end = resolve));
  });
  const stop = new AbortController();
  const second = conversations.alone("s", stop.signal, () => Promise.resolve(log.push("second")));
  const third = conversations.alone("s", forever, () => Promise.resolve(log.push("third")));
  stop.abort(new Error("gone"));
  await expect(second).rejects.toThrow("gone");
  end?.();
  await Promise.all([first, third]);
  expect(log).toEqual(["first", "third"]);
});

describe("a pause", () => {
  it("[P161] holds whoever comes, until it is over or they are told to stop", async () => {
    const pause = new Pause();
    pause.pause();
    pause.pause();
    const stop = new AbortController();
    const stopped = pause.whenOff(stop.signal);
    const waiting = pause.whenOff(forever);
    stop.abort(new Error("gone"));
    await expect(stopped).rejects.toThrow("gone");
    expect(pause.on).toBe(true);
    pause.resume();
    await waiting;
    await expect(pause.whenOff(AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  });

  it("[P161] holds nobody who was told to stop before they came", async () => {
    const pause = new Pause();
    pause.pause();
    await expect(pause.whenOff(AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
  });

  it("[P161] that is ended twice, or never began, is over", async () => {
    const pause = new Pause();
    pause.resume();
    pause.pause();
    pause.resume();
    pause.resume();
    expect(pause.on).toBe(false);
    await pause.whenOff(forever);
  });
});

it("[P169] whoever has come in, to a slot or out of a pause, listens to its signal no more", async () => {
  const { signal } = new AbortController();
  const [slots, pause] = [new Slots(1), new Pause()];
  const slot = await slots.acquire([0], forever);
  pause.pause();
  const waiting = [slots.acquire([1], signal), pause.whenOff(signal)];
  expect(getEventListeners(signal, "abort")).toHaveLength(2);
  slot.release();
  pause.resume();
  await Promise.all(waiting);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

describe("several that keep a log", () => {
  const event: RunEvent = { type: "step_skipped", stepId: "a", at: "" };
  const keeper = (name: string, fail: () => boolean): Keeper & { told: number } => ({
    name,
    told: 0,
    tell() {
      this.told += 1;
    },
    flushed: () => (fail() ? Promise.reject(new Error(`${name} is full`)) : Promise.resolve()),
  });

  it("[P145] one that fails is a warning, once; when the last one has failed, that is the error", async () => {
    let secondFails = false;
    const [one, two] = [keeper("one", () => true), keeper("two", () => secondFails)];
    const warnings: string[] = [];
    const sinks = new Sinks([one, two], [], (message) => warnings.push(message));
    sinks.tell(event);
    await sinks.flushed();
    sinks.tell(event);
    await sinks.flushed();
    expect(warnings).toEqual(["one: one is full"]);
    expect([one.told, two.told]).toEqual([1, 2]);
    secondFails = true;
    await expect(sinks.flushed()).rejects.toThrow("two is full");
    await expect(sinks.flushed()).rejects.toThrow("two is full");
    await new Sinks([], [], () => undefined).flushed();
  });

  it("[P145] one that has failed is not asked again, and is one warning also for those who waited together", async () => {
    let asked = 0;
    const full = keeper("one", () => (asked += 1) > 0);
    const warnings: string[] = [];
    const sinks = new Sinks([full, keeper("two", () => false)], [], (message) => warnings.push(message));
    await Promise.all([sinks.flushed(), sinks.flushed()]);
    await sinks.flushed();
    expect([asked, warnings]).toEqual([2, ["one: one is full"]]);
  });

  it("whoever looks on is told, whether it can be kept or not", async () => {
    const seen: RunEvent[] = [];
    const sinks = new Sinks([keeper("one", () => true)], [(told) => seen.push(told)], () => undefined);
    sinks.tell(event);
    await expect(sinks.flushed()).rejects.toThrow("one is full");
    sinks.tell(event);
    expect(seen).toEqual([event, event]);
  });
});

describe("a reader of events", () => {
  it("[P164] that reads nothing loses events with a warning, and holds nobody up", async () => {
    const warnings: string[] = [];
    const deaf = new Writable({ write: () => undefined });
    const stream = new EventStream(deaf, (message) => warnings.push(message));
    for (let n = 0; n < 20; n += 1) stream.write({ text: "x".repeat(1024 * 1024) });
    await Promise.resolve();
    await new Promise(setImmediate);
    expect(warnings).toEqual(["events are lost: the reader is too slow"]);
    deaf.destroy();
    await stream.close();
  });
});

describe("a controller", () => {
  const controller = (): { controller: Controller; asked: string[]; killed: string[] } => {
    const asked: string[] = [];
    const killed: string[] = [];
    return {
      asked,
      killed,
      controller: new Controller({
        pause: new Pause(),
        kill: ({ message }) => killed.push(message),
        onPermission: (stepId, requestId) => asked.push(`${stepId} ${requestId}`),
      }),
    };
  };

  it("[P157] an answer without a step is for the only gate, and for none of two", async () => {
    const { controller: human } = controller();
    const [one, two] = [human.atGate("a", undefined, forever), human.atGate("b", undefined, forever)];
    human.take({ type: "hitl_response", text: "whose?" });
    human.take({ type: "hitl_response", text: "yours", step_id: "b" });
    expect(await two).toBe("yours");
    human.take({ type: "hitl_response", text: 7 });
    human.take({ type: "hitl_response", text: "mine" });
    expect(await one).toBe("mine");
  });

  it("[P157] permissions have ids of their own; one may be for the session; who is told to stop is not asked any more", async () => {
    const { controller: human, asked } = controller();
    const request = { tool: "rm", input: {} };
    const stop = new AbortController();
    const [one, two] = [human.permission("a", request, forever), human.permission("b", request, stop.signal)];
    expect(asked).toEqual(["a permission-1", "b permission-2"]);
    human.take({ type: "permission_response", allowed: true });
    stop.abort(new Error("gone"));
    await expect(two).rejects.toThrow("gone");
    human.take({
      type: "permission_response",
      request_id: "permission-1",
      allowed: true,
      allow_for_session: true,
    });
    expect(await one).toEqual({ allowed: true, reason: undefined });
    expect(await human.permission("c", request, forever)).toEqual({ allowed: true });
    expect(asked).toHaveLength(2);
  });

  it("[P157] when nobody is there any more, questions fail", async () => {
    const { controller: human, killed } = controller();
    const input = new PassThrough();
    const reading = human.read(input);
    const open = human.atGate("a", undefined, forever);
    input.end("nonsense\n[1]\n7\n");
    await expect(open).rejects.toThrow("has gone");
    await reading;
    await expect(human.atGate("b", undefined, forever)).rejects.toThrow("has gone");
    expect(killed).toEqual([]);
  });

  it("[P161] a run that is paused when nobody is there any more is killed, for nobody could go on with it", async () => {
    const { controller: human, killed } = controller();
    const input = new PassThrough();
    const reading = human.read(input);
    input.end('{"type":"pause"}\n');
    await reading;
    expect(killed).toEqual([expect.stringContaining("has gone")]);
  });

  it("[P157] the last line may lack its end", async () => {
    const { controller: human } = controller();
    const input = new PassThrough();
    const reading = human.read(input);
    const open = human.atGate("a", undefined, forever);
    input.end('{"type":"hitl_response","text":"yes"}');
    expect(await open).toBe("yes");
    await reading;
  });
});
