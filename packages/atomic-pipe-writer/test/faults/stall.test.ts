import { gate } from "@holdfast/conformance";
import { describe, expect, it } from "vitest";
import { AtomicPipeWriter, lines, type QueueStats } from "../../src/index.js";
import { closed, firstOf, lined, outcomes, Reader, tally, texts } from "./children.js";

const none = {
  messages: 0,
  bytes: 0,
  control: 0,
  waiting: 0,
  waitingBytes: 0,
  inFlight: 0,
  inFlightBytes: 0,
};

describe("a child that does not read", () => {
  it("[S16, S18] plain Node: the stream takes everything, counts it as written, and tells nothing", () => {
    const { stdin } = new Reader();
    stdin.on("error", () => undefined);
    const accepted = texts(2048, 1024).map((text) => stdin.write(text));
    expect(accepted).toContain(false);
    expect(stdin.bytesWritten).toBe(2048 * 1024);
    expect(stdin.writableLength).toBeGreaterThan(2 ** 20);
  });

  it("[S16, PW11, PW4] fails the pipe after `stallTimeout`, with figures, and all that is said is true", async () => {
    const reader = new Reader();
    const stalls: QueueStats[] = [];
    const writer = new AtomicPipeWriter<string>(reader.stdin, {
      framing: lines,
      stallTimeout: 100,
      onStall: (queued) => stalls.push(queued),
    });
    const messages = texts(2048, 1023);
    const all = await outcomes(messages.map((text) => writer.send(text)));
    const [[first, taken] = [], [second, unknown] = [], [third, no] = [], ...more] = tally(all);
    expect([first, second, third, more]).toEqual(["taken", "unknown", "no", []]);
    expect(stalls).toEqual([
      {
        ...none,
        messages: no,
        bytes: (no ?? 0) * 1024,
        inFlight: unknown,
        inFlightBytes: (unknown ?? 0) * 1024,
      },
    ]);
    expect(writer.failure).toMatchObject({ failure: "stalled", delivered: "unknown" });
    // It could have read after all: then it has what was taken, maybe what is unknown, and nothing else.
    reader.stdin.end();
    const read = await reader.read();
    expect(read).toEqual(firstOf(lined(messages), read.bytes));
    expect(read.bytes).toBeGreaterThanOrEqual((taken ?? 0) * 1024);
    expect(read.bytes).toBeLessThanOrEqual(((taken ?? 0) + (unknown ?? 0)) * 1024);
  });

  it("[S18, PW6] makes senders wait: what is queued, and what the stream holds, is bounded", async () => {
    const reader = new Reader();
    const stalled = gate();
    const most = { queued: 0, stream: 0 };
    const maxQueuedBytes = 2 ** 18;
    const writer = new AtomicPipeWriter<string>(reader.stdin, {
      framing: lines,
      maxQueuedBytes,
      maxWaiters: 100,
      stallTimeout: 100,
      failOnStall: false,
      onStall: () => {
        stalled.open();
      },
    });
    const producers = Array.from({ length: 100 }, async (_, producer) => {
      for (const text of texts(20, 1020)) {
        const send = writer.send(`${producer}`.padStart(3) + text);
        const { bytes, inFlightBytes } = writer.queued;
        most.queued = Math.max(most.queued, bytes + inFlightBytes);
        most.stream = Math.max(most.stream, reader.stdin.writableLength);
        await send;
      }
    });
    await stalled.promise;
    // Every producer has one message here: its first, or one of those after what the system took.
    const { messages, bytes, inFlight, inFlightBytes } = writer.queued;
    expect(messages + inFlight).toBe(100);
    expect(bytes + inFlightBytes).toBe(100 * 1024);
    // Fills what is left, and shows that one more has to wait and that a full queue leaves room for control.
    const extra: Promise<void>[] = [];
    while (writer.trySend("x".repeat(1023)));
    expect(writer.queued).toMatchObject({ waiting: 0 });
    expect(writer.queued.bytes + writer.queued.inFlightBytes).toBe(maxQueuedBytes);
    for (let index = 0; index < 100; index += 1) extra.push(writer.send("waits"));
    expect(writer.queued).toMatchObject({ waiting: 100, waitingBytes: 600 });
    await expect(writer.send("one more")).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
    const control = writer.control("stop");
    expect(writer.queued.control).toBe(1);
    const got = reader.lines();
    await Promise.all([...producers, ...extra, control]);
    await writer.end();
    const received = await got;
    expect(received.filter((line) => /^[ \d]{3}\d+:x+$/.test(line)).length).toBe(2000);
    expect(received.filter((line) => line === "waits").length).toBe(100);
    expect(received.indexOf("stop")).toBeLessThan(received.indexOf("waits"));
    expect(most.queued).toBeLessThanOrEqual(maxQueuedBytes);
    expect(most.stream).toBeLessThanOrEqual(2 ** 16);
  });

  it("[S21] has 'taken' messages that it never reads", async () => {
    const reader = new Reader();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines });
    await writer.send("x".repeat(1000));
    expect(await reader.so()).toMatchObject({ bytes: 0 });
  });
});

