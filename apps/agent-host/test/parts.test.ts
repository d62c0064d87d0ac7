import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { HeldInput } from "../src/guard/held-input.js";
import { lastWords } from "../src/guard/last-words.js";
import { LineSplitter, LineTooLongError } from "../src/guard/line-splitter.js";
import { Outlet } from "../src/guard/outlet.js";
import { StallClock } from "../src/guard/stall-clock.js";
import { StderrRelay } from "../src/guard/stderr-relay.js";
import { openWaitLog } from "../src/guard/wait-log.js";

afterEach(() => {
  vi.useRealTimers();
});

describe("LineSplitter", () => {
  const text = 'a\r\n\n{"ä":1}\nlast';

  it.each([1, 2, 3, 7, 100])(
    "finds the same lines in pieces of %i bytes, with their bytes as they are",
    (size) => {
      const splitter = new LineSplitter(100);
      const bytes = Buffer.from(text);
      const lines: string[] = [];
      for (let at = 0; at < bytes.length; at += size)
        splitter.push(bytes.subarray(at, at + size), (line) => void lines.push(line.toString()));
      expect(lines).toEqual(["a\r\n", "\n", '{"ä":1}\n']);
      expect(splitter.rest().toString()).toBe("last");
      expect(splitter.rest()).toHaveLength(0);
    },
  );

  it("refuses a line beyond the limit, ended or not, after handing over what came before", () => {
    const lines: string[] = [];
    const push = (splitter: LineSplitter, piece: string): void => {
      splitter.push(Buffer.from(piece), (line) => void lines.push(line.toString()));
    };
    expect(() => {
      push(new LineSplitter(4), "abc\nabcd\n");
    }).toThrow(LineTooLongError);
    expect(lines).toEqual(["abc\n"]);
    const splitter = new LineSplitter(4);
    push(splitter, "abcd");
    expect(() => {
      push(splitter, "e");
    }).toThrow("--max-line");
    expect(splitter.rest()).toHaveLength(0);
  });
});

describe("Outlet", () => {
  const events = (): { full: () => void; drained: () => void; broken: () => void; seen: string[] } => {
    const seen: string[] = [];
    return {
      seen,
      full: () => void seen.push("full"),
      drained: () => void seen.push("drained"),
      broken: () => void seen.push("broken"),
    };
  };

  it("[PW1] writes whole lines, in order, and says once that the reader fell behind and once that it caught up", async () => {
    const writes: string[] = [];
    const stream = new Writable({
      highWaterMark: 4,
      write: (chunk: Buffer, _, done) => {
        writes.push(chunk.toString());
        setImmediate(done);
      },
    });
    const told = events();
    const outlet = new Outlet(stream, told);
    for (const line of ["a\n", "b\n", "c\n"]) outlet.write(Buffer.from(line));
    expect(told.seen).toEqual(["full"]);
    await outlet.flush(10_000);
    expect(writes.join("")).toBe("a\nb\nc\n");
    expect(told.seen).toEqual(["full", "drained"]);
    outlet.write(Buffer.from("d\n"));
    await outlet.flush(10_000);
    expect(told.seen).toEqual(["full", "drained"]);
  });

  it("refuses no line, however much waits", async () => {
    let bytes = 0;
    const stream = new Writable({
      write: (chunk: Buffer, _, done) => {
        bytes += chunk.length;
        setImmediate(done);
      },
    });
    const outlet = new Outlet(stream, events());
    // More than the writer takes by itself, of either.
    outlet.write(Buffer.alloc(2 ** 26 + 1));
    outlet.write(Buffer.alloc(2 ** 20 + 1), { lane: "control" });
    await outlet.flush(10_000);
    expect(bytes).toBe(2 ** 26 + 2 ** 20 + 2);
  });

  it("drops what is not started, and goes on", async () => {
    const taken: (() => void)[] = [];
    const stream = new Writable({ write: (_, __, done) => void taken.push(done) });
    const outlet = new Outlet(stream, events());
    const started: string[] = [];
    const write = (name: string): void => {
      outlet.write(Buffer.from(name), { onStart: () => started.push(name) });
    };
    write("first");
    await new Promise((resolve) => setImmediate(resolve));
    write("second");
    outlet.drop();
    write("third");
    taken.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(started).toEqual(["first", "third"]);
  });

  it("says once that it is broken, and writes no more", async () => {
    const stream = new Writable({
      write: (_, __, done) => {
        done(new Error("EPIPE"));
      },
    });
    const told = events();
    const outlet = new Outlet(stream, told);
    outlet.write(Buffer.from("a\n"));
    outlet.write(Buffer.from("b\n"));
    await new Promise((resolve) => setImmediate(resolve));
    outlet.write(Buffer.from("c\n"));
    outlet.end();
    await outlet.flush(10_000);
    expect(told.seen.filter((event) => event === "broken")).toHaveLength(1);
  });

  it("writes no more after its end", async () => {
    const told = events();
    const stream = new PassThrough();
    const outlet = new Outlet(stream, told);
    outlet.end();
    outlet.write(Buffer.from("a\n"));
    outlet.end();
    await outlet.flush(10_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told.seen).toEqual([]);
  });

  it("does not wait for ever for a reader that never reads", async () => {
    vi.useFakeTimers();
    const outlet = new Outlet(new Writable({ write: () => undefined }), events());
    outlet.write(Buffer.from("a\n"));
    const flushed = outlet.flush(2000);
    await vi.advanceTimersByTimeAsync(2000);
    await expect(flushed).resolves.toBeUndefined();
  });
});

