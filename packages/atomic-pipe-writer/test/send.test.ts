import { gate, listeners, reasonOf, settle, watch, watchAll } from "@holdfast/conformance";
import { describe, expect, it, vi } from "vitest";
import { AtomicPipeWriter, type AtomicPipeWriterOptions, lines, ndjson } from "../src/index.js";
import { TestPipe } from "./test-pipe.js";
import { catchUncaught } from "./uncaught.js";

function make(options: AtomicPipeWriterOptions<string> = {}): {
  pipe: TestPipe;
  writer: AtomicPipeWriter<string>;
} {
  const pipe = new TestPipe();
  return { pipe, writer: new AtomicPipeWriter<string>(pipe, { framing: lines, ...options }) };
}

/** A message that is a frame of its own: nothing joins it. */
const alone = { label: "alone" };

describe("frames", () => {
  it("[S1, S2, PW1] leave whole, each once, with their line ends, whoever sends them and however few bytes are taken", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 7, maxSliceBytes: 7 });
    const sends = ["one", "a longer one", "x", "another"].map((text) => writer.send(text));
    const control = writer.control("control");
    for (let step = 0; step < 100; step += 1) {
      await settle();
      pipe.take(1);
    }
    await Promise.all([...sends, control]);
    expect(pipe.text).toBe("control\none\na longer one\nx\nanother\n");
  });

  it("[S1] of many senders of all sizes are all there", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 64 });
    pipe.flow();
    const texts = Array.from({ length: 50 }, (_, index) => `${index}:${"x".repeat((index * 37) % 300)}`);
    await Promise.all(
      texts.map(async (text, index) => {
        for (let turn = index % 5; turn > 0; turn -= 1) await Promise.resolve();
        await writer.send(text);
      }),
    );
    expect(pipe.text.split("\n").slice(0, -1).toSorted()).toEqual(texts.toSorted());
  });

  it("[S5, PW2] of one lane leave in the order in which they were sent", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 10, maxSliceBytes: 10 });
    pipe.flow();
    const all = Array.from({ length: 20 }, (_, index) =>
      writer.send(`${index}`, index % 3 === 0 ? alone : undefined),
    );
    await Promise.all(all);
    expect(pipe.text).toBe(Array.from({ length: 20 }, (_, index) => `${index}\n`).join(""));
  });

  it("[S10, S11, PW13] go on where a short write stopped, whatever was sent meanwhile, also inside a character", async () => {
    const { pipe, writer } = make();
    const first = watch(writer.send("größe 🎉"));
    await settle();
    for (let step = 0; step < 12; step += 1) {
      void writer.send(`late ${step}`).catch(() => undefined);
      void writer.control(`control ${step}`).catch(() => undefined);
      pipe.take(1);
      await settle();
    }
    expect(first.state).toBe("pending");
    expect(pipe.writes).toHaveLength(1);
    pipe.take(1);
    await settle();
    expect(first.state).toBe("fulfilled");
    expect(pipe.text).toBe("größe 🎉\n");
    expect(pipe.writes[1]?.startsWith("control 0\n")).toBe(true);
  });

  it("[PW13] larger than a write are cut between any two bytes and arrive whole", async () => {
    for (const maxBatchBytes of [1, 2, 3, 5]) {
      const { pipe, writer } = make({ maxBatchBytes, maxSliceBytes: maxBatchBytes });
      const bytes = new TestPipe();
      for (const each of [pipe, bytes]) each.flow();
      await writer.send("日本🎉é");
      expect(pipe.text).toBe("日本🎉é\n");
      await new AtomicPipeWriter(bytes, { maxSliceBytes: maxBatchBytes }).send(Buffer.from("日本🎉é"));
      expect(bytes.text).toBe("日本🎉é");
    }
  });

  it("[S5] are joined into one write as far as they fit, and never cut for that", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 8, maxSliceBytes: 8 });
    pipe.flow();
    await Promise.all(["a", "b", "ccc", "ddddd", "e", "f"].map((text) => writer.send(text)));
    expect(pipe.writes).toEqual(["a\nb\nccc\n", "ddddd\ne\n", "f\n"]);
    await Promise.all(["a", "b", "ccc", "d"].map((text) => writer.send(text, alone)));
    expect(pipe.writes.slice(3)).toEqual(["a\nb\nccc\n", "d\n"]);
  });

  it("[S5] with options are joined with others too", async () => {
    const { pipe, writer } = make();
    pipe.flow();
    await Promise.all([writer.send("a"), writer.send("b", alone), writer.control("c"), writer.send("d")]);
    expect(pipe.writes).toEqual(["c\na\nb\nd\n"]);
  });

  it("leave in a microtask, so that what is sent in one go is one write", async () => {
    const { pipe, writer } = make();
    void writer.send("a");
    expect(pipe.writes).toEqual([]);
    await Promise.resolve();
    expect(pipe.writes).toEqual(["a\n"]);
  });

  it("[S25] are not joined where that is switched off", async () => {
    const { pipe, writer } = make({ join: false });
    pipe.flow();
    await Promise.all([writer.send("a"), writer.send("b"), writer.control("c")]);
    expect(pipe.writes).toEqual(["c\n", "a\n", "b\n"]);
  });

  it("[S21] are settled when all their bytes were taken, and not before", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 4, maxSliceBytes: 4 });
    const sends = watchAll([writer.send("abcdefgh"), writer.send("x")]);
    const states = async (): Promise<string[]> => {
      await settle();
      return sends.map(({ state }) => state);
    };
    await settle();
    pipe.take(8);
    expect(await states()).toEqual(["pending", "pending"]);
    pipe.take(1);
    expect(await states()).toEqual(["fulfilled", "pending"]);
    pipe.take(2);
    expect(await states()).toEqual(["fulfilled", "fulfilled"]);
  });

  it("of bytes and of text can be mixed", async () => {
    const pipe = new TestPipe();
    const writer = new AtomicPipeWriter(pipe);
    pipe.flow();
    const bytes = (text: string): Uint8Array => Buffer.from(text);
    await Promise.all([writer.send("a"), writer.send(bytes("b")), writer.send(bytes("c")), writer.send("d")]);
    expect(pipe.text).toBe("abcd");
    expect(pipe.writes).toEqual(["a", "bc", "d"]);
  });

  it("of large byte arrays go out together without being copied, small ones in one copy", async () => {
    const pipe = new TestPipe();
    const given: unknown[] = [];
    const write = pipe.write.bind(pipe);
    pipe.write = (chunk, callback) => {
      given.push(chunk);
      return write(chunk, callback);
    };
    let corks = 0;
    Object.assign(pipe, { cork: () => (corks += 1) });
    const writer = new AtomicPipeWriter(pipe);
    pipe.flow();
    const large = [Buffer.alloc(2000, "a"), Buffer.alloc(3000, "b")];
    await Promise.all(large.map((chunk) => writer.send(chunk)));
    expect(given.map((chunk, index) => chunk === large[index])).toEqual([true, true]);
    expect(corks).toBe(1);
    await Promise.all([writer.send(Buffer.from("c")), writer.send(Buffer.from("d"))]);
    expect(pipe.writes.slice(2)).toEqual(["cd"]);
    const small = Buffer.from("e");
    await writer.send(small);
    expect(given.at(-1)).toBe(small);
  });

  it("[S21] of several byte arrays are settled when the last of them was taken, also where nothing can be corked", async () => {
    const pipe = new TestPipe();
    const writer = new AtomicPipeWriter(pipe);
    const sends = watchAll([2000, 3000].map((size) => writer.send(Buffer.alloc(size))));
    await settle();
    pipe.take(2000);
    await settle();
    expect(sends.map(({ state }) => state)).toEqual(["pending", "pending"]);
    pipe.take();
    await settle();
    expect(sends.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled"]);
    expect(pipe.writes).toHaveLength(2);
  });
});

