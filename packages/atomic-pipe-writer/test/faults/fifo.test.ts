import { type ChildProcess, execFileSync } from "node:child_process";
import { closeSync, constants, createWriteStream, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { gate, reasonOf } from "@holdfast/conformance";
import { describe, expect, it } from "vitest";
import { lines, type QueueStats } from "../../src/index.js";
import { openFifo, pipeBuf } from "../../src/node/fifo.js";
import { closed, ended, firstOf, lined, outcomes, Reader, startFixture, tally, texts } from "./children.js";
import { compiled, temporaryFolder } from "./compiled.js";

const folder = temporaryFolder();
const writers = compiled(folder);
let count = 0;

// Node cannot make a FIFO by itself.
function fifo(): string {
  const path = join(folder, `fifo-${(count += 1)}`);
  execFileSync("mkfifo", [path]);
  return path;
}

/** Lines by who wrote them, each as they came; throws at one that is torn. */
function byWriter(received: readonly string[], size: number): Record<string, number[]> {
  const numbers: Record<string, number[]> = {};
  for (const line of received.filter((each) => each !== "")) {
    const match = /^(\w):(\d+):\1*!$/.exec(line);
    if (match === null || line.length !== size - 1) throw new Error(`torn: ${line.slice(0, 40)}`);
    const [, name = "", number] = match;
    (numbers[name] ??= []).push(Number(number));
  }
  return numbers;
}

/** Starts a process that writes to a FIFO; resolves when it does. */
async function startWriter(args: readonly string[], stdout: "ignore" | number): Promise<ChildProcess> {
  const child = startFixture("writer", [writers, ...args], ["ignore", stdout, "pipe"]);
  const said = await new Promise((resolve) => {
    child.stderr?.on("data", (chunk) => {
      resolve(String(chunk));
    });
  });
  expect(said).toBe("started");
  return child;
}

/** A frame that a page of the pipe is no multiple of. */
const frameBytes = Math.min(3000, pipeBuf - 96);

const upTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index);

describe.skipIf(process.platform === "win32")("a FIFO (Windows has none) with a slow reader", () => {
  it("[S10, S11] plain Node: a write that finds no room throws EAGAIN", async () => {
    const path = fifo();
    const reader = new Reader();
    const opened = reader.open(path);
    const fd = await nonBlocking(path);
    await opened;
    const frame = "x".repeat(frameBytes);
    let taken = 0;
    expect(() => {
      for (;;) taken += writeSync(fd, frame);
    }).toThrow(/EAGAIN/);
    closeSync(fd);
    // The frames that were taken are whole: they are small enough.
    expect(await reader.read()).toEqual(firstOf("x".repeat(taken), taken));
    expect(taken % frameBytes).toBe(0);
  });

  // F_SETPIPE_SZ cannot be had from Node, so the pipe is as large as the system makes it, and what is sent is ten times as much.
  it("[S10, S11, S18, PW1] gets everything, whole and in order, 777 bytes at a time", async () => {
    const path = fifo();
    const reader = new Reader();
    const opened = reader.open(path);
    const stalled = gate<QueueStats>();
    const writer = await openFifo<string>(path, {
      framing: lines,
      maxFrameBytes: frameBytes,
      stallTimeout: 50,
      failOnStall: false,
      onStall: stalled.open,
    });
    await opened;
    const messages = texts(Math.ceil(650_000 / frameBytes), frameBytes - 1);
    const all = outcomes(messages.map((text) => writer.send(text)));
    // Full: one frame waits for room, as a whole.
    expect(await stalled.promise).toMatchObject({ inFlight: 1, inFlightBytes: frameBytes });
    const received = reader.read(undefined, 777);
    expect(tally(await all)).toEqual([["taken", messages.length]]);
    await writer.end();
    expect(await received).toEqual(firstOf(lined(messages), messages.length * frameBytes));
  });
});

/** Opens a FIFO for writing as soon as somebody reads it. */
async function nonBlocking(path: string): Promise<number> {
  // Resolves once there is a reader, and its end stays open until the test has one of its own.
  const writer = await openFifo(path);
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  await writer.end();
  return fd;
}

