import { reasonOf, settle, watch, watchAll } from "@holdfast/conformance";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  AtomicPipeWriter,
  type AtomicPipeWriterOptions,
  isLockError,
  lines,
  PipeClosedError,
  type QueueStats,
} from "../src/index.js";
import { TestPipe } from "./test-pipe.js";
import { catchUncaught } from "./uncaught.js";

function make(options: AtomicPipeWriterOptions<string> = {}): {
  pipe: TestPipe;
  writer: AtomicPipeWriter<string>;
} {
  const pipe = new TestPipe();
  return { pipe, writer: new AtomicPipeWriter<string>(pipe, { framing: lines, ...options }) };
}

const none = {
  messages: 0,
  bytes: 0,
  control: 0,
  waiting: 0,
  waitingBytes: 0,
  inFlight: 0,
  inFlightBytes: 0,
};

describe("when the stream fails", () => {
  it("[S12, PW1, PW3, PW4, PW7] in a large message, it is partial, all behind it are not started, later ones are refused", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 4, maxSliceBytes: 4 });
    const sends = watchAll([
      writer.send("a long message"),
      writer.send("behind"),
      writer.send("behind too", { label: "labelled" }),
      writer.control("urgent"),
    ]);
    await settle();
    pipe.take(7 + 6);
    const cause = new Error("write EPIPE");
    pipe.break(cause);
    expect(writer.queued).toEqual(none);
    await settle();
    expect(sends.map(({ reason }) => (reason as PipeClosedError | undefined)?.delivered)).toEqual([
      "partial",
      "no",
      "no",
      undefined,
    ]);
    for (const { reason } of sends.slice(0, 3))
      expect(reason).toMatchObject({
        name: "PipeClosedError",
        code: "ERR_PIPE_CLOSED",
        failure: "error",
        cause,
      });
    expect(pipe.text).toBe("urgent\na long");
    const late = await reasonOf(writer.send("late"));
    expect(late).toMatchObject({ delivered: "no", failure: "error", cause });
    expect(await reasonOf(writer.control("late"))).not.toBe(late);
    expect(pipe.writes.join("")).not.toContain("behind");
    expect([writer.closed, writer.writable, writer.failure?.delivered]).toEqual([true, false, "partial"]);
  });

  it("[S12] says in words what is known, and of whom", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 4, maxSliceBytes: 4, label: "child" });
    const sends = [
      writer.send("a long message", { label: "first" }),
      writer.send("behind", { label: "second" }),
      writer.send("last"),
    ].map(reasonOf);
    await settle();
    pipe.take(4);
    pipe.break();
    expect((await Promise.all(sends)).map((error) => (error as Error).message)).toEqual([
      'AtomicPipeWriter "child" as "first" has failed (write EPIPE): a part of the message was written',
      'AtomicPipeWriter "child" as "second" has failed (write EPIPE): nothing of the message was written',
      'AtomicPipeWriter "child" has failed (write EPIPE): nothing of the message was written',
    ]);
    expect(isLockError(writer.failure, "ERR_PIPE_CLOSED")).toBe(true);
    const other = make().writer;
    other.destroy();
    expect(other.failure?.message).toBe("AtomicPipeWriter was closed: nothing of the message was written");
  });

  it("[S13, S15, PW4] in a write of several, none of them is called written, and none is called unwritten", async () => {
    const { pipe, writer } = make();
    const sends = watchAll(["a", "b", "c"].map((text) => writer.send(text, { label: text })));
    await settle();
    const behind = watch(writer.send("d"));
    pipe.take(3); // all of a, and a part of b
    pipe.break();
    await settle();
    expect(sends.map(({ reason }) => (reason as PipeClosedError).delivered)).toEqual([
      "unknown",
      "unknown",
      "unknown",
    ]);
    expect(behind.reason).toMatchObject({ delivered: "no" });
    expect(new Set(sends.map(({ reason }) => reason)).size).toBe(3);
  });

  it("[S13] in the last piece of a large message, all of it may have arrived", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 4, maxSliceBytes: 4 });
    const send = reasonOf(writer.send("abcdefg"));
    await settle();
    pipe.take(5);
    pipe.destroyAsNode20();
    expect(await send).toMatchObject({ delivered: "unknown", failure: "destroyed" });
  });

  it("[S13] in the first piece of a large message, nothing of it may have arrived", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 4, maxSliceBytes: 4 });
    const send = reasonOf(writer.send("abcdefg"));
    await settle();
    pipe.break();
    expect(await send).toMatchObject({ delivered: "unknown" });
  });

  it("[S14, PW4] by being destroyed, a callback that says ok is not believed", async () => {
    const { pipe, writer } = make();
    const send = reasonOf(writer.send("x".repeat(1000)));
    await settle();
    pipe.take(10);
    pipe.destroyAsNode20();
    expect(await send).toMatchObject({ delivered: "unknown", failure: "destroyed" });
  });

  it("[S14] with an error on record, a callback that says ok is not believed either", async () => {
    const { pipe, writer } = make();
    const send = reasonOf(writer.send("x"));
    await settle();
    pipe.errored = new Error("EPIPE");
    pipe.take();
    expect(await send).toMatchObject({ delivered: "unknown", failure: "error", cause: pipe.errored });
  });

  it("[S14] with a write that is canceled, somebody has destroyed it", async () => {
    const { pipe, writer } = make();
    const send = reasonOf(writer.send("x"));
    await settle();
    const cause = Object.assign(new Error("canceled"), { code: "ECANCELED" });
    pipe.callBack(cause);
    expect(await send).toMatchObject({ delivered: "unknown", failure: "destroyed", cause });
  });

  it("[S13, S20] before anything is written, all is known to be unwritten", async () => {
    for (const spoil of [
      (pipe: TestPipe) => (pipe.destroyed = true),
      (pipe: TestPipe) => (pipe.writable = false),
      (pipe: TestPipe) => (pipe.writableEnded = true),
      (pipe: TestPipe) => (pipe.errored = new Error("ENOENT")),
    ]) {
      const { pipe, writer } = make();
      const send = reasonOf(writer.send("x"));
      spoil(pipe);
      expect(await send).toMatchObject({ delivered: "no" });
      expect(pipe.writes).toEqual([]);
    }
  });

  it("[S19, PW3] everybody who waits for a turn, for room or for a flush is settled in that step, in order", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 20 });
    const order: string[] = [];
    const note = (name: string, promise: Promise<unknown>): void => {
      promise.catch(() => order.push(name));
    };
    note("first", writer.send("x".repeat(9), { label: "1" }));
    await settle();
    note("second", writer.send("x".repeat(9), { label: "2" }));
    for (let index = 0; index < 30; index += 1) note(`parked ${index}`, writer.send("y"));
    note(
      "batch",
      writer.batch(() => undefined),
    );
    note("flush", writer.flush());
    note("end", writer.end());
    expect(writer.queued).toMatchObject({ waiting: 30, waitingBytes: 60 });
    pipe.break();
    expect(writer.queued).toEqual(none);
    await settle();
    expect(order.filter((name) => name !== "batch")).toEqual([
      "first",
      "second",
      ...Array.from({ length: 30 }, (_, index) => `parked ${index}`),
      "flush",
      "end",
    ]);
    expect(order).toContain("batch");
  });

  it("[S20] an error event without a write fails the pipe, and is not uncaught", async () => {
    const told: unknown[] = [];
    const { pipe, writer } = make({ onFailure: (error) => told.push(error) });
    pipe.emit("error", new Error("ECONNRESET"));
    pipe.emit("error", new Error("another"));
    pipe.close();
    expect(writer.failure).toMatchObject({
      failure: "error",
      delivered: "no",
      message: /ECONNRESET/ as never,
    });
    expect(told).toEqual([writer.failure]);
    await expect(writer.send("x")).rejects.toMatchObject({ delivered: "no" });
  });

  it("[S20] a close without an error fails it too", () => {
    const { pipe, writer } = make();
    pipe.close();
    expect(writer.failure).toMatchObject({ failure: "destroyed" });
    expect(writer.failure).not.toHaveProperty("cause");
  });

  it("[S20] a close tells of an error that nobody has told of", () => {
    const { pipe, writer } = make();
    pipe.errored = new Error("ECONNRESET");
    pipe.close();
    expect(writer.failure).toMatchObject({ failure: "destroyed", cause: pipe.errored });
  });

  it("[PW7] a write that throws fails the pipe", async () => {
    const { pipe, writer } = make();
    const cause = new Error("thrown");
    pipe.write = () => {
      throw cause;
    };
    expect(await reasonOf(writer.send("x"))).toMatchObject({
      delivered: "unknown",
      failure: "error",
      cause,
    });
  });

  it("[PW3] callbacks that come late, or twice, change nothing", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 2, maxSliceBytes: 2 });
    const callbacks: ((error?: Error | null) => void)[] = [];
    pipe.write = (chunk, callback) => {
      pipe.writes.push(String(chunk));
      pipe.bytesWritten += chunk.length;
      callbacks.push(callback);
      return true;
    };
    const sends = watchAll(["a", "b", "c"].map((text) => writer.send(text, { label: text })));
    await settle();
    callbacks[0]?.();
    callbacks[0]?.();
    callbacks[0]?.(new Error("late"));
    await settle();
    expect(pipe.writes).toHaveLength(2);
    expect(sends.map(({ state }) => state)).toEqual(["fulfilled", "pending", "pending"]);
    writer.destroy();
    callbacks[1]?.();
    await settle();
    expect(pipe.writes).toHaveLength(2);
    expect(sends.map(({ state }) => state)).toEqual(["fulfilled", "rejected", "rejected"]);
  });

  it("[PW7] a send from within the hook, or after it, is refused", async () => {
    const inner: Promise<unknown>[] = [];
    const { pipe, writer } = make({
      onFailure: () => {
        inner.push(reasonOf(writer.send("again")));
        expect(writer.trySend("again")).toBe(false);
      },
    });
    void writer.send("x").catch(() => undefined);
    await settle();
    pipe.break();
    expect(await inner[0]).toMatchObject({ delivered: "no" });
    expect(pipe.writes).toEqual(["x\n"]);
  });

  it("[S6, PW3] a framing that destroys the pipe does not leave its message behind", async () => {
    const pipe = new TestPipe();
    const writer: AtomicPipeWriter<string> = new AtomicPipeWriter<string>(pipe, {
      framing: {
        encode: (text) => {
          writer.destroy();
          return text;
        },
      },
    });
    expect(await reasonOf(writer.send("x"))).toMatchObject({ failure: "closed", delivered: "no" });
    expect(writer.queued).toEqual(none);
    const other: AtomicPipeWriter<string> = new AtomicPipeWriter<string>(new TestPipe(), {
      framing: {
        encode: (text) => {
          other.destroy();
          return text;
        },
      },
    });
    expect(other.trySend("x")).toBe(false);
    expect(other.queued).toEqual(none);
  });
});

