import { reasonOf, settle, watch, watchAll } from "@holdfast/conformance";
import { afterEach, describe, expect, it, vi } from "vitest";
import { AtomicPipeWriter, type AtomicPipeWriterOptions, lines } from "../src/index.js";
import { TestPipe } from "./test-pipe.js";

function make(options: AtomicPipeWriterOptions<string> = {}): {
  pipe: TestPipe;
  writer: AtomicPipeWriter<string>;
} {
  const pipe = new TestPipe();
  return { pipe, writer: new AtomicPipeWriter<string>(pipe, { framing: lines, join: false, ...options }) };
}

afterEach(() => void vi.useRealTimers());

describe("flush", () => {
  it("[S31] settles when all that was sent before has settled, and what comes later does not delay it", async () => {
    const { pipe, writer } = make({ join: true });
    await writer.flush();
    const sends = watchAll([writer.send("a"), writer.control("b")]);
    const flush = watch(writer.flush());
    const later = watch(writer.send("later"));
    await settle();
    expect(pipe.writes).toEqual(["b\na\nlater\n"]);
    expect(flush.state).toBe("pending");
    pipe.take();
    await settle();
    expect([...sends, flush, later].map(({ state }) => state)).toEqual(
      Array.from({ length: 4 }, () => "fulfilled"),
    );
  });

  it("[S31] does not wait for what joins the queue behind it, nor for control that overtakes", async () => {
    const { pipe, writer } = make();
    void writer.send("a");
    void writer.send("b");
    const flush = watch(writer.flush());
    void writer.send("c");
    void writer.control("!");
    await settle();
    pipe.take(2);
    await settle();
    expect(flush.state).toBe("pending");
    pipe.take(2);
    await settle();
    expect(flush.state).toBe("pending");
    pipe.take(2);
    await settle();
    expect(flush.state).toBe("fulfilled");
    expect(writer.queued.messages + writer.queued.inFlight).toBe(1);
  });

  it("[S31] does not let later messages join what it waits for", async () => {
    const { writer } = make({ join: true });
    const first = writer.send("a");
    void writer.flush();
    expect(writer.send("b")).not.toBe(first);
    const batch = await writer.dataLane.acquire();
    const inner = batch.send("c");
    void writer.flush();
    expect(batch.send("d")).not.toBe(inner);
  });

  it("[S31] waits for those without room and for the messages of batches too", async () => {
    const { pipe, writer } = make({ maxQueuedMessages: 1 });
    const all = [writer.send("a"), writer.send("b"), writer.batch((send) => send("c"))];
    const flush = watch(writer.flush());
    const order: string[] = [];
    void all[1]?.then(() => order.push("b"));
    void writer.flush().then(() => order.push("flush"));
    pipe.flow();
    await Promise.all(all);
    await settle();
    expect([flush.state, order]).toEqual(["fulfilled", ["b", "flush"]]);
  });

  it("[S31] counts what was aborted as settled, and rejects only because of the pipe", async () => {
    const { pipe, writer } = make();
    const abort = new AbortController();
    void writer.send("a");
    void writer.send("b", { signal: abort.signal }).catch(() => undefined);
    const flush = watch(writer.flush());
    const second = watch(writer.flush());
    abort.abort();
    await settle();
    pipe.take();
    await settle();
    expect([flush.state, second.state]).toEqual(["fulfilled", "fulfilled"]);
    void writer.send("c").catch(() => undefined);
    const failing = reasonOf(writer.flush());
    await settle();
    pipe.break();
    expect(await failing).toMatchObject({ code: "ERR_PIPE_CLOSED", delivered: "unknown" });
    expect(await reasonOf(writer.flush())).toMatchObject({ code: "ERR_PIPE_CLOSED", failure: "error" });
  });

  it("[S31] rejects with what became of a message that it waits for, and not of one that came later", async () => {
    const { pipe, writer } = make();
    void writer.send("a").catch(() => undefined);
    const flush = reasonOf(writer.flush());
    const control = reasonOf(writer.control("!"));
    await settle();
    expect(pipe.writes).toEqual(["!\n"]);
    pipe.break();
    expect(await control).toMatchObject({ delivered: "unknown" });
    expect(await flush).toMatchObject({ delivered: "no" });
  });

  it("[S31] rejects also where the pipe fails before anything is started", async () => {
    const { pipe, writer } = make();
    void writer.send("a").catch(() => undefined);
    const flush = reasonOf(writer.flush());
    pipe.break();
    expect(await flush).toMatchObject({ code: "ERR_PIPE_CLOSED", delivered: "no" });
  });

  it("[S31] costs each message the same, however many others wait for theirs", async () => {
    const { pipe, writer } = make();
    pipe.flow();
    // Many that wait, rather than many messages: were each message to look at all of them, this would take too long all the same.
    const flushes = Array.from({ length: 12_000 }, (_, index) => {
      writer.trySend(`${index}`);
      return Array.from({ length: 6 }, () => writer.flush());
    });
    await Promise.all(flushes.flat());
    expect(writer.queued).toMatchObject({ messages: 0, inFlight: 0 });
  });

  it("[S31] rejects all that wait for a message, also those that came after it, and none that was done before", async () => {
    const { pipe, writer } = make();
    void writer.send("a").catch(() => undefined);
    const done = watch(writer.flush());
    await settle();
    pipe.take();
    await settle();
    void writer.send("b").catch(() => undefined);
    const flushes = [reasonOf(writer.flush())];
    void writer.control("c").catch(() => undefined);
    flushes.push(reasonOf(writer.flush()));
    pipe.break();
    expect(done.state).toBe("fulfilled");
    expect(await Promise.all(flushes)).toMatchObject([{ failure: "error" }, { failure: "error" }]);
  });

  it("[S31] can be given up, which ends the wait and nothing else", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { pipe, writer } = make();
    const send = writer.send("a");
    const abort = new AbortController();
    const flushes = [
      reasonOf(writer.flush({ signal: abort.signal })),
      reasonOf(writer.flush({ timeout: 5 })),
      reasonOf(writer.flush({ timeout: 0 })),
      reasonOf(writer.flush({ signal: AbortSignal.abort("early") })),
    ];
    expect(vi.getTimerCount()).toBe(1);
    abort.abort("enough");
    vi.advanceTimersByTime(5);
    const [aborted, late, now, early] = await Promise.all(flushes);
    expect([aborted, early]).toEqual(["enough", "early"]);
    expect([late, now]).toMatchObject([{ timeout: 5 }, { timeout: 0 }]);
    pipe.flow();
    await send;
    await writer.flush({ timeout: 0 });
    expect([pipe.text, vi.getTimerCount()]).toEqual(["a\n", 0]);
  });
});

