import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { gate, reasonOf } from "@holdfast/conformance";
import { describe, expect, it } from "vitest";
import { AtomicPipeWriter, FrameError, FrameReader, lines } from "../../src/index.js";
import { ended, outcomes, Reader, startFixture, texts } from "./children.js";
import { compiled, temporaryFolder } from "./compiled.js";

const writers = compiled(temporaryFolder());

/** Starts a child that does something with its standard output. */
function start(...args: string[]): ChildProcess & { readonly stdout: Readable; readonly stderr: Readable } {
  return startFixture("writer", [writers, ...args], ["ignore", "pipe", "pipe"]) as ReturnType<typeof start>;
}

/** All frames of a stream. */
async function all(source: Readable, reader: FrameReader = new FrameReader()): Promise<string[]> {
  const frames: string[] = [];
  for await (const frame of reader.read(source)) frames.push(frame);
  return frames;
}

describe("a child that fills its standard output before it reads", () => {
  it("[S17, S16] blocks a host that only writes, and nobody as soon as that reads on its own", async () => {
    const reader = new Reader();
    const size = 2 ** 19;
    const burst = reader.burst(size);
    const read = reader.read(size);
    const stalled = gate();
    const writer = new AtomicPipeWriter<string>(reader.stdin, {
      framing: lines,
      stallTimeout: 100,
      failOnStall: false,
      onStall: () => {
        stalled.open();
      },
    });
    const send = writer.send("i".repeat(size - 1));
    // Each waits for the other: it for room in its output, we for room in its input.
    await stalled.promise;
    expect(writer.queued.inFlight).toBe(1);
    const output = all(reader.stdout);
    await Promise.all([send, burst]);
    expect(await read).toMatchObject({ bytes: size });
    await reader.exit();
    expect((await output).map(({ length }) => length)).toEqual([size - 1]);
  });

  it("[S17] does not stall a writer whose host reads from the start", async () => {
    const reader = new Reader();
    const output = all(reader.stdout);
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines });
    const sends = outcomes(texts(8, 65_535).map((text) => writer.send(text)));
    await Promise.all([reader.burst(2 ** 19), reader.read(2 ** 19)]);
    expect(await sends).toEqual(Array(8).fill("taken"));
    await reader.exit();
    expect(await output).toHaveLength(1);
  });
});

describe("a reader that is attached late", () => {
  it("[S39] gets nothing: Node has thrown the output of an ended child away; from the start it gets all", async () => {
    const [early, late] = [new Reader(), new Reader()];
    const output = all(early.stdout);
    const closing = once(late.child, "close");
    for (const reader of [early, late]) {
      await reader.burst(20_000);
      await reader.exit();
    }
    expect((await output).map(({ length }) => length)).toEqual([19_999]);
    await closing;
    const frames = new FrameReader();
    expect(await all(late.stdout, frames).catch(() => [])).toEqual([]);
    expect(frames.bytes).toBe(0);
  });
});

describe("a child that exits right after its last line", () => {
  const size = 2 ** 24;

  it("[S39] plain Node: the line is cut, which the FrameReader tells, with its length and its beginning", async () => {
    const child = start("exitPlain", `${size}`);
    const reader = new FrameReader({ label: "child" });
    const error = (await reasonOf(all(child.stdout, reader))) as FrameError;
    expect(error).toBeInstanceOf(FrameError);
    expect(error).toMatchObject({ fault: "truncated", bytes: reader.bytes, sample: "x".repeat(64) });
    expect(reader.bytes).toBeGreaterThan(0);
    expect(reader.bytes).toBeLessThan(size);
    await ended(child);
    expect(child.exitCode).toBe(0);
  });

  it("[PW12] plain Node: a write that is to wait throws EAGAIN, once the standard output was looked at", async () => {
    const child = start("exitSync", `${size}`);
    let told = "";
    // Nothing is read before it has told.
    for await (const chunk of child.stderr) told += String(chunk);
    expect(told).toMatch(/^EAGAIN \d+$/);
    const reader = new FrameReader();
    await reasonOf(all(child.stdout, reader)).catch(() => undefined);
    expect(reader.bytes).toBeLessThan(size);
    await ended(child);
  });

  it("[PW12] and awaits its writer before, loses nothing", async () => {
    const child = start("exit", `${size}`);
    expect((await all(child.stdout)).map(({ length }) => length)).toEqual([size - 1]);
    await ended(child);
    expect(child.exitCode).toBe(0);
  });
});