describe.skipIf(process.platform === "win32")("a FIFO (Windows has none) whose reader dies", () => {
  it("[S13] plain Node: every write fails, after what was called written", async () => {
    const path = fifo();
    const reader = new Reader();
    const opened = reader.open(path);
    const fd = await nonBlocking(path);
    await opened;
    const stream = createWriteStream(path, { fd });
    const closing = closed(stream);
    const errors: (string | undefined)[] = [];
    await reader.kill();
    for (const text of texts(2, 1000))
      stream.write(text, (error) => errors.push((error as NodeJS.ErrnoException | null | undefined)?.code));
    expect(await closing).toHaveLength(1);
    expect(errors).toEqual(["EPIPE", "EPIPE"]);
  });

  it("[S13, S19, PW3, PW4] everything settles: one frame is 'unknown', none is 'partial', the others are unwritten", async () => {
    const path = fifo();
    const reader = new Reader();
    const opened = reader.open(path);
    const stalled = gate();
    const writer = await openFifo<string>(path, {
      framing: lines,
      stallTimeout: 50,
      failOnStall: false,
      onStall: () => {
        stalled.open();
      },
    });
    await opened;
    const messages = texts(600, pipeBuf - 1);
    const all = outcomes(messages.map((text) => writer.send(text)));
    const read = await reader.read(10_000);
    expect(read).toEqual(firstOf(lined(messages), 10_000));
    await stalled.promise;
    await reader.kill();
    const [taken, unknown, no, ...more] = tally(await all);
    expect([unknown, more]).toEqual([["unknown", 1], []]);
    expect([taken?.[0], no?.[0]]).toEqual(["taken", "no"]);
    expect(taken?.[1]).toBeGreaterThanOrEqual(Math.floor(10_000 / pipeBuf));
    expect(writer.failure).toMatchObject({ failure: "error", cause: { code: "EPIPE" } });
    expect(await reasonOf(writer.send("late"))).toMatchObject({ delivered: "no" });
  });
});

describe.skipIf(process.platform === "win32")(
  "a FIFO (Windows has none) that several processes write to",
  () => {
    // Larger writes are cut where a page of the pipe is full, which would cut these sizes, though not the last.
    it.each([Math.floor(pipeBuf / 3), pipeBuf - 96, pipeBuf])(
      "[S24, S25, PW1] has no torn frame of %i bytes, from three processes and this one",
      async (size) => {
        const path = fifo();
        const reader = new Reader();
        const opened = reader.open(path);
        const own = await openFifo<string>(path, { framing: lines });
        await opened;
        const each = Math.ceil(80_000 / size);
        const numbers = upTo(each);
        // Each has more than there is room for, and nobody reads before all have begun.
        const sends = numbers.map((index) => own.send(`d:${index}:`.padEnd(size - 2, "d") + "!"));
        const others = await Promise.all(
          ["a", "b", "c"].map((name) => startWriter(["fifo", path, name, `${each}`, `${size}`], "ignore")),
        );
        const received = reader.lines(997);
        await Promise.all([...sends, ...others.map(ended)]);
        expect(others.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
        await own.end();
        expect(byWriter(await received, size)).toEqual({ a: numbers, b: numbers, c: numbers, d: numbers });
      },
    );

    it("[S24, S25, PW12] that is the standard output of two of them has no torn frame", async () => {
      const path = fifo();
      const reader = new Reader();
      const opened = reader.open(path);
      const fd = await nonBlocking(path);
      await opened;
      const size = Math.min(2000, pipeBuf);
      const others = await Promise.all(
        ["a", "b"].map((name) => startWriter(["shared", name, "200", `${size}`], fd)),
      );
      closeSync(fd);
      const received = reader.lines(997);
      await Promise.all(others.map(ended));
      expect(others.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
      expect(byWriter(await received, size)).toEqual({ a: upTo(200), b: upTo(200) });
    });
  },
);