describe("end, and close by draining", () => {
  it("[S28, PW10] takes nothing more, writes all that waits, ends the stream and waits for that", async () => {
    const { pipe, writer } = make({ maxQueuedMessages: 2 });
    const sends = watchAll(["a", "b", "c"].map((text) => writer.send(text)));
    const end = watch(writer.end());
    expect(writer.closed).toBe(true);
    expect(await reasonOf(writer.send("late"))).toMatchObject({ failure: "closed", delivered: "no" });
    expect(writer.trySend("late")).toBe(false);
    await settle();
    expect(pipe.ended).toBe(false);
    pipe.flow();
    await settle();
    expect([pipe.text, pipe.ended, end.state]).toEqual(["a\nb\nc\n", true, "pending"]);
    expect(sends.every(({ state }) => state === "fulfilled")).toBe(true);
    pipe.finish();
    await settle();
    expect(end.state).toBe("fulfilled");
    pipe.close();
    expect([writer.failure, pipe.listeners.error.size]).toEqual([undefined, 0]);
    await Promise.all([writer.end(), writer.close({ mode: "abort" }), writer.close({ mode: "destroy" })]);
    expect([writer.failure, pipe.destroyed]).toEqual([undefined, true]);
    expect(await reasonOf(writer.send("late"))).toMatchObject({ failure: "closed" });
  });

  it("[S28] ends an idle stream at once, and once", async () => {
    const { pipe, writer } = make();
    let ends = 0;
    const end = pipe.end.bind(pipe);
    pipe.end = (callback) => {
      ends += 1;
      end(callback);
    };
    const both = [writer.end(), writer.end()];
    await settle();
    expect([pipe.ended, ends]).toEqual([true, 1]);
    pipe.finish();
    await Promise.all(both);
  });

  it("[S28, S30] does not wait for batches: an open one takes no more, others never begin", async () => {
    const { pipe, writer } = make();
    pipe.flow();
    const token = await writer.dataLane.acquire();
    const inner = token.send("inner");
    const other = writer.send("other");
    const next = reasonOf(writer.batch(() => expect.unreachable(), { label: "next" }));
    const end = writer.end();
    expect(token.held).toBe(false);
    expect(await reasonOf(token.send("late"))).toMatchObject({ failure: "closed", delivered: "no" });
    await Promise.all([inner, other]);
    expect(await next).toMatchObject({ delivered: "no", failure: "closed", message: /as "next"/ as never });
    await settle();
    pipe.finish();
    await end;
    expect(pipe.text).toBe("inner\nother\n");
  });

  it("[S28, S30] does not wait for a batch that has sent nothing: what waits behind it is written", async () => {
    const { pipe, writer } = make();
    pipe.flow();
    const token = await writer.dataLane.acquire();
    const behind = watch(writer.send("behind"));
    await settle();
    expect(behind.state).toBe("pending");
    const end = writer.end();
    await settle();
    expect([token.held, pipe.text, pipe.ended]).toEqual([false, "behind\n", true]);
    pipe.finish();
    await end;
  });

  it("[S28] resolves also where the stream is destroyed as soon as it has finished", async () => {
    const { pipe, writer } = make();
    const end = writer.end();
    await settle();
    pipe.destroyed = true;
    pipe.finish();
    await end;
    expect(writer.failure).toBeUndefined();
  });

  it("[S28] rejects when the end does not reach the other side", async () => {
    for (const [spoil, failure] of [
      [
        (pipe: TestPipe) => {
          pipe.finish(new Error("EPIPE"));
        },
        "error",
      ],
      [
        (pipe: TestPipe) => {
          pipe.close();
        },
        "destroyed",
      ],
      [
        (pipe: TestPipe) => {
          pipe.break();
        },
        "error",
      ],
    ] as const) {
      const { pipe, writer } = make();
      const end = reasonOf(writer.end());
      await settle();
      spoil(pipe);
      expect(await end).toMatchObject({ code: "ERR_PIPE_CLOSED", failure });
      expect(await reasonOf(writer.end())).toMatchObject({ failure });
    }
    const { pipe, writer } = make();
    pipe.end = () => {
      throw new Error("thrown");
    };
    expect(await reasonOf(writer.end())).toMatchObject({ failure: "error" });
  });

  it("[PW10, PW7] at its deadline destroys the pipe: everybody is told", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { pipe, writer } = make();
    const sends = ["a", "b"].map((text) => reasonOf(writer.send(text)));
    await settle();
    const other = reasonOf(writer.end());
    const end = reasonOf(writer.end({ timeout: 1000 }));
    vi.advanceTimersByTime(1000);
    const error = await end;
    expect(error).toMatchObject({ name: "TimeoutError", timeout: 1000 });
    expect(await Promise.all([...sends, other])).toMatchObject([
      { delivered: "unknown", failure: "closed", cause: error },
      { delivered: "no", failure: "closed", cause: error },
      { failure: "closed", cause: error },
    ]);
    expect([pipe.destroyed, pipe.reason, vi.getTimerCount()]).toEqual([true, error, 0]);
  });

  it("[PW10] whose signal aborts destroys the pipe, and one that was aborted before does nothing", async () => {
    const { pipe, writer } = make();
    expect(await reasonOf(writer.end({ signal: AbortSignal.abort("early") }))).toBe("early");
    expect(writer.closed).toBe(false);
    const abort = new AbortController();
    const send = reasonOf(writer.send("a"));
    const end = reasonOf(writer.end({ signal: abort.signal }));
    abort.abort("enough");
    expect(await end).toBe("enough");
    expect(await send).toMatchObject({ cause: "enough" });
    expect(pipe.reason).toMatchObject({ message: "The pipe was destroyed", cause: "enough" });
  });

  it("[PW10] with no time at all destroys the pipe", async () => {
    const { pipe, writer } = make();
    const send = reasonOf(writer.send("a"));
    expect(await reasonOf(writer.end({ timeout: 0 }))).toMatchObject({ code: "ERR_TIMEOUT" });
    expect(await send).toMatchObject({ delivered: "no", failure: "closed" });
    expect(pipe.destroyed).toBe(true);
  });

  it("is what leaving an `await using` scope does, unless the pipe was destroyed", async () => {
    const { pipe, writer } = make();
    pipe.flow();
    const left = (async () => {
      await using scoped = writer;
      void scoped.send("x");
    })();
    const leaving = watch(left);
    await settle();
    expect([pipe.text, pipe.ended, leaving.state]).toEqual(["x\n", true, "pending"]);
    pipe.finish();
    await left;
    const other = make();
    {
      await using scoped = other.writer;
      scoped.destroy();
    }
    expect(other.pipe.ended).toBe(false);
  });
});

