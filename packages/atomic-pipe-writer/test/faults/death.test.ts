import { spawn } from "node:child_process";
import { once } from "node:events";
import { gate, reasonOf } from "@holdfast/conformance";
import { describe, expect, it } from "vitest";
import { AtomicPipeWriter, lines, type PipeClosedError } from "../../src/index.js";
import { closed, endWithTest, firstOf, lined, outcomes, Reader, texts } from "./children.js";

const node20 = process.version.startsWith("v20.");
/** However the news comes first: as an error of the write, or as the child's exit, upon which Node destroys the stream. */
const gone = expect.stringMatching(/^(error|destroyed)$/) as string;

describe("a child that dies within a message", () => {
  it("[S12] plain Node: every write fails alike, and the count says that all was written", async () => {
    const reader = new Reader();
    const { stdin } = reader;
    const errors: unknown[] = [];
    const closing = closed(stdin);
    for (const text of texts(3, 2 ** 20)) stdin.write(text, (error) => errors.push(error));
    expect(stdin.bytesWritten).toBe(3 * 2 ** 20);
    await reader.read(100_000);
    await reader.exit();
    await closing;
    expect(errors).toHaveLength(3);
  });

  it("[S12, PW4, PW1] of the message it is 'partial', of those behind it 'no', and that is true", async () => {
    const reader = new Reader();
    const failures: PipeClosedError[] = [];
    const failed = gate();
    const writer = new AtomicPipeWriter<string>(reader.stdin, {
      framing: lines,
      maxSliceBytes: 16_384,
      onFailure: (error) => {
        failures.push(error);
        failed.open();
      },
    });
    const messages = texts(4, 2 ** 20 - 1);
    const all = outcomes(messages.map((text) => writer.send(text)));
    const read = await reader.read(100_000);
    await reader.exit();
    expect(await all).toEqual(["partial", "no", "no", "no"]);
    // A part of the first and nothing of the others: it read less than the first.
    expect(read).toEqual(firstOf(lined(messages), 100_000));
    await failed.promise;
    expect(failures).toEqual([writer.failure]);
    expect(writer.failure).toMatchObject({ failure: gone, delivered: "partial" });
    expect(await reasonOf(writer.send("late"))).toMatchObject({ failure: gone, delivered: "no" });
  });

  it("[S13, S15, PW4] of all that were in one write it is 'unknown', though the first has arrived", async () => {
    const reader = new Reader();
    const writer = new AtomicPipeWriter<string>(reader.stdin, {
      framing: lines,
      maxBatchBytes: 2 ** 20,
      maxSliceBytes: 2 ** 20,
    });
    const messages = texts(4, 299_999);
    const all = outcomes(messages.map((text) => writer.send(text)));
    const read = await reader.read(350_000);
    await reader.exit();
    expect(await all).toEqual(["unknown", "unknown", "unknown", "no"]);
    expect(read).toEqual(firstOf(lined(messages), 350_000));
  });

  it("[S13, S27] what it never had, a successor gets, once", async () => {
    const reader = new Reader();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines, maxSliceBytes: 16_384 });
    const messages = texts(20, 99_999);
    const all = outcomes(messages.map((text) => writer.send(text)));
    const { bytes } = await reader.read(250_000);
    expect(bytes).toBe(250_000);
    await reader.kill();
    const outcome = await all;
    const unsent = messages.filter((_, index) => outcome[index] === "no");
    // The one on its way was cut somewhere, or was taken and not acknowledged.
    const cut = outcome.findIndex((each) => each !== "taken");
    expect(cut).toBeGreaterThanOrEqual(2);
    expect(outcome[cut]).toMatch(/^(partial|unknown)$/);
    expect(unsent).toEqual(messages.slice(cut + 1));
    const successor = new Reader();
    const next = new AtomicPipeWriter<string>(successor.stdin, { framing: lines });
    const received = successor.lines();
    await Promise.all(unsent.map((text) => next.send(text)));
    await next.end();
    expect(await received).toEqual([...unsent, ""]);
  });
});

describe("a child that dies with a message unread", () => {
  it("[S21, PW4] resolved is not delivered: only later sends can tell", async () => {
    const reader = new Reader();
    const failed = gate<PipeClosedError>();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines, onFailure: failed.open });
    await writer.send("never read");
    expect(await reader.so()).toMatchObject({ bytes: 0 });
    await reader.exit();
    expect(await failed.promise).toMatchObject({ failure: gone, delivered: "no" });
    expect(await reasonOf(writer.send("late"))).toMatchObject({ code: "ERR_PIPE_CLOSED", delivered: "no" });
  });

  it("[S28, PW10] `end()` waits for all that is queued, and tells that it did not get out", async () => {
    const reader = new Reader();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines });
    const sends = outcomes(["x".repeat(2 ** 20), "behind"].map((text) => writer.send(text)));
    const end = reasonOf(writer.end());
    await reader.exit();
    expect(await sends).toEqual([expect.stringMatching(/^(partial|unknown)$/), "no"]);
    expect(await end).toBe(writer.failure);
  });

  it("[S28] plain Node: the callback of `end` has the error", async () => {
    const reader = new Reader();
    const closing = closed(reader.stdin);
    const told = gate<unknown>();
    reader.stdin.end("x".repeat(2 ** 20), (error?: unknown) => {
      told.open(error);
    });
    await reader.exit();
    expect(await told.promise).toBeInstanceOf(Error);
    await closing;
  });

  it("[S28, PW10] `end()` with a deadline does not wait for a child that does not read", async () => {
    const reader = new Reader();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines });
    const send = reasonOf(writer.send("x".repeat(2 ** 20)));
    const closing = closed(reader.stdin);
    expect(await reasonOf(writer.end({ timeout: 50 }))).toMatchObject({ code: "ERR_TIMEOUT" });
    expect(await send).toMatchObject({ failure: "closed" });
    await closing;
    expect(reader.stdin.destroyed).toBe(true);
    const { bytes } = await reader.read();
    expect(bytes).toBeLessThan(2 ** 20);
  });
});

