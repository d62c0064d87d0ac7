import { execFileSync } from "node:child_process";
import fs, {
  closeSync,
  constants,
  createWriteStream,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { gate, reasonOf, settle, watch, watchAll } from "@holdfast/conformance";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { AtomicPipeWriter, lines, raw } from "../src/index.js";
import { openFifo, pipeBuf } from "../src/node/fifo.js";

const folder = mkdtempSync(join(tmpdir(), "holdfast-pipe-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("a Node stream", () => {
  it("[S1, S22] of any kind is written to, and its count of bytes agrees", async () => {
    const file = join(folder, "file");
    const stream = createWriteStream(file);
    const writer = new AtomicPipeWriter<string>(stream, {
      framing: lines,
      maxBatchBytes: 10,
      maxSliceBytes: 10,
    });
    for (let index = 0; index < 5; index += 1) await writer.send(`line ${index} é`);
    await Promise.all([writer.send("x".repeat(50)), writer.control("!")]);
    await writer.end();
    expect(readFileSync(file, "utf8")).toBe(
      `${Array.from({ length: 5 }, (_, index) => `line ${index} é\n`).join("")}!\n${"x".repeat(50)}\n`,
    );
    await once(stream, "close");
    expect(stream.listenerCount("error")).toBe(0);
  });

  it("[S22] that somebody else writes to is given up", async () => {
    const stream = createWriteStream(join(folder, "shared"));
    const writer = new AtomicPipeWriter<string>(stream, { framing: lines });
    await writer.send("ours");
    stream.write("theirs");
    expect(await reasonOf(writer.send("next"))).toMatchObject({ failure: "foreign-write", delivered: "no" });
    writer.destroy();
  });

  it("[S22] that still has something from before is not suspected for that", async () => {
    const file = join(folder, "before");
    const stream = createWriteStream(file);
    stream.write("before\n");
    const writer = new AtomicPipeWriter<string>(stream, { framing: lines });
    await writer.send("first");
    await writer.send("second");
    await writer.end();
    expect(readFileSync(file, "utf8")).toBe("before\nfirst\nsecond\n");
  });

  it("[PW8] gets a large byte array as it is, several corked, and one listener per event", async () => {
    const taken: Buffer[][] = [];
    const stream = new Writable({
      writev: (chunks, callback) => {
        taken.push(chunks.map(({ chunk }) => chunk as Buffer));
        callback();
      },
    });
    const listeners = (): number => stream.listenerCount("error") + stream.listenerCount("close");
    const before = listeners();
    const writer = new AtomicPipeWriter(stream, { framing: raw });
    const cork = vi.spyOn(stream, "cork");
    await Promise.all([2000, 3000].map((size) => writer.send(Buffer.alloc(size, "x"))));
    expect(cork).toHaveBeenCalledTimes(1);
    expect(taken.map((chunks) => chunks.map(({ length }) => length))).toEqual([[2000, 3000]]);
    expect(listeners() - before).toBe(2);
  });

  it("[S12] that fails in the second of several corked writes fails for all", async () => {
    let writes = 0;
    const stream = new Writable({
      write: (_chunk, _encoding, callback) => {
        writes += 1;
        callback(writes === 2 ? new Error("EIO") : null);
      },
    });
    const writer = new AtomicPipeWriter(stream);
    const sends = [1, 2, 3].map((n) => reasonOf(writer.send(Buffer.alloc(2000), { label: `${n}` })));
    for (const error of await Promise.all(sends))
      expect(error).toMatchObject({ delivered: "unknown", failure: "error", cause: { message: "EIO" } });
  });

  it("[S14] that is destroyed in mid-write fails the send", async () => {
    const stream = new Writable({ write: () => undefined });
    const writer = new AtomicPipeWriter(stream);
    const send = reasonOf(writer.send("x"));
    await settle();
    stream.destroy();
    expect(await send).toMatchObject({ code: "ERR_PIPE_CLOSED", delivered: "unknown" });
  });

  it("[S28] that is ended by somebody else takes no more", async () => {
    const stream = new PassThrough();
    const writer = new AtomicPipeWriter(stream);
    stream.end();
    expect(await reasonOf(writer.send("x"))).toMatchObject({ failure: "destroyed", delivered: "no" });
  });

  it("[S28, S20] destroyed with a reason reports it to its other listeners, and nothing is uncaught", async () => {
    const stream = new PassThrough();
    const writer = new AtomicPipeWriter(stream);
    const reason = new Error("out of step");
    writer.destroy(reason);
    await settle();
    expect(stream.errored).toBe(reason);
    expect(stream.listenerCount("error")).toBe(0);
  });
});

describe("a WritableStream", () => {
  interface Web {
    readonly stream: WritableStream<Uint8Array>;
    readonly text: () => string;
    readonly steps: { readonly open: () => void; readonly fail: (error: unknown) => void }[];
    aborted: unknown;
  }

  function web(slow = false): Web {
    const chunks: Uint8Array[] = [];
    const state: Web = {
      stream: new WritableStream<Uint8Array>({
        write: (chunk) => {
          expect(chunk).toBeInstanceOf(Uint8Array);
          chunks.push(chunk);
          if (!slow) return undefined;
          return new Promise<void>((resolve, reject) => {
            state.steps.push({ open: resolve, fail: reject });
          });
        },
        abort: (reason) => {
          state.aborted = reason;
        },
      }),
      text: () => Buffer.concat(chunks).toString(),
      steps: [],
      aborted: undefined,
    };
    return state;
  }

  it("[S1, S3, S23] is written to as bytes, and is locked", async () => {
    const { stream, text } = web();
    const writer = new AtomicPipeWriter<string>(stream, {
      framing: lines,
      maxBatchBytes: 4,
      maxSliceBytes: 4,
    });
    expect(stream.locked).toBe(true);
    await Promise.all([writer.send("größe"), writer.send("x"), writer.control("!")]);
    expect(text()).toBe("!\ngröße\nx\n");
    await writer.end();
    await settle();
    expect(writer.failure).toBeUndefined();
    expect(AtomicPipeWriter.for(stream)).toBe(writer);
  });

  it("[S23] that is locked has a writer already", () => {
    const { stream } = web();
    stream.getWriter();
    expect(() => new AtomicPipeWriter(stream)).toThrow(TypeError);
  });

  it("joins byte arrays", async () => {
    const { stream, text } = web();
    const writer = new AtomicPipeWriter(stream);
    await Promise.all([Buffer.alloc(1500, "a"), Buffer.alloc(1500, "b")].map((chunk) => writer.send(chunk)));
    expect(text()).toBe("a".repeat(1500) + "b".repeat(1500));
  });

  it("[S12, PW7] that fails fails the pipe", async () => {
    const { stream, steps } = web(true);
    const writer = new AtomicPipeWriter<string>(stream, {
      framing: lines,
      maxBatchBytes: 4,
      maxSliceBytes: 4,
    });
    const sends = [writer.send("a long one"), writer.send("b")].map(reasonOf);
    const end = reasonOf(writer.end());
    await settle();
    steps[0]?.open();
    await settle();
    const cause = new Error("disconnected");
    steps[1]?.fail(cause);
    expect(await Promise.all([...sends, end])).toMatchObject([
      { delivered: "partial", failure: "error", cause },
      { delivered: "no", failure: "error", cause },
      { code: "ERR_PIPE_CLOSED" },
    ]);
  });

  it("[S28] that was closed before takes nothing", async () => {
    const { stream, text } = web();
    const other = stream.getWriter();
    await other.close();
    other.releaseLock();
    const writer = new AtomicPipeWriter<string>(stream);
    await settle();
    expect(writer.failure).toMatchObject({ failure: "destroyed" });
    expect(await reasonOf(writer.send("x"))).toMatchObject({ failure: "destroyed", delivered: "no" });
    expect(text()).toBe("");
  });

  it("[S28] of one's own making may tell of its end before close() resolves", async () => {
    const [closed, closing] = [gate(), gate()];
    const writer = new AtomicPipeWriter({
      getWriter: () => ({
        closed: closed.promise,
        write: () => Promise.resolve(),
        close: () => closing.promise,
        abort: () => Promise.resolve(),
      }),
    });
    const end = watch(writer.end());
    await settle();
    closed.open();
    await settle();
    expect([end.state, writer.failure]).toEqual(["pending", undefined]);
    closing.open();
    await settle();
    expect(end.state).toBe("fulfilled");
  });

  it("[S12] of one's own making may tell of a failure by its write alone", async () => {
    const cause = new Error("EPIPE");
    const writer = new AtomicPipeWriter({
      getWriter: () => ({
        closed: gate().promise,
        write: () => Promise.reject(cause),
        close: () => Promise.resolve(),
        abort: () => Promise.resolve(),
      }),
    });
    expect(await reasonOf(writer.send("x"))).toMatchObject({ failure: "error", delivered: "unknown", cause });
  });

  it("[S20] that fails while nothing is written fails the pipe too", async () => {
    let fail!: (error: unknown) => void;
    const stream = new WritableStream<Uint8Array>({
      start: (controller) => {
        fail = (error) => {
          controller.error(error);
        };
      },
    });
    const writer = new AtomicPipeWriter(stream);
    const cause = new Error("gone");
    fail(cause);
    await settle();
    expect(writer.failure).toMatchObject({ failure: "error", cause });
    expect(await reasonOf(writer.send("x"))).toMatchObject({ delivered: "no" });
  });

  it("[S28] is aborted by destroy, and nobody is left waiting", async () => {
    const state = web(true);
    const writer = new AtomicPipeWriter(state.stream);
    const send = reasonOf(writer.send("x"));
    await settle();
    const reason = new Error("enough");
    writer.destroy(reason);
    expect(await send).toMatchObject({ delivered: "unknown", failure: "closed", cause: reason });
    state.steps[0]?.open();
    await settle();
    expect(state.aborted).toBe(reason);
  });
});

describe.skipIf(process.platform === "win32")("a FIFO", () => {
  let count = 0;
  const fifo = (): string => {
    const path = join(folder, `fifo-${(count += 1)}`);
    execFileSync("mkfifo", [path]);
    return path;
  };
  const reader = (path: string): number => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const readAll = (fd: number): string => {
    const buffer = Buffer.alloc(2 ** 20);
    try {
      return buffer.toString("utf8", 0, readSync(fd, buffer));
    } catch {
      return "";
    }
  };
  const fds: number[] = [];
  beforeAll(() => {
    fds.length = 0;
  });
  afterAll(() => {
    for (const fd of fds) closeSync(fd);
  });

  it("[S24, S25] gets each frame as one write, and no larger ones", async () => {
    const path = fifo();
    const fd = reader(path);
    fds.push(fd);
    const writer = await openFifo<string>(path, { framing: lines });
    const most = "x".repeat(pipeBuf - 1);
    const write = vi.spyOn(Socket.prototype, "write");
    await Promise.all([writer.send("a"), writer.send("b"), writer.send(most)]);
    expect(write.mock.calls.map(([chunk]) => String(chunk))).toEqual(["a\n", "b\n", `${most}\n`]);
    write.mockRestore();
    expect(readAll(fd)).toBe(`a\nb\n${most}\n`);
    expect(await reasonOf(writer.send(`${most}x`))).toMatchObject({
      fault: "limit",
      bytes: pipeBuf + 1,
      message: `The frame takes ${pipeBuf + 1} bytes, and AtomicPipeWriter takes frames of at most ${pipeBuf}`,
    });
    await writer.send("still here");
    expect(readAll(fd)).toBe("still here\n");
    await writer.end();
  });

  it("[S11, S24] that is full is waited for, and no frame is cut", async () => {
    const path = fifo();
    const fd = reader(path);
    fds.push(fd);
    const writer = await openFifo<string>(path, { framing: lines, maxFrameBytes: 512 });
    const texts = Array.from({ length: 400 }, (_, index) => `${index}:`.padEnd(500, "x"));
    const sends = watchAll(texts.map((text) => writer.send(text)));
    let text = "";
    while (sends.some(({ state }) => state === "pending")) {
      await settle();
      text += readAll(fd);
    }
    text += readAll(fd);
    expect(text).toBe(texts.map((each) => `${each}\n`).join(""));
    await writer.end();
  });

  it("[S26] without a reader is waited for without occupying a thread, until there is one", async () => {
    const path = fifo();
    const openings = Array.from({ length: 6 }, () => watch(openFifo(path)));
    await settle();
    // A thread is free for this.
    expect(await stat(folder)).toBeDefined();
    expect(openings.every(({ state }) => state === "pending")).toBe(true);
    fds.push(reader(path));
    await vi.waitFor(() => {
      expect(openings.every(({ state }) => state === "fulfilled")).toBe(true);
    });
    for (const { value } of openings) await value?.end();
  });

  it("[S26] can be given up on, at once or after a while", async () => {
    const path = fifo();
    const abort = new AbortController();
    const opening = reasonOf(openFifo(path, {}, { signal: abort.signal }));
    await settle();
    abort.abort("enough");
    expect(await opening).toBe("enough");
    expect(await reasonOf(openFifo(path, {}, { signal: AbortSignal.abort("early") }))).toBe("early");
    expect(await reasonOf(openFifo(path, {}, { timeout: 0 }))).toMatchObject({ code: "ERR_TIMEOUT" });
    expect(await reasonOf(openFifo(path, {}, { timeout: 20 }))).toMatchObject({
      message: `Timed out after 20 ms waiting for FIFO "${path}"`,
    });
  });

  it("[S26] that is given up on during the system call is not tried again", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const abort = new AbortController();
      const opening = reasonOf(openFifo(fifo(), {}, { signal: abort.signal }));
      abort.abort("at once");
      expect(await opening).toBe("at once");
      for (let round = 0; round < 5; round += 1) await stat(folder);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("[S26] of which nobody wants the writer any more is closed again", async () => {
    const path = fifo();
    // Ends when all writers are gone, and there was one.
    const stream = new Socket({ fd: reader(path), readable: true, writable: false }).resume();
    const ended = once(stream, "end");
    const abort = new AbortController();
    const opening = reasonOf(openFifo(path, {}, { signal: abort.signal }));
    // While the system call is under way.
    abort.abort("at once");
    expect(await opening).toBe("at once");
    await ended;
  });

  it("[S26] with a reader opens without any time to wait", async () => {
    const path = fifo();
    fds.push(reader(path));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const opening = openFifo(path, {}, { timeout: 0 });
      expect(vi.getTimerCount()).toBe(0);
      await (await opening).end();
    } finally {
      vi.useRealTimers();
    }
  });

  it("[S26] without a reader is tried less and less often, twice a second in the end, and not after an abort", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    try {
      const abort = new AbortController();
      const opening = reasonOf(openFifo(fifo(), {}, { signal: abort.signal }));
      const pauses: number[] = [];
      for (let tries = 0; tries < 9; tries += 1) {
        while (vi.getTimerCount() === 0) await settle();
        const before = Date.now();
        vi.advanceTimersToNextTimer();
        pauses.push(Date.now() - before);
      }
      expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 320, 500, 500]);
      while (vi.getTimerCount() === 0) await settle();
      abort.abort("enough");
      expect(vi.getTimerCount()).toBe(0);
      expect(await opening).toBe("enough");
    } finally {
      vi.useRealTimers();
    }
  });

  it("[S26] that the system says nothing of is refused with what it says instead", async () => {
    const path = fifo();
    fds.push(reader(path));
    const cause = new Error("EIO");
    const fstat = vi.spyOn(fs, "fstat");
    fstat.mockImplementation(((_fd: number, callback: (error: Error) => void) => {
      callback(cause);
    }) as never);
    syncBuiltinESMExports();
    try {
      expect(await reasonOf(openFifo(path))).toBe(cause);
    } finally {
      fstat.mockRestore();
      syncBuiltinESMExports();
    }
  });

  it("that is none, or is not there, is refused", async () => {
    const file = join(folder, "no-fifo");
    writeFileSync(file, "");
    expect(await reasonOf(openFifo(file))).toMatchObject({
      message: `path must be a FIFO, received "${file}"`,
    });
    expect(await reasonOf(openFifo(join(folder, "nothing")))).toMatchObject({ code: "ENOENT" });
  });

  it("[S7] of which more is asked than it can do is refused at once", () => {
    expect(() => openFifo(5 as never)).toThrow(new TypeError("path must be a string, received 5"));
    expect(() => openFifo("x", { maxFrameBytes: pipeBuf + 1 })).toThrow(
      new RangeError(`options.maxFrameBytes must be at most ${pipeBuf} for a FIFO, received ${pipeBuf + 1}`),
    );
    expect(() => openFifo("x", {}, { timeout: -1 })).toThrow(RangeError);
    expect(() => openFifo("x", 5 as never)).toThrow(TypeError);
    expect(() => openFifo("x", { whenFull: "drop" as never })).toThrow(TypeError);
  });

  it("[S12, S24] whose reader goes away fails, and says what is known", async () => {
    const path = fifo();
    const fd = reader(path);
    const writer = await openFifo<string>(path, { framing: lines });
    await writer.send("read by nobody");
    closeSync(fd);
    expect(await reasonOf(writer.send("x"))).toMatchObject({ failure: "error", cause: { code: "EPIPE" } });
    writer.destroy();
  });
});
