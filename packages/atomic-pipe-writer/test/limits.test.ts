import { onEvent, reasonOf, settle, watch, watchAll } from "@holdfast/conformance";
import { describe, expect, it } from "vitest";
import {
  AtomicPipeWriter,
  type AtomicPipeWriterOptions,
  lines,
  type PipeLike,
  type SendOptions,
} from "../src/index.js";
import { TestPipe } from "./test-pipe.js";

function make(options: AtomicPipeWriterOptions<string> = {}): {
  pipe: TestPipe;
  writer: AtomicPipeWriter<string>;
} {
  const pipe = new TestPipe();
  return { pipe, writer: new AtomicPipeWriter<string>(pipe, { framing: lines, ...options }) };
}

const held = ({ queued }: AtomicPipeWriter<string>): number => queued.bytes + queued.inFlightBytes;

describe("room", () => {
  it("[S18, PW6] is never exceeded; who finds none waits for it, in order, as few as possible", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 10, maxBatchBytes: 4, maxSliceBytes: 4, join: false });
    const sends = watchAll(["a", "bb", "ccc", "dddd", "e"].map((text) => writer.send(text)));
    expect(writer.queued).toMatchObject({ messages: 3, bytes: 9, waiting: 2, waitingBytes: 7 });
    for (let step = 0; step < 20; step += 1) {
      await settle();
      pipe.take(1);
      expect(held(writer)).toBeLessThanOrEqual(10);
    }
    expect(sends.every(({ state }) => state === "fulfilled")).toBe(true);
    expect(pipe.text).toBe("a\nbb\nccc\ndddd\ne\n");
    expect(writer.queued.waiting).toBe(0);
  });

  it("[S18] is limited by messages too", async () => {
    const { pipe, writer } = make({ maxQueuedMessages: 2 });
    void writer.send("a");
    void writer.send("b");
    void writer.send("c");
    expect(writer.queued).toMatchObject({ messages: 2, waiting: 1 });
    pipe.flow();
    await writer.flush();
    expect(pipe.text).toBe("a\nb\nc\n");
  });

  it("[S18] of the control lane is its own: a full data lane cannot hold up an interrupt", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 4, maxControlBytes: 4, whenFull: "reject" });
    const data = watchAll([writer.send("abc"), writer.send("d")]);
    const control = watchAll([writer.control("!!!"), writer.control("!")]);
    await settle();
    expect(data[1]?.reason).toMatchObject({ code: "ERR_QUEUE_FULL", limit: 4 });
    expect(control[1]?.reason).toMatchObject({
      code: "ERR_QUEUE_FULL",
      message: "AtomicPipeWriter holds 1 messages of 4 bytes and has no room for 2 bytes more",
    });
    pipe.flow();
    await settle();
    expect([data[0]?.state, control[0]?.state, pipe.text]).toEqual(["fulfilled", "fulfilled", "!!!\nabc\n"]);
  });

  it("[S18] is taken by what is on its way too, and who finds none is told what takes it", async () => {
    const { writer } = make({ maxQueuedMessages: 2, whenFull: "reject", join: false });
    void writer.send("abc");
    await settle();
    void writer.send("def");
    expect(writer.queued).toMatchObject({ messages: 1, inFlight: 1 });
    expect(await reasonOf(writer.send("g"))).toMatchObject({
      code: "ERR_QUEUE_FULL",
      limit: 2,
      message: "AtomicPipeWriter holds 2 messages of 8 bytes and has no room for 2 bytes more",
    });
  });

  it("[S18] for control is waited for too, also where nothing else is sent", async () => {
    const { pipe, writer } = make({ maxControlBytes: 4 });
    const sends = watchAll([writer.control("abc"), writer.control("d")]);
    expect(writer.queued).toMatchObject({ control: 1, waiting: 1 });
    pipe.flow();
    await settle();
    expect([sends.map(({ state }) => state), pipe.text]).toEqual([["fulfilled", "fulfilled"], "abc\nd\n"]);
  });

  it("[S18] is not to be waited for by more than so many", async () => {
    const { pipe, writer } = make({ maxQueuedMessages: 1, maxWaiters: 2 });
    const sends = watchAll(["a", "b", "c", "d"].map((text) => writer.send(text)));
    await settle();
    expect(sends[3]?.reason).toMatchObject({ code: "ERR_QUEUE_FULL", limit: 2 });
    pipe.flow();
    await settle();
    expect(sends.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected"]);
  });

  it("[S8, S18] that an abort frees goes to whoever waits for it, in that step", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 8 });
    void writer.send("a");
    await settle();
    const abort = new AbortController();
    const big = watch(writer.send("12345", { signal: abort.signal }));
    const waits = writer.send("xyz");
    const small = writer.send("w");
    expect(writer.queued).toMatchObject({ messages: 1, waiting: 2 });
    abort.abort("gone");
    expect(writer.queued).toMatchObject({ messages: 2, bytes: 6, waiting: 0, waitingBytes: 0 });
    pipe.flow();
    await Promise.all([waits, small]);
    expect([big.reason, pipe.text]).toEqual(["gone", "a\nxyz\nw\n"]);
  });

  it("[S8] that somebody waits for and gives up lets those behind in", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 6 });
    void writer.send("a");
    await settle();
    const abort = new AbortController();
    const large = watch(writer.send("12345", { signal: abort.signal }));
    void writer.send("xy");
    expect(writer.queued).toMatchObject({ messages: 0, waiting: 2, waitingBytes: 9 });
    abort.abort("gone");
    expect(writer.queued).toMatchObject({ messages: 1, waiting: 0, waitingBytes: 0 });
    pipe.flow();
    await writer.flush();
    expect([large.reason, pipe.text]).toEqual(["gone", "a\nxy\n"]);
  });

  it("[S7, PW9] for a frame that never fits is refused before a byte is written", async () => {
    const { writer, pipe } = make({ maxFrameBytes: 4, maxControlBytes: 3, maxQueuedBytes: 10 });
    expect(await reasonOf(writer.send("éé"))).toMatchObject({
      name: "FrameError",
      code: "ERR_FRAME",
      fault: "limit",
      bytes: 5,
      message: "The frame takes 5 bytes, and AtomicPipeWriter takes frames of at most 4",
    });
    expect(await reasonOf(writer.control("abc"))).toMatchObject({ fault: "limit", bytes: 4 });
    expect(await reasonOf(make({ maxQueuedBytes: 3 }).writer.send("abc"))).toMatchObject({ fault: "limit" });
    expect(() => writer.trySend("abcd")).toThrow(/takes 5 bytes/);
    pipe.flow();
    await writer.send("abc");
    expect(pipe.text).toBe("abc\n");
  });

  it("writable says whether there is any", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 4 });
    expect(writer.writable).toBe(true);
    const send = writer.send("abc");
    expect(writer.writable).toBe(false);
    pipe.flow();
    await send;
    expect(writer.writable).toBe(true);
    void writer.end();
    expect(writer.writable).toBe(false);
  });
});