describe("control messages", () => {
  it("[S3] wait for the end of a frame that is half written, and come before all others", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 4, maxSliceBytes: 4 });
    void writer.send("abcdefghij");
    void writer.send("next");
    await settle();
    pipe.take(5);
    const control = writer.control("!");
    pipe.flow();
    await control;
    await writer.flush();
    expect(pipe.text).toBe("abcdefghij\n!\nnext\n");
  });

  it("[S4] overtake all that is queued: no more than one write is ahead", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 100 });
    for (let index = 0; index < 200; index += 1) void writer.send("x".repeat(9));
    await settle();
    void writer.control("stop");
    pipe.flow();
    await writer.flush();
    expect(pipe.text.indexOf("stop")).toBe(100);
  });

  it("[S29] let one frame of data through after so many of them, and need none to be there", async () => {
    const { pipe, writer } = make({ maxConsecutiveControl: 3, maxBatchBytes: 1000 });
    pipe.flow();
    for (let index = 0; index < 10; index += 1) void writer.control(`${index}`);
    const data = ["a", "b"].map((text) => writer.send(text, alone));
    await Promise.all(data);
    await writer.flush();
    expect(pipe.text.replaceAll("\n", "")).toBe("012a345b6789");
  });

  it("[S3, PW2] go first however many went out before, while no data waited", async () => {
    const { pipe, writer } = make({ maxConsecutiveControl: 3, join: false });
    pipe.flow();
    for (let index = 0; index < 5; index += 1) await writer.control(`${index}`);
    void writer.send("data");
    void writer.control("stop");
    await writer.flush();
    expect(pipe.text.replaceAll("\n", " ")).toBe("0 1 2 3 4 stop data ");
  });

  it("[S29] do not starve data either when each is sent as soon as the one before is written", async () => {
    const { pipe, writer } = make({ maxConsecutiveControl: 4 });
    pipe.flow();
    const flood = async (): Promise<void> => {
      for (let left = 50; left > 0; left -= 1) await writer.control("!");
    };
    const floods = [flood(), flood(), flood()];
    await Promise.resolve();
    const before = pipe.text.length;
    await writer.send("data");
    expect(pipe.text.indexOf("data") - before).toBeLessThanOrEqual(2 * 4);
    await Promise.all(floods);
    expect(pipe.text.replace("data\n", "")).toBe("!\n".repeat(150));
  });
});