describe("close by aborting", () => {
  it("[S27, S28] finishes what is started, rejects the rest with the reason as cause, and ends", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 4, maxSliceBytes: 4 });
    const first = writer.send("a long one");
    await settle();
    const rest = [writer.send("b"), writer.control("c"), writer.batch(() => undefined)].map(reasonOf);
    pipe.take(2);
    const reason = new Error("superseded");
    const flush = reasonOf(writer.flush());
    const close = watch(writer.close({ mode: "abort", reason }));
    for (const error of await Promise.all(rest))
      expect(error).toMatchObject({ delivered: "no", failure: "closed", cause: reason });
    pipe.flow();
    await first;
    expect(await flush).toMatchObject({ cause: reason });
    await settle();
    pipe.finish();
    await settle();
    expect([close.state, pipe.text]).toEqual(["fulfilled", "a long one\n"]);
    expect(await reasonOf(writer.send("later"))).toMatchObject({ cause: reason });
  });

  it("[S28] tells the reason that was given first, whoever closes later", async () => {
    const { pipe, writer } = make();
    const reason = new Error("superseded");
    const both = [writer.close({ mode: "abort", reason }), writer.close({ reason: new Error("another") })];
    expect(await reasonOf(writer.send("late"))).toMatchObject({ cause: reason });
    pipe.finish();
    await Promise.all(both);
  });

  it("[S28] during a drain rejects what is left, and both resolve", async () => {
    const { pipe, writer } = make();
    const first = writer.send("a");
    const second = reasonOf(writer.send("b"));
    await settle();
    const both = [writer.end(), writer.close({ mode: "abort" }), writer.close({ mode: "drain" })];
    expect(await second).toMatchObject({ delivered: "no" });
    pipe.flow();
    await first;
    await settle();
    pipe.finish();
    await Promise.all(both);
    expect(pipe.text).toBe("a\n");
  });
});