describe("cancelWaiters", () => {
  it("[S8] rejects all that is not started, with an error or with the reason given, and tells how many", async () => {
    const { pipe, writer } = make({ maxQueuedMessages: 5, join: false });
    const first = writer.send("first");
    await settle();
    const sends = ["a", "b", "c", "d", "e"].map((text) => reasonOf(writer.send(text)));
    const control = reasonOf(writer.control("!", { label: "stop" }));
    const batch = reasonOf(writer.batch(() => undefined));
    const flush = writer.flush();
    expect(writer.cancelWaiters()).toBe(7);
    expect(writer.queued).toMatchObject({ messages: 0, waiting: 0, inFlight: 1 });
    for (const error of await Promise.all([...sends, batch]))
      expect(error).toMatchObject({
        name: "AbortError",
        message: "Waiting for AtomicPipeWriter was canceled",
      });
    expect(await control).toMatchObject({
      code: "ERR_CANCELED",
      message: expect.stringMatching(
        /^Waiting for AtomicPipeWriter as "stop" was canceled after \d+ ms$/,
      ) as string,
    });
    pipe.flow();
    await Promise.all([first, flush]);
    void writer.send("x").catch(() => undefined);
    const reason = { mine: true };
    const other = reasonOf(writer.send("x", { label: "x" }));
    expect(writer.cancelWaiters(reason)).toBe(2);
    expect(await other).toBe(reason);
    expect(pipe.text).toBe("first\n");
  });

  it("[S32] from within an event of itself takes out each once", async () => {
    const { writer } = make({ join: false });
    const sends = ["a", "b", "c"].map((label) => reasonOf(writer.send(label, { label })));
    const stop = onEvent("abort", () => {
      writer.cancelWaiters();
    });
    try {
      writer.cancelWaiters("enough");
      expect(await sends[0]).toBe("enough");
      expect(await Promise.all(sends.slice(1))).toMatchObject([
        { code: "ERR_CANCELED" },
        { code: "ERR_CANCELED" },
      ]);
      await writer.flush();
    } finally {
      stop();
    }
  });

  it("[S32] leaves alone what is started from within one of its events", async () => {
    const { pipe, writer } = make({ join: false });
    void writer.send("first");
    await settle();
    const sends = ["a", "b"].map((label) => watch(writer.send(label, { label })));
    const stop = onEvent("abort", () => {
      pipe.take("first\n".length);
    });
    try {
      writer.cancelWaiters("enough");
    } finally {
      stop();
    }
    const flush = watch(writer.flush());
    await settle();
    expect([sends[0]?.reason, sends[1]?.state, flush.state]).toEqual(["enough", "pending", "pending"]);
    pipe.take();
    await settle();
    expect([sends[1]?.state, flush.state, pipe.text]).toEqual(["fulfilled", "fulfilled", "first\nb\n"]);
  });
});