describe("an abort", () => {
  it("[S8, PW5] before the start takes the message out whole, frees its memory and tells no more than the reason", async () => {
    const { pipe, writer } = make({ join: false });
    const abort = new AbortController();
    void writer.send("first");
    await settle();
    const send = watch(writer.send("second", { signal: abort.signal }));
    void writer.send("third");
    expect(writer.queued).toMatchObject({ messages: 2, bytes: 13 });
    const reason = { why: "no more interest" };
    abort.abort(reason);
    expect(writer.queued).toMatchObject({ messages: 1, bytes: 6 });
    await settle();
    expect(send.reason).toBe(reason);
    pipe.flow();
    await writer.flush();
    expect(pipe.text).toBe("first\nthird\n");
    expect(listeners(abort.signal)).toBe(0);
  });

  it("[S9, PW3, PW5] after the start changes nothing: the message goes out whole and its send tells so", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 4, maxSliceBytes: 4 });
    const abort = new AbortController();
    let started = false;
    const send = watch(
      writer.send("a long message", { signal: abort.signal, onStart: () => (started = true) }),
    );
    expect(started).toBe(false);
    await settle();
    expect(started).toBe(true);
    pipe.take(3);
    abort.abort();
    void writer.control("interrupt");
    await settle();
    expect([send.state, listeners(abort.signal)]).toEqual(["pending", 0]);
    pipe.flow();
    await writer.flush();
    expect(send.state).toBe("fulfilled");
    expect(pipe.text).toBe("a long message\ninterrupt\n");
  });

  it("[S8] counts as soon as the signal reads aborted, also before our listener has had its turn", async () => {
    const { pipe, writer } = make();
    const abort = new AbortController();
    // This listener comes first, and lets the pipe go on from within.
    abort.signal.addEventListener("abort", () => {
      pipe.take();
    });
    void writer.send("first");
    await settle();
    const send = watch(writer.send("second", { signal: abort.signal }));
    abort.abort("gone");
    await settle();
    expect([send.reason, pipe.writes]).toEqual(["gone", ["first\n"]]);
    void writer.send("later");
    await settle();
    expect(pipe.writes).toEqual(["first\n", "later\n"]);
  });

  it("[S8] that counts before our listener has had its turn frees its room for whoever waits for it", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 10 });
    const abort = new AbortController();
    abort.signal.addEventListener("abort", () => {
      pipe.take();
    });
    void writer.send("a");
    await settle();
    const aborted = reasonOf(writer.send("123456", { signal: abort.signal }));
    void writer.send("12345678");
    expect(writer.queued).toMatchObject({ messages: 1, waiting: 1 });
    abort.abort("gone");
    expect(await aborted).toBe("gone");
    await settle();
    expect(pipe.writes).toEqual(["a\n", "12345678\n"]);
  });

  it("that came before the call rejects without touching the pipe or the framing", async () => {
    let encoded = 0;
    const pipe = new TestPipe();
    const writer = new AtomicPipeWriter<string>(pipe, {
      framing: { encode: (text) => ((encoded += 1), text) },
    });
    expect(await reasonOf(writer.send("x", { signal: AbortSignal.abort("early") }))).toBe("early");
    expect([encoded, writer.queued.messages]).toEqual([0, 0]);
  });

  it("[S8] of a shared signal takes out all of its messages in one step, with one listener", async () => {
    const { pipe, writer } = make();
    const abort = new AbortController();
    void writer.send("first");
    await settle();
    const sends = watchAll(
      Array.from({ length: 100 }, (_, index) => writer.send(`${index}`, { signal: abort.signal })),
    );
    expect([writer.queued.messages, listeners(abort.signal)]).toEqual([100, 1]);
    abort.abort("all");
    expect([writer.queued.messages, writer.queued.bytes]).toEqual([0, 0]);
    await settle();
    expect(new Set(sends.map(({ reason }) => reason))).toEqual(new Set(["all"]));
    pipe.flow();
    await settle();
    expect(pipe.text).toBe("first\n");
  });
});