describe("listeners", () => {
  it("[S19, PW8] are one for each of two events, however much is sent, and none afterwards", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 100 });
    for (let index = 0; index < 500; index += 1) void writer.send("x".repeat(20)).catch(() => undefined);
    await settle();
    expect([pipe.listeners.error.size, pipe.listeners.close.size, pipe.listened]).toEqual([1, 1, 2]);
    pipe.break();
    expect([pipe.listeners.error.size, pipe.listeners.close.size, pipe.listened]).toEqual([0, 0, 2]);
    await settle();
  });

  it("[S20] stay after a failure until the stream is closed: the event comes after the callback", async () => {
    const { pipe, writer } = make();
    const send = reasonOf(writer.send("x"));
    await settle();
    const cause = new Error("EPIPE");
    pipe.callBack(cause);
    expect(await send).toMatchObject({ cause });
    expect(pipe.listeners.error.size).toBe(1);
    pipe.emit("error", cause);
  });
});

describe("writes by others", () => {
  it("[S22] fail the pipe before the next frame, and nothing of that is written", async () => {
    const { pipe, writer } = make();
    pipe.flow();
    await writer.send("ours");
    pipe.write("theirs", () => undefined);
    expect(await reasonOf(writer.send("next"))).toMatchObject({ failure: "foreign-write", delivered: "no" });
    expect(pipe.text).toBe("ours\ntheirs");
  });

  it("[S22] between two slices of a frame make it partial", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 4, maxSliceBytes: 4 });
    const send = reasonOf(writer.send("a long one"));
    await settle();
    pipe.write("theirs", () => undefined);
    pipe.take(4);
    expect(await send).toMatchObject({ failure: "foreign-write", delivered: "partial" });
    pipe.take();
    expect(pipe.text).toBe("a lotheirs");
  });

  it("[S22] are seen by what is buffered, where the stream counts nothing", async () => {
    const { pipe, writer } = make();
    Object.defineProperty(pipe, "bytesWritten", { get: () => undefined, set: () => undefined });
    for (const text of ["ours", "ours too"]) {
      const send = writer.send(text);
      await settle();
      pipe.take();
      await send;
    }
    pipe.write("theirs", () => undefined);
    expect(await reasonOf(writer.send("next"))).toMatchObject({ failure: "foreign-write" });
  });

  it("[S22] that came before the writer are none", async () => {
    const pipe = new TestPipe();
    pipe.write("before ", () => undefined);
    const writer = new AtomicPipeWriter(pipe);
    pipe.flow();
    await writer.send("ours");
    await writer.send(" again");
    expect(pipe.text).toBe("before ours again");
    pipe.write("theirs", () => undefined);
    await expect(writer.send("next")).rejects.toMatchObject({ failure: "foreign-write" });
    const counted = new TestPipe();
    counted.flow();
    counted.write("before ", () => undefined);
    await new AtomicPipeWriter(counted).send("ours");
    expect(counted.text).toBe("before ours");
  });

  it("[S22] are let pass where that is asked for", async () => {
    const { pipe, writer } = make({ detectForeignWrites: false });
    pipe.flow();
    await writer.send("ours");
    pipe.write("theirs\n", () => undefined);
    await writer.send("next");
    expect(pipe.text).toBe("ours\ntheirs\nnext\n");
  });

  it("[S22] are not suspected where characters have several bytes", async () => {
    const pipe = new TestPipe();
    const writer = new AtomicPipeWriter(pipe);
    pipe.flow();
    for (const text of ["é", "日本", "🎉", "\ud83c", "\udf89", ["a\ud83c", "\udf89b"].join("")])
      await writer.send(text);
    await Promise.all([writer.send("x\ud83c"), writer.send("\udf89y")]);
    expect(pipe.text).toBe("é日本🎉\ufffd\ufffda🎉bx\ufffd\ufffdy");
  });
});