describe("HeldInput", () => {
  const held = (most: number): { stream: PassThrough; input: HeldInput; tooMuch: () => number } => {
    const stream = new PassThrough();
    let calls = 0;
    const input = new HeldInput(stream, { every: 5, most, tooMuch: () => (calls += 1) });
    stream.on("data", (chunk: Buffer) => {
      input.took(chunk.length);
    });
    return { stream, input, tooMuch: () => calls };
  };

  it("sees the end of a stream that is held, behind all that was left in it", async () => {
    const { stream, input, tooMuch } = held(100);
    input.hold();
    for (let at = 0; at < 5; at += 1) stream.write("left");
    stream.end();
    await once(stream, "end");
    input.stop();
    expect(tooMuch()).toBe(0);
  });

  it("says once that more came than may, and starts anew after each release", async () => {
    const { stream, input, tooMuch } = held(10);
    for (let round = 0; round < 3; round += 1) {
      input.hold();
      stream.write("12345678");
      await once(stream, "data");
      input.release();
    }
    expect(tooMuch()).toBe(0);
    input.hold();
    stream.write("12345678");
    await once(stream, "data");
    stream.write("12345678");
    await once(stream, "data");
    expect(tooMuch()).toBe(1);
    expect(stream.isPaused()).toBe(true);
  });
});