describe("a timeout", () => {
  it("[PW5] of 0 takes a message only if nothing is in its way", async () => {
    const { pipe, writer } = make();
    const first = writer.send("first", { timeout: 0 });
    expect(await reasonOf(writer.send("second", { timeout: 0, label: "hurry" }))).toMatchObject({
      name: "TimeoutError",
      message: 'Timed out after 0 ms waiting for AtomicPipeWriter as "hurry"',
    });
    expect(await reasonOf(writer.control("third", { timeout: 0 }))).toMatchObject({ code: "ERR_TIMEOUT" });
    pipe.flow();
    await first;
    await writer.control("fourth", { timeout: 0 });
    await writer.batch((send) => send("fifth", { timeout: 0 }));
    expect(pipe.text).toBe("first\nfourth\nfifth\n");
    const token = writer.dataLane.tryAcquire();
    expect(await reasonOf(writer.send("behind the batch", { timeout: 0 }))).toMatchObject({ timeout: 0 });
    token?.release();
  });

  it("[PW5] of 0 leaves the other options as they are", async () => {
    const { pipe, writer } = make();
    pipe.flow();
    const onStart = vi.fn();
    await writer.send("x", { timeout: 0, onStart });
    expect(onStart).toHaveBeenCalledTimes(1);
  });
});

describe("a hook", () => {
  it("[S32] that sends and aborts from within finds order and exclusivity as they are", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 6, maxSliceBytes: 6 });
    const abort = new AbortController();
    const inner: Promise<unknown>[] = [];
    void writer.send("first", {
      onStart: () => {
        abort.abort("from within");
        inner.push(writer.send("inner"), writer.control("urgent"));
      },
    });
    const doomed = reasonOf(writer.send("doomed", { signal: abort.signal }));
    void writer.send("last");
    pipe.flow();
    expect(await doomed).toBe("from within");
    await Promise.all(inner);
    await writer.flush();
    expect(pipe.text).toBe("first\nurgent\nlast\ninner\n");
  });

  it("[S32] that throws is an uncaught error and does not stop the pump", async () => {
    const { pipe, writer } = make();
    const uncaught = catchUncaught();
    try {
      const error = new Error("a bug in a hook");
      const send = writer.send("first", {
        onStart: () => {
          throw error;
        },
      });
      pipe.flow();
      await send;
      await writer.send("second");
      await settle();
      expect(uncaught.errors).toEqual([error]);
      expect(pipe.text).toBe("first\nsecond\n");
    } finally {
      uncaught.stop();
    }
  });

  it("[S32] may be called from within the write, by a stream that calls back at once", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 3, maxSliceBytes: 3 });
    pipe.eager = true;
    const started: number[] = [];
    const sends = Array.from({ length: 1000 }, (_, index) =>
      writer.send(`${index}`, { onStart: () => started.push(index) }),
    );
    await Promise.all(sends);
    expect(started).toEqual(sends.map((_, index) => index));
  });
});