describe("destroy", () => {
  it("[S28, PW7] stops now: what is on its way is unknown, the rest unwritten, and the stream is destroyed", async () => {
    const told: unknown[] = [];
    const { pipe, writer } = make({ onFailure: (error) => told.push(error) });
    const sends = ["a", "b"].map((text) => reasonOf(writer.send(text)));
    await settle();
    const end = reasonOf(writer.end());
    const reason = new Error("out of step");
    await writer.close({ mode: "destroy", reason });
    expect(await Promise.all([...sends, end])).toMatchObject([
      { delivered: "unknown", failure: "closed", cause: reason },
      { delivered: "no", failure: "closed", cause: reason },
      { failure: "closed", cause: reason },
    ]);
    expect([pipe.destroyed, pipe.reason, pipe.writes]).toEqual([true, reason, ["a\n"]]);
    expect(told).toEqual([writer.failure]);
    writer.destroy("again");
    await writer.close({ mode: "destroy" });
    expect(writer.failure?.cause).toBe(reason);
    expect(await reasonOf(writer.close())).toMatchObject({ cause: reason });
  });

  it("without a reason gives the stream none: that would be an error event", () => {
    const { pipe, writer } = make();
    writer.destroy();
    expect([pipe.destroyed, pipe.reason]).toEqual([true, undefined]);
  });

  it("of a stream that cannot be destroyed stops all the same", async () => {
    const { pipe, writer } = make();
    Object.assign(pipe, { destroy: undefined });
    const send = reasonOf(writer.send("x"));
    writer.destroy();
    expect(await send).toMatchObject({ failure: "closed", delivered: "no" });
    expect(pipe.writes).toEqual([]);
  });

  it("[S28] also destroys the stream of a pipe that has failed", () => {
    const { pipe, writer } = make();
    pipe.emit("error", new Error("EPIPE"));
    writer.destroy();
    expect([pipe.destroyed, writer.failure?.failure]).toEqual([true, "error"]);
  });

  it("[S28] destroys the stream of a pipe that failed while it ended, whatever that end says later", async () => {
    const { pipe, writer } = make();
    const end = reasonOf(writer.end());
    await settle();
    pipe.emit("error", new Error("EPIPE"));
    pipe.finish();
    expect(await end).toMatchObject({ failure: "error" });
    // That is up to whoever owns it.
    expect(pipe.destroyed).toBe(false);
    writer.destroy();
    expect(pipe.destroyed).toBe(true);
  });

  it("does nothing to a stream that has ended", async () => {
    const { pipe, writer } = make();
    const end = writer.end();
    await settle();
    pipe.finish();
    await end;
    writer.destroy();
    expect([pipe.destroyed, writer.failure]).toEqual([false, undefined]);
  });
});