describe("lastWords", () => {
  it("resolves when nothing has come for a while, which is longer within a message", async () => {
    vi.useFakeTimers();
    const stream = new PassThrough().resume();
    let within = false;
    let over = false;
    void lastWords(stream, 10_000, () => within).then(() => (over = true));
    await vi.advanceTimersByTimeAsync(99);
    within = true;
    stream.emit("data", "half");
    await vi.advanceTimersByTimeAsync(1999);
    within = false;
    stream.emit("data", "the rest");
    await vi.advanceTimersByTimeAsync(99);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect([over, vi.getTimerCount(), stream.listenerCount("data")]).toEqual([true, 0, 0]);
  });

  it("does not wait for ever for one that goes on and on, nor for one that has ended", async () => {
    vi.useFakeTimers();
    const stream = new PassThrough();
    let over = false;
    void lastWords(stream, 1000, () => false).then(() => (over = true));
    for (let at = 0; at < 19; at += 1) {
      stream.emit("data", "more");
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(50);
    expect([over, vi.getTimerCount()]).toEqual([true, 0]);
    const ending = lastWords(stream, 1000, () => false);
    stream.emit("end");
    await ending;
    stream.destroy();
    await lastWords(stream, 1000, () => false);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("StallClock", () => {
  const clock = (busy: () => boolean): { clock: StallClock; seen: string[] } => {
    vi.useFakeTimers();
    const seen: string[] = [];
    const made = new StallClock({
      after: 1000,
      busy,
      ask: () => void seen.push("ask"),
      stopped: () => void seen.push("stopped"),
    });
    made.start();
    return { clock: made, seen };
  };

  it("asks after the time of silence, gives up after the same time again, and only once", () => {
    const { seen } = clock(() => true);
    vi.advanceTimersByTime(999);
    expect(seen).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual(["ask"]);
    vi.advanceTimersByTime(999);
    expect(seen).toEqual(["ask"]);
    vi.advanceTimersByTime(10_000);
    expect(seen).toEqual(["ask", "stopped"]);
  });

  it("starts anew with every sign of life", () => {
    const { clock: made, seen } = clock(() => true);
    for (let round = 0; round < 5; round += 1) {
      vi.advanceTimersByTime(1000);
      made.heard();
    }
    expect(seen).toEqual(["ask", "ask", "ask", "ask", "ask"]);
  });

  it("does not count time in which nothing is expected", () => {
    let busy = false;
    const { seen } = clock(() => busy);
    vi.advanceTimersByTime(100_000);
    busy = true;
    vi.advanceTimersByTime(999);
    expect(seen).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual(["ask"]);
    busy = false;
    vi.advanceTimersByTime(100_000);
    expect(seen).toEqual(["ask"]);
  });

  it("asks first after the machine slept", () => {
    const { seen } = clock(() => true);
    vi.advanceTimersByTime(250);
    vi.setSystemTime(Date.now() + 3_600_000);
    const now = performance.now();
    vi.spyOn(performance, "now").mockReturnValue(now + 3_600_000);
    vi.advanceTimersByTime(250);
    expect(seen).toEqual(["ask"]);
    vi.restoreAllMocks();
  });
});

describe("StderrRelay", () => {
  it("passes everything on, remembers the last lines, and drops what nobody reads", () => {
    const from = new PassThrough();
    const got: string[] = [];
    let waiting = 0;
    const to = new Writable({ write: (chunk: Buffer) => void got.push(chunk.toString()) });
    Object.defineProperty(to, "writableLength", { get: () => waiting });
    vi.spyOn(to, "write").mockImplementation((chunk: unknown) => got.push(String(chunk)) > 0);
    const relay = new StderrRelay(from, to);
    from.emit("data", Buffer.from("one\ntwo\n"));
    waiting = 2 ** 21;
    from.emit("data", Buffer.from("lost\n"));
    waiting = 0;
    from.emit("data", Buffer.from("three\nfour\n"));
    expect(got).toEqual([
      "one\ntwo\n",
      "\nagent-host guard: 5 bytes of the server's stderr were not read in time\n",
      "three\nfour\n",
    ]);
    expect(relay.tail).toBe("lost | three | four");
    from.emit("data", Buffer.from("z".repeat(10_000)));
    expect(relay.tail).toHaveLength(2000);
  });
});

describe("the wait log", () => {
  it("appends a line to the file for each record, and does nothing once closed", () => {
    const folder = mkdtempSync(join(tmpdir(), "agent-host-log-"));
    const file = join(folder, "log");
    const record = {
      time: "t",
      tool: "x",
      request: 1,
      key: "/a",
      mode: "shared",
      holder: "y #2",
      ms: 3,
      outcome: "granted",
    } as const;
    const log = openWaitLog(file, () => undefined);
    log.write(record);
    log.write({ ...record, request: 2 });
    log.close();
    log.close();
    log.write(record);
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([record, { ...record, request: 2 }]);
    rmSync(folder, { recursive: true });
  });

  it.runIf(existsSync("/dev/full"))("says once that it cannot be written, and goes on", () => {
    const warnings: string[] = [];
    const log = openWaitLog("/dev/full", (message) => warnings.push(message));
    const record = { time: "t", tool: "x", request: 1, key: "/a", mode: "shared", holder: "y #2" } as const;
    log.write({ ...record, ms: 3, outcome: "granted" });
    log.write({ ...record, ms: 4, outcome: "granted" });
    log.close();
    expect(warnings).toEqual([expect.stringMatching(/cannot write the log \/dev\/full: ENOSPC/)]);
  });
});