describe("the figures", () => {
  it("[S18] are exact at every step", async () => {
    const { pipe, writer } = make({ join: false });
    const zero = {
      messages: 0,
      bytes: 0,
      control: 0,
      waiting: 0,
      waitingBytes: 0,
      inFlight: 0,
      inFlightBytes: 0,
    };
    expect(writer.queued).toEqual(zero);
    void writer.send("ab");
    void writer.send("cd");
    void writer.control("e");
    expect(writer.queued).toEqual({ ...zero, messages: 3, bytes: 8, control: 1 });
    await Promise.resolve();
    expect(writer.queued).toEqual({ ...zero, messages: 2, bytes: 6, inFlight: 1, inFlightBytes: 2 });
    pipe.take(1);
    expect(writer.queued).toEqual({ ...zero, messages: 2, bytes: 6, inFlight: 1, inFlightBytes: 2 });
    pipe.take(1);
    expect(writer.queued).toEqual({ ...zero, messages: 1, bytes: 3, inFlight: 1, inFlightBytes: 3 });
    pipe.flow();
    expect(writer.queued).toEqual(zero);
    await settle();
  });
});

describe("the promises", () => {
  it("are one for all that can go together, and one each where a send has options", () => {
    const { writer } = make();
    const sends = [writer.send("a"), writer.send("b", {}), writer.send("c", alone), writer.send("d")];
    expect(sends[1]).toBe(sends[0]);
    expect(new Set(sends).size).toBe(3);
    expect(writer.control("e")).not.toBe(writer.control("f", { timeout: 5 }));
  });

  it("are one for byte arrays too", () => {
    const writer = new AtomicPipeWriter(new TestPipe());
    expect(writer.send(Buffer.from("a"))).toBe(writer.send(Buffer.from("b")));
  });

  it("are one also where another message is aborted in between", async () => {
    const { writer } = make();
    const abort = new AbortController();
    const aborted = reasonOf(writer.send("a", { signal: abort.signal }));
    const first = writer.send("b");
    abort.abort("gone");
    expect(writer.send("c")).toBe(first);
    expect(await aborted).toBe("gone");
  });

  it("[S6] of a message that was encoded are not changed by what happens to it afterwards", async () => {
    const pipe = new TestPipe();
    const writer = new AtomicPipeWriter<unknown>(pipe, { framing: ndjson });
    const message = { n: 1 };
    const send = writer.send(message);
    message.n = 2;
    pipe.flow();
    await send;
    expect(pipe.text).toBe('{"n":1}\n');
  });
});

describe("trySend", () => {
  it("[S18] takes a message if there is room, and says so at once", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 6, maxControlBytes: 3 });
    expect([writer.trySend("ab"), writer.trySend("cd"), writer.trySend("e")]).toEqual([true, true, false]);
    expect([writer.trySend("!!", { lane: "control" }), writer.trySend("!", { lane: "control" })]).toEqual([
      true,
      false,
    ]);
    pipe.flow();
    await writer.flush();
    expect(pipe.text).toBe("!!\nab\ncd\n");
    expect(writer.trySend("e")).toBe(true);
  });

  it("overtakes nobody who waits for room", async () => {
    const { pipe, writer } = make({ maxQueuedBytes: 4 });
    void writer.send("abc");
    const waits = writer.send("de");
    expect(writer.trySend("x")).toBe(false);
    pipe.flow();
    await waits;
    expect(pipe.text).toBe("abc\nde\n");
  });

  it("and send ask no framing once the pipe is closed", async () => {
    const encode = vi.fn(() => "x");
    const writer = new AtomicPipeWriter(new TestPipe(), { framing: { encode } });
    writer.destroy();
    expect(writer.trySend("x")).toBe(false);
    await expect(writer.send("x")).rejects.toMatchObject({ failure: "closed" });
    expect(encode).not.toHaveBeenCalled();
  });

  it("rejects nothing that nobody could catch", async () => {
    const { pipe, writer } = make();
    writer.trySend("x");
    await settle();
    pipe.break();
    await settle();
    expect(writer.trySend("y")).toBe(false);
    await expect(writer.flush()).rejects.toMatchObject({ code: "ERR_PIPE_CLOSED" });
  });
});

describe("the pump", () => {
  it("[S17] writes on while the one who waits for it reads: nothing of it needs a loop of the caller", async () => {
    const { pipe, writer } = make({ maxBatchBytes: 8, maxSliceBytes: 8 });
    const read = gate();
    const send = writer.send("x".repeat(100));
    const reading = (async () => {
      for (let left = 101; left > 0; left -= 8) {
        await settle();
        pipe.take(8);
      }
      read.open();
    })();
    await Promise.all([send, read.promise, reading]);
    expect(pipe.text).toHaveLength(101);
  });
});