describe("a child that closes its standard input and lives on", () => {
  it("[S13] plain Node: EPIPE, and then another error for the same thing", async () => {
    const reader = new Reader();
    const { stdin } = reader;
    const closing = closed(stdin);
    await reader.close();
    const errors: unknown[] = [];
    const write = (): Promise<void> =>
      new Promise((resolve) => {
        stdin.write("x", (error) => {
          errors.push((error as NodeJS.ErrnoException | null | undefined)?.code);
          resolve();
        });
      });
    await write();
    expect(await closing).toHaveLength(1);
    await write();
    expect(errors).toEqual(["EPIPE", "ERR_STREAM_DESTROYED"]);
  });

  it("[S13, S20, PW7] fails the first send and at once every later one, for one cause", async () => {
    const reader = new Reader();
    await reader.close();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines });
    const sends = [reasonOf(writer.send("first", { label: "first" }))];
    const started = gate();
    sends.push(
      reasonOf(writer.send("second", { onStart: started.open })),
      reasonOf(writer.send("x".repeat(2 ** 20))),
    );
    const [first, second, third] = await Promise.all(sends);
    await started.promise;
    expect(first).toMatchObject({ failure: "error", delivered: "unknown", cause: { code: "EPIPE" } });
    expect(second).toMatchObject({ failure: "error", delivered: "unknown", cause: { code: "EPIPE" } });
    expect(third).toMatchObject({ failure: "error", delivered: "no", cause: { code: "EPIPE" } });
    expect(await reasonOf(writer.send("late"))).toMatchObject({ delivered: "no", cause: { code: "EPIPE" } });
    expect(writer.writable).toBe(false);
    // It lives.
    expect(await reader.so()).toMatchObject({ bytes: 0 });
  });
});

describe("a child that cannot be started", () => {
  it("[S20, PW7] rejects what is sent, and nothing is uncaught", async () => {
    const child = endWithTest(
      spawn(`${process.execPath}-that-is-not-there`, { stdio: ["pipe", "ignore", "ignore"] }),
    );
    const error = once(child, "error").catch((reason: unknown) => reason);
    const writer = new AtomicPipeWriter<string>(child.stdin, { framing: lines });
    const send = reasonOf(writer.send("x"));
    expect(await send).toMatchObject({ code: "ERR_PIPE_CLOSED", failure: gone });
    await error;
  });
});

describe("a stream that is destroyed in mid-write", () => {
  it("[S14] plain Node: Node 20 says that all is well, later ones that it was canceled", async () => {
    const { stdin } = new Reader();
    const told = gate<NodeJS.ErrnoException | null | undefined>();
    stdin.write("x".repeat(2 ** 20), told.open);
    stdin.destroy();
    expect((await told.promise)?.code).toBe(node20 ? undefined : "ECANCELED");
  });

  it.each([
    ["partial", 16_384],
    ["unknown", 2 ** 21],
  ] as const)("[S14, PW4] by anybody is a failure: '%s' for slices of %i bytes", async (delivered, slice) => {
    const reader = new Reader();
    const stalled = gate();
    const writer = new AtomicPipeWriter<string>(reader.stdin, {
      framing: lines,
      maxSliceBytes: slice,
      stallTimeout: 50,
      failOnStall: false,
      onStall: () => {
        stalled.open();
      },
    });
    const message = "x".repeat(2 ** 20);
    const all = outcomes([message, "behind"].map((text) => writer.send(text)));
    await reader.so();
    await stalled.promise;
    reader.stdin.destroy();
    expect(await all).toEqual([delivered, "no"]);
    expect(writer.failure).toMatchObject({ failure: "destroyed", delivered });
    const read = await reader.read();
    expect(read).toEqual(firstOf(message, read.bytes));
    expect(read.bytes).toBeGreaterThan(0);
    expect(read.bytes).toBeLessThan(2 ** 20);
  });

  it("[S14] as Node does when the child has exited is a failure, though another process could read on", async () => {
    const reader = new Reader();
    await reader.leave();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines, maxSliceBytes: 2 ** 23 });
    const send = reasonOf(writer.send("x".repeat(2 ** 23 - 1)));
    await reader.exit();
    expect(await send).toMatchObject({ failure: gone, delivered: "unknown" });
  });
});