describe("SIGKILL while the child does not read", () => {
  it("[S19] plain Node: all who wait for 'drain' wait for ever", async () => {
    const reader = new Reader();
    const { stdin } = reader;
    stdin.setMaxListeners(0);
    let [waiting, woken, called] = [0, 0, 0];
    for (const text of texts(40, 65_536)) {
      if (stdin.write(text, () => (called += 1))) continue;
      waiting += 1;
      stdin.once("drain", () => (woken += 1));
    }
    expect(waiting).toBeGreaterThan(30);
    const closing = closed(stdin);
    await reader.kill();
    await closing;
    expect([woken, called]).toEqual([0, 40]);
  });

  it.each([
    [40, 65_536],
    [2048, 1024],
  ])(
    "[S12, S19, PW3, PW7, PW8] %i sends of %i bytes all settle, with constant listeners",
    async (count, size) => {
      const reader = new Reader();
      const { stdin } = reader;
      const listeners = (): number[] =>
        ["error", "close", "drain"].map((event) => stdin.listenerCount(event));
      const closing = closed(stdin);
      const before = listeners();
      const [stalled, failed] = [gate(), gate<unknown>()];
      const writer = new AtomicPipeWriter<string>(stdin, {
        framing: lines,
        stallTimeout: 50,
        failOnStall: false,
        onStall: () => {
          stalled.open();
        },
        onFailure: failed.open,
      });
      const during = listeners();
      expect(during.map((now, index) => now - (before[index] ?? 0))).toEqual([1, 1, 0]);
      const sends = texts(count, size - 1).map((text) => writer.send(text));
      const flush = writer.flush().catch((error: unknown) => error);
      const all = outcomes(sends);
      await stalled.promise;
      expect(listeners()).toEqual(during);
      await reader.kill();
      expect(await failed.promise).toBe(writer.failure);
      expect(writer.queued).toEqual(none);
      const counts = new Map(tally(await all));
      expect([...counts.values()].reduce((sum, each) => sum + each, 0)).toBe(count);
      // Frames of 64 KiB go out alone, smaller ones 64 KiB at a time.
      expect(counts.get("unknown")).toBe(Math.min(65_536 / size, count - (counts.get("taken") ?? 0)));
      expect(counts.get("partial")).toBeUndefined();
      expect(await flush).toMatchObject({ code: "ERR_PIPE_CLOSED" });
      await expect(writer.send("late")).rejects.toMatchObject({ delivered: "no" });
      await closing;
      expect(listeners()).toEqual(before);
    },
  );

  it("[S19] at once, before anything can be known: 40 of 40 settle", async () => {
    const reader = new Reader();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines });
    const all = outcomes(texts(40, 65_535).map((text) => writer.send(text)));
    await reader.kill();
    expect(await all).toHaveLength(40);
    expect(writer.queued).toEqual(none);
  });
});

describe.skipIf(process.platform === "win32")("SIGSTOP, then SIGCONT (Windows has neither)", () => {
  it("[S16, PW11, PW1] stalls and loses nothing", async () => {
    const reader = new Reader();
    await reader.so();
    const stalled = gate<QueueStats>();
    const writer = new AtomicPipeWriter<string>(reader.stdin, {
      framing: lines,
      stallTimeout: 50,
      failOnStall: false,
      onStall: stalled.open,
    });
    const read = reader.read();
    reader.child.kill("SIGSTOP");
    const messages = texts(5, 199_999);
    const sends = messages.map((text) => writer.send(text));
    const { messages: queued, inFlight } = await stalled.promise;
    expect(inFlight).toBe(1);
    expect(queued).toBeGreaterThanOrEqual(3);
    reader.child.kill("SIGCONT");
    expect(await outcomes(sends)).toEqual(Array(5).fill("taken"));
    await writer.end();
    expect(await read).toEqual(firstOf(lined(messages), 1_000_000));
  });
});

describe("a child that reads one byte at a time", () => {
  it("[S1, S10, PW1, PW13] gets everything, in order, and no character is cut", async () => {
    const reader = new Reader();
    const read = reader.read(undefined, 1);
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines, maxSliceBytes: 1000 });
    const messages = Array.from({ length: 3 }, (_, index) => `${index}${"é日🎉".repeat(11_111)}`);
    await Promise.all(messages.map((text) => writer.send(text)));
    await writer.end();
    const whole = lined(messages);
    expect(Buffer.byteLength(whole)).toBe(300_003);
    expect(await read).toEqual(firstOf(whole, 300_003));
  });
});