describe("wrong input", () => {
  const stream = (): TestPipe => new TestPipe();
  const without = (name: keyof PipeLike): TestPipe => Object.assign(stream(), { [name]: undefined });
  it.each([
    ["options.framing must be a framing, received 5", TypeError, { framing: 5 }],
    ["options.framing.encode must be a function, received undefined", TypeError, { framing: {} }],
    ['options.maxFrameBytes must be a number, received "1"', TypeError, { maxFrameBytes: "1" }],
    [
      "options.maxFrameBytes must be a whole number from 1, or Infinity, received 0",
      RangeError,
      { maxFrameBytes: 0 },
    ],
    [
      "options.maxQueuedBytes must be a whole number from 1, or Infinity, received 1.5",
      RangeError,
      { maxQueuedBytes: 1.5 },
    ],
    [
      "options.maxQueuedMessages must be a whole number from 1, or Infinity, received -1",
      RangeError,
      { maxQueuedMessages: -1 },
    ],
    [
      "options.maxControlBytes must be a whole number from 1, or Infinity, received NaN",
      RangeError,
      { maxControlBytes: NaN },
    ],
    ["options.maxWaiters must be a number, received null", TypeError, { maxWaiters: null }],
    [
      "options.maxBatchBytes must be a whole number from 1, or Infinity, received 0",
      RangeError,
      { maxBatchBytes: 0 },
    ],
    [
      "options.maxSliceBytes must be a whole number from 1, or Infinity, received -5",
      RangeError,
      { maxSliceBytes: -5 },
    ],
    [
      "options.maxConsecutiveControl must be a whole number from 1, or Infinity, received 0",
      RangeError,
      { maxConsecutiveControl: 0 },
    ],
    [
      "options.stallTimeout must be a whole number from 1, or Infinity, received 0",
      RangeError,
      { stallTimeout: 0 },
    ],
    [
      "options.stallTimeout must be at most 2147483647 milliseconds, or Infinity, received 2147483648",
      RangeError,
      { stallTimeout: 2 ** 31 },
    ],
    ['options.whenFull must be "wait" or "reject", received "drop"', TypeError, { whenFull: "drop" }],
    ["options.join must be a boolean, received 1", TypeError, { join: 1 }],
    ["options.failOnStall must be a boolean, received 0", TypeError, { failOnStall: 0 }],
    [
      'options.detectForeignWrites must be a boolean, received "no"',
      TypeError,
      { detectForeignWrites: "no" },
    ],
    ["options.onStall must be a function, received 1", TypeError, { onStall: 1 }],
    ["options.onFailure must be a function, received [object Object]", TypeError, { onFailure: {} }],
    ["options.label must be a string, received 1", TypeError, { label: 1 }],
    ["options must be an object, received 7", TypeError, 7],
  ])("[S7] to the constructor: %s", (message, Kind, options) => {
    const make = (): unknown => new AtomicPipeWriter(stream(), options as never);
    expect(make).toThrow(new Kind(message));
  });

  it.each([
    ["null", null],
    ["a string", "stdin"],
    ["what cannot be written to", without("write")],
    ["what cannot be ended", without("end")],
    ["what tells nothing", without("on")],
    ["what cannot be told to stop telling", without("off")],
  ])("to the constructor: %s is no stream", (_what, value) => {
    expect(() => new AtomicPipeWriter(value as never)).toThrow(
      /^stream must be a Node Writable or a WritableStream/,
    );
  });

  it("to the constructor: a stream of objects", () => {
    const objects = Object.assign(stream(), { writableObjectMode: true });
    expect(() => new AtomicPipeWriter(objects)).toThrow(/^stream must take bytes, not objects/);
  });

  it.each([
    ["options must be an object, received 5", 5],
    ["options.signal must be an AbortSignal, received 5", { signal: 5 }],
    ['options.timeout must be a number, received "5"', { timeout: "5" }],
    ["options.timeout must be 0 to 2147483647 milliseconds, or Infinity, received -1", { timeout: -1 }],
    ["options.label must be a string, received 5", { label: 5 }],
    ["options.onStart must be a function, received 5", { onStart: 5 }],
  ])("to send, control and a batch's send, at once: %s", (message, options) => {
    const { writer } = make();
    const given = options as SendOptions;
    expect(() => writer.send("x", given)).toThrow(message);
    expect(() => writer.control("x", given)).toThrow(message);
    const batch = writer.dataLane.tryAcquire() as unknown as { send: typeof writer.send };
    expect(() => batch.send("x", given)).toThrow(message);
    expect(writer.queued.messages).toBe(0);
  });

  it("to the other methods, at once", () => {
    const { writer } = make();
    expect(() => writer.trySend("x", { lane: "fast" as never })).toThrow(
      new TypeError('options.lane must be "data" or "control", received "fast"'),
    );
    expect(() => writer.trySend("x", 5 as never)).toThrow(
      new TypeError("options must be an object, received 5"),
    );
    for (const run of [writer.batch.bind(writer), writer.dataLane.with.bind(writer.dataLane)])
      expect(() => run(5 as never)).toThrow(new TypeError("fn must be a function, received 5"));
    expect(() => writer.batch(() => 1, { timeout: -1 })).toThrow(RangeError);
    expect(() => writer.flush({ timeout: -1 })).toThrow(RangeError);
    expect(() => writer.end({ timeout: -1 })).toThrow(RangeError);
    expect(() => writer.close({ mode: "softly" as never })).toThrow(
      new TypeError('options.mode must be "drain" or "abort" or "destroy", received "softly"'),
    );
    expect(writer.closed).toBe(false);
  });
});

describe("one writer for a stream", () => {
  it("[S23] is shared by all who ask for it", async () => {
    const pipe = stream();
    const writer = AtomicPipeWriter.for(pipe, { framing: lines });
    expect(AtomicPipeWriter.for(pipe)).toBe(writer);
    const made = new TestPipe();
    const own = new AtomicPipeWriter(made);
    expect(AtomicPipeWriter.for(made)).toBe(own);
    pipe.flow();
    await writer.send("x");
    expect(pipe.text).toBe("x\n");
  });

  it("[S23] is all there may be, also once it is closed", () => {
    const pipe = stream();
    const writer = new AtomicPipeWriter(pipe);
    const again = (): unknown => new AtomicPipeWriter(pipe);
    expect(again).toThrow(/^stream must have no writer yet/);
    writer.destroy();
    expect(again).toThrow(TypeError);
    expect(pipe.listened).toBe(2);
  });

  it("[S23] is not made by a constructor that throws", () => {
    const pipe = stream();
    expect(() => new AtomicPipeWriter(pipe, { maxWaiters: 0 })).toThrow(RangeError);
    expect(new AtomicPipeWriter(pipe).closed).toBe(false);
  });

  function stream(): TestPipe {
    return new TestPipe();
  }
});