describe("a stall", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  it("[S16, PW11] is told with the figures, and is a failure: nobody waits for ever", async () => {
    const stalls: QueueStats[] = [];
    const { pipe, writer } = make({ stallTimeout: 1000, onStall: (queued) => stalls.push(queued) });
    const first = reasonOf(writer.send("first"));
    await settle();
    const second = reasonOf(writer.send("second"));
    vi.advanceTimersByTime(999);
    expect(stalls).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(stalls).toEqual([{ ...none, messages: 1, bytes: 7, inFlight: 1, inFlightBytes: 6 }]);
    expect(await first).toMatchObject({ failure: "stalled", delivered: "unknown" });
    expect(await second).toMatchObject({ failure: "stalled", delivered: "no" });
    pipe.flow();
    expect(pipe.writes).toEqual(["first\n"]);
  });

  it("[S16, PW11] is found at the end of the stream too", async () => {
    const { pipe, writer } = make({ stallTimeout: 1000 });
    pipe.flow();
    void writer.send("all");
    const end = reasonOf(writer.end());
    await settle();
    expect(pipe.ended).toBe(true);
    vi.advanceTimersByTime(1000);
    expect(await end).toMatchObject({ failure: "stalled", delivered: "no" });
  });

  it("[S16] at the end of the stream is told again and again, and endured, where that is asked for", async () => {
    let stalls = 0;
    const { pipe, writer } = make({ stallTimeout: 1000, failOnStall: false, onStall: () => (stalls += 1) });
    const end = writer.end();
    await settle();
    vi.advanceTimersByTime(3500);
    expect(stalls).toBe(3);
    pipe.finish();
    await end;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("[S16] is no stall as long as something is taken now and then", async () => {
    const { pipe, writer } = make({ stallTimeout: 1000, maxBatchBytes: 4, maxSliceBytes: 4 });
    const send = writer.send("x".repeat(39));
    await settle();
    for (let step = 0; step < 10; step += 1) {
      vi.advanceTimersByTime(900);
      pipe.take(4);
    }
    await send;
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(10_000);
    expect(writer.failure).toBeUndefined();
  });

  it("[S16] is told again and again, and endured, where that is asked for", async () => {
    let stalls = 0;
    const { pipe, writer } = make({ stallTimeout: 1000, failOnStall: false, onStall: () => (stalls += 1) });
    const send = writer.send("x");
    await settle();
    vi.advanceTimersByTime(3500);
    expect(stalls).toBe(3);
    pipe.flow();
    await send;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("[S16] whose hook destroys the pipe leaves no timer", async () => {
    const { writer } = make({
      stallTimeout: 10,
      failOnStall: false,
      onStall: () => {
        writer.destroy();
      },
    });
    const send = reasonOf(writer.send("x"));
    await settle();
    vi.advanceTimersByTime(10);
    expect(await send).toMatchObject({ failure: "closed" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("[S16] leaves no timer where the pipe is destroyed during a write", async () => {
    const { writer } = make({ stallTimeout: 10 });
    const send = reasonOf(writer.send("x"));
    await settle();
    expect(vi.getTimerCount()).toBe(1);
    writer.destroy();
    expect(vi.getTimerCount()).toBe(0);
    expect(await send).toMatchObject({ failure: "closed" });
  });

  it("[S16] that nobody wants to be told of fails the pipe, and nothing is uncaught", async () => {
    const uncaught = catchUncaught();
    try {
      const { writer } = make({ stallTimeout: 10 });
      const send = reasonOf(writer.send("x"));
      await settle();
      vi.advanceTimersByTime(10);
      expect(await send).toMatchObject({ failure: "stalled" });
      await settle();
      expect(uncaught.errors).toEqual([]);
    } finally {
      uncaught.stop();
    }
  });

  it("[PW5] a message that times out before it is started was never there, and one that is started does not", async () => {
    const { pipe, writer } = make();
    const started = watch(writer.send("started", { timeout: 10 }));
    await settle();
    const late = watch(writer.send("late", { timeout: 10, label: "it" }));
    vi.advanceTimersByTime(10);
    await settle();
    expect(started.state).toBe("pending");
    expect(late.reason).toMatchObject({
      name: "TimeoutError",
      message: 'Timed out after 10 ms waiting for AtomicPipeWriter as "it"',
    });
    pipe.flow();
    await settle();
    expect([started.state, pipe.text, vi.getTimerCount()]).toEqual(["fulfilled", "started\n", 0]);
  });
});
