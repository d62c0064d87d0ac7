// The acceptance tests of what is written to an agent, each beside what goes wrong without the writer: the simplest thing that one would
// write instead, shown to fail. All children are real, and everything is told by order, bytes and counts, never by time.
import { settle } from "@holdfast/conformance";
import { AtomicPipeWriter, lines, ndjson, type PipeClosedError } from "@holdfast/atomic-pipe-writer";
import { pipeBuf } from "@holdfast/atomic-pipe-writer/fifo";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { type ChildProcess, type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, openSync } from "node:fs";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Frame } from "../../src/session/agent-child.js";
import { type AgentProcess, startAgent } from "../../src/session/agent-process.js";
import { endChildren, HeardChild } from "./support/children.js";
import { newFolder, scripted } from "./support/scripted.js";
import { closeAll, openSession } from "./support/sessions.js";

const started: ChildProcess[] = [];

// Real processes and many megabytes: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 60_000 });

afterEach(async () => {
  vi.restoreAllMocks();
  await closeAll();
  await endChildren();
  for (const child of started.splice(0))
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
});

const manifest = createRequire(import.meta.url).resolve(
  "@modelcontextprotocol/server-everything/package.json",
);
const everything = join(dirname(manifest), "dist/index.js");
const home = fileURLToPath(new URL("../..", import.meta.url));

type Piped = ChildProcessByStdio<Writable, Readable, Readable>;

/** Starts a script with three pipes, and with `args` behind it. */
function startScript(script: string, ...args: string[]): Piped {
  const flags = ["--input-type=module", "-e", script, "--", ...args];
  const child = spawn(process.execPath, flags, { stdio: ["pipe", "pipe", "pipe"], cwd: home });
  started.push(child);
  child.stdin.on("error", () => undefined);
  // One that waits for "drain" has two of its own.
  child.stdin.setMaxListeners(0);
  return child;
}

/** All that a stream says, to its end. */
async function textOf(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += String(chunk);
  return text;
}

/** Cuts a text into as many pieces of about one length. */
function pieces(text: string, count: number): string[] {
  const length = Math.ceil(text.length / count);
  return Array.from({ length: count }, (_, at) => text.slice(at * length, (at + 1) * length));
}

/** Writes a message in pieces, as one does who waits for room in between. */
async function writeNaively(stdin: Writable, message: object, signal?: AbortSignal): Promise<void> {
  for (const piece of pieces(`${JSON.stringify(message)}\n`, 4)) {
    signal?.throwIfAborted();
    stdin.write(piece);
    await turn();
  }
}

describe("1: three at once, to the official MCP server", () => {
  const call = (id: number): Frame => ({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: { name: "echo", arguments: { message: `${id}`.repeat(100_000) } },
  });
  const calls = [call(1), call(2), call(3)];

  /** A server that knows its client, and what it has answered. */
  async function connected(): Promise<{
    readonly heard: HeardChild;
    readonly stdin: Writable;
    readonly answered: () => unknown[];
  }> {
    let server: AgentProcess | undefined;
    const heard = new HeardChild({
      launch: { command: process.execPath, args: [everything, "stdio"] },
      start: (launch) => (server = startAgent(launch)),
    });
    const { writer } = heard.child;
    const clientInfo = { name: "test", version: "1.0.0" };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    await writer.send({ jsonrpc: "2.0", id: "hello", method: "initialize", params });
    await heard.until(() => heard.frames.some(({ id }) => id === "hello"));
    await writer.send({ jsonrpc: "2.0", method: "notifications/initialized" });
    const answered = (): unknown[] =>
      heard.frames.filter(({ id }) => typeof id === "number").map(({ id }) => id);
    return { heard, stdin: (server as unknown as AgentProcess).stdin, answered };
  }

  /** What is asked now is answered after all that was asked before. */
  async function askLast(heard: HeardChild, stdin: Writable): Promise<void> {
    stdin.write(`${JSON.stringify({ ...call(0), id: "last" })}\n`);
    await heard.until(() => heard.frames.some(({ id }) => id === "last"));
  }

  it("[S1, S2] through the writer: 3 of 3 are answered, though a notice comes in between", async () => {
    const { heard, answered } = await connected();
    const { writer } = heard.child;
    const sends = calls.map((message) => writer.send(message));
    const notice = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 99 } };
    await Promise.all([...sends, writer.control(notice)]);
    await heard.until(() => answered().length === 3);
    expect(answered().sort()).toEqual([1, 2, 3]);
  });

  it("before: written in pieces, 0 of 3 are answered, and nobody says so", async () => {
    const { heard, stdin, answered } = await connected();
    await Promise.all(calls.map((message) => writeNaively(stdin, message)));
    await askLast(heard, stdin);
    expect(answered()).toEqual([]);
  });
});

describe.skipIf(process.platform === "win32")("2: one FIFO (Windows has none), and four processes", () => {
  /** Enough for the pipe to be full several times over. */
  const count = 400;

  /** Each writes its lines when it is told to, and says first that it will. */
  const writers = {
    writer: `
      import { openFifo } from "@holdfast/atomic-pipe-writer/fifo";
      import { lines } from "@holdfast/atomic-pipe-writer";
      const [path, name, size] = process.argv.slice(1);
      const writer = await openFifo(path, { framing: lines });
      const frame = name.repeat(size - 1);
      const sends = Array.from({ length: ${count} }, (_, at) =>
        writer.send(frame, at > 0 ? undefined : { onStart: () => process.stdout.write("started") }));
      const refused = (await Promise.allSettled(sends)).filter(({ status }) => status === "rejected");
      await writer.end();
      process.stderr.write(String(refused.length));`,
    /** The same with a stream of Node's. */
    stream: `
      import { openSync, constants } from "node:fs";
      import { Socket } from "node:net";
      const [path, name, size] = process.argv.slice(1);
      const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      const stream = new Socket({ fd, readable: false, writable: true });
      for (let at = 0; at < ${count}; at += 1) stream.write(name.repeat(size - 1) + "\\n");
      // By now the pipe is full, in the midst of a line, or somebody else has filled it.
      setImmediate(() => setImmediate(() => process.stdout.write("started")));
      stream.end();`,
  };

  /** Has four processes write lines of this size at once; resolves to how many came whole, were torn, and were refused. */
  async function race(
    how: keyof typeof writers,
    size: number,
  ): Promise<{ whole: number; torn: number; refused: number }> {
    const path = join(newFolder(), "fifo");
    execFileSync("mkfifo", [path]);
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const start = async (name: string): Promise<[child: Piped, refused: Promise<string>]> => {
      const child = startScript(writers[how], path, name, `${size}`);
      const refused = textOf(child.stderr);
      // Each has more than there is room for, and nobody reads before all have begun.
      await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
      return [child, refused];
    };
    const first = await start("a");
    const begun = [first, ...(await Promise.all(["b", "c", "d"].map(start)))];
    const refusals = begun.map(([, refused]) => refused);
    // It does not go on where it was when there is room, but after the others.
    first[0].kill("SIGSTOP");
    const reader = new Socket({ fd, readable: true, writable: false });
    reader.on("data", (chunk) => {
      if (/[bcd]/.test(String(chunk))) first[0].kill("SIGCONT");
    });
    const received = textOf(reader);
    const refused = (await Promise.all(refusals)).reduce((sum, text) => sum + Number(text), 0);
    const all = (await received).split("\n").filter((line) => line !== "");
    const isWhole = (line: string): boolean => /^(\w)\1*$/.test(line) && line.length === size - 1;
    const whole = all.filter(isWhole).length;
    return { whole, torn: all.length - whole, refused };
  }

  it("[S24] of 4,096 bytes (what the system writes as one), all lines are whole", async () => {
    expect(await race("writer", pipeBuf)).toEqual({ whole: 4 * count, torn: 0, refused: 0 });
  });

  it("[S24] of one byte more, all are refused before a byte is written", async () => {
    expect(await race("writer", pipeBuf + 1)).toEqual({ whole: 0, torn: 0, refused: 4 * count });
  });

  it("[S25] small ones that pile up are not joined", async () => {
    // Three of them make one write that is too large to be one.
    const size = Math.floor(pipeBuf / 3) + 100;
    expect(await race("writer", size)).toEqual({ whole: 4 * count, torn: 0, refused: 0 });
  });

  /** How many lines streams tear. Who comes in between is up to the system, so it may take more than one race. */
  async function tornByStreams(size: number): Promise<number> {
    for (let round = 1; ; round += 1) {
      const { torn } = await race("stream", size);
      if (torn > 0 || round === 10) return torn;
    }
  }

  it("before: a stream writes the one byte more, and lines are torn", async () => {
    expect(await tornByStreams(pipeBuf + 1)).toBeGreaterThan(0);
  });

  it("before: a stream joins the small ones that pile up, and lines are torn", async () => {
    expect(await tornByStreams(Math.floor(pipeBuf / 3) + 100)).toBeGreaterThan(0);
  });
});

describe.skipIf(process.platform === "win32")("3: in the middle of a message", () => {
  const long = "x".repeat(2 << 20);

  /** A session whose agent is stopped, as a debugger does, while it is told something long. */
  async function halfTold(signal?: AbortSignal): Promise<{
    readonly session: ReturnType<typeof openSession>["session"];
    readonly lines: string[];
    readonly agent: AgentProcess;
    readonly outcome: Promise<unknown>;
  }> {
    const agents: AgentProcess[] = [];
    const { session, lines } = openSession({
      start: (launch) => {
        const process = startAgent(launch);
        agents.push(process);
        return process;
      },
    });
    await session.prompt("hello", { kind: "worker" });
    const [agent] = agents as [AgentProcess];
    agent.signal("SIGSTOP");
    const outcome = session.prompt(long, { kind: "worker", signal });
    while (session.status().counters.sent < 2) await turn();
    expect(session.status().agent?.unwrittenBytes).toBeGreaterThan(0);
    return { session, lines, agent, outcome };
  }

  it("[S9, S67] an abort lets the message finish, and the interrupt follows it", async () => {
    const stop = new AbortController();
    const { session, lines, agent, outcome } = await halfTold(stop.signal);
    stop.abort();
    expect(session.status().agent?.unwrittenBytes).toBeGreaterThan(0);
    agent.signal("SIGCONT");
    expect(await outcome).toMatchObject({ status: "cancelled", sent: true });
    const next = await session.prompt("clean", { kind: "handler" });
    expect(next).toMatchObject({ status: "completed", text: expect.stringMatching(/#3: clean$/) as string });
    expect([session.status().counters.started, lines.filter((line) => line.includes("not JSON"))]).toEqual([
      1,
      [],
    ]);
  });

  it("before: one that stops writing makes one line of the message and the interrupt, and neither is heard", async () => {
    const child = spawn(process.execPath, [scripted], { stdio: ["pipe", "pipe", "pipe"] });
    started.push(child);
    const [out, err] = [textOf(child.stdout), textOf(child.stderr)];
    const stop = new AbortController();
    const user = (content: string): object => ({ type: "user", message: { role: "user", content } });
    const sent = writeNaively(child.stdin, user(long), stop.signal);
    stop.abort();
    await expect(sent).rejects.toBe(stop.signal.reason);
    const interrupt = { type: "control_request", request_id: "i-1", request: { subtype: "interrupt" } };
    child.stdin.write(`${JSON.stringify(interrupt)}\n`);
    child.stdin.end(`${JSON.stringify(user("what comes next"))}\n`);
    const types = (await out)
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual(["system", "assistant", "result"]);
    expect((await err).match(/not JSON/g)).toHaveLength(1);
  });

  it("[S14, S81] a pipe that somebody destroys fails the try, on every Node; the agent is replaced and told anew", async () => {
    const { session, agent, outcome } = await halfTold();
    agent.stdin.destroy();
    expect(await outcome).toEqual({
      status: "completed",
      text: expect.stringMatching(/#1: x{2097152}$/) as string,
    });
    expect(session.status().counters).toMatchObject({ started: 2, sent: 3 });
  });

  it("[S14, S12] the writer says that a part is all that can have arrived", async () => {
    const heard = new HeardChild();
    process.kill(Number(heard.child.pid), "SIGSTOP");
    const send = heard.prompt(long);
    const [told] = await Promise.all([
      send.catch((error: unknown) => error as PipeClosedError),
      turn().then(() => heard.child.kill("the test wants it")),
    ]);
    expect(told).toMatchObject({
      code: "ERR_PIPE_CLOSED",
      delivered: expect.stringMatching(/^(partial|unknown)$/) as string,
    });
  });

  it("before: Node 20 calls it written, later ones canceled, and no more than a part of it is there", async () => {
    const child = startScript(`
      let bytes = 0;
      process.stdin.on("data", (chunk) => { bytes += chunk.length; });
      process.stdin.on("end", () => { console.log(bytes); });`);
    const told = new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
      child.stdin.write(long, resolve);
    });
    child.stdin.destroy();
    const arrived = Number(await textOf(child.stdout));
    expect((await told)?.code).toBe(process.version.startsWith("v20.") ? undefined : "ECANCELED");
    expect(arrived).toBeLessThan(long.length);
  });
});

describe.skipIf(process.platform === "win32")("4: thirty who wait for an MCP server that is killed", () => {
  const message = {
    jsonrpc: "2.0",
    method: "notifications/x",
    params: { text: "x".repeat(65_536) },
  } as const;

  it("[S19] through the writer: all of them are told", async () => {
    const heard = new HeardChild({ launch: { command: process.execPath, args: [everything, "stdio"] } });
    process.kill(Number(heard.child.pid), "SIGSTOP");
    const sends = Array.from({ length: 30 }, () => heard.child.writer.send(message));
    await turn();
    process.kill(Number(heard.child.pid), "SIGKILL");
    const settled = await Promise.allSettled(sends);
    const told = settled.filter((one) => one.status === "rejected");
    expect(told.length).toBeGreaterThan(20);
    for (const { reason } of told as { readonly reason: unknown }[])
      expect(reason).toMatchObject({ code: "ERR_PIPE_CLOSED" });
  });

  it("before: through the official client, most of them wait for ever", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const client = new StdioClientTransport({
      command: process.execPath,
      args: [everything, "stdio"],
      stderr: "ignore",
    });
    await client.start();
    const closed = new Promise<void>((resolve) => {
      client.onclose = resolve;
    });
    const pid = Number(client.pid);
    process.kill(pid, "SIGSTOP");
    let settled = 0;
    for (let at = 0; at < 30; at += 1) void client.send(message).finally(() => (settled += 1));
    await turn();
    process.kill(pid, "SIGKILL");
    await closed;
    await settle();
    expect(30 - settled).toBeGreaterThan(20);
    expect(warned).toHaveBeenCalledOnce();
  });
});

/** Says after how many bytes and lines the "!" came. Nothing that is sent has another one in it. */
const measuring = `
  let [bytes, lines] = [0, 0];
  process.stdin.on("data", (chunk) => {
    for (const byte of chunk) {
      if (byte === 33) console.log(JSON.stringify({ bytes, lines }));
      bytes += 1;
      if (byte === 10) lines += 1;
    }
  });`;

describe("5: an interrupt behind 20 MB", () => {
  const megabyte = "x".repeat((1 << 20) - 1);

  it("[S4, S3] through the writer: goes out behind the one message that is on its way", async () => {
    const child = startScript(measuring);
    const measured = textOf(child.stdout);
    const writer = new AtomicPipeWriter<string>(child.stdin, { framing: lines });
    const first = new Promise<void>((resolve) => {
      void writer.send(megabyte, { onStart: resolve });
    });
    for (let at = 1; at < 20; at += 1) void writer.send(megabyte);
    await first;
    void writer.control("!");
    await writer.end();
    expect(JSON.parse(await measured)).toEqual({ bytes: 1 << 20, lines: 1 });
  });

  it("before: a stream puts it behind all of them", async () => {
    const child = startScript(measuring);
    for (let at = 0; at < 20; at += 1) child.stdin.write(`${megabyte}\n`);
    child.stdin.end("!\n");
    expect(JSON.parse(await textOf(child.stdout))).toEqual({ bytes: 20 << 20, lines: 20 });
  });
});

describe("14: a message behind control messages without end", () => {
  /** How many come before it, of 500 that are there. */
  async function linesBefore(maxConsecutiveControl?: number): Promise<unknown> {
    const child = startScript(measuring);
    const writer = new AtomicPipeWriter<string>(child.stdin, { framing: lines, maxConsecutiveControl });
    const measured = textOf(child.stdout);
    void writer.send("!");
    for (let at = 0; at < 500; at += 1) void writer.control("interrupt");
    await writer.end();
    return (JSON.parse(await measured) as { lines: number }).lines;
  }

  it("[S29] goes out behind so many of them", async () => {
    expect([await linesBefore(), await linesBefore(7)]).toEqual([64, 7]);
  });

  it("before: without a bound it is the last", async () => {
    expect(await linesBefore(Infinity)).toBe(500);
  });
});

describe.skipIf(process.platform === "win32")("15: everything at once, through real pipes", () => {
  type Send = (message: object, signal: AbortSignal) => Promise<void>;

  /** A generator of numbers below `bound`, the same ones each time. */
  function numbers(seed: number): (bound: number) => number {
    let state = seed;
    return (bound) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * bound);
    };
  }

  /** Six senders with messages of all sizes, some of which are aborted, to a child that says what it reads and may be killed. */
  async function soak(
    seed: number,
    senderFor: (stdin: Writable) => Send,
  ): Promise<{ torn: number; unsettled: number; lost: number; aborted: number }> {
    const random = numbers(seed);
    const isKilled = seed % 2 === 1;
    const child = startScript("process.stdin.pipe(process.stdout)");
    const received = textOf(child.stdout);
    const closed = once(child, "close");
    const send = senderFor(child.stdin);
    const outcomes = new Map<number, "pending" | "sent" | "failed">();
    let aborted = 0;
    const sender = async (first: number): Promise<void> => {
      for (let id = first; id < first + 20; id += 1) {
        const stop = new AbortController();
        const message = { id, body: "x".repeat(random(2) === 0 ? random(100) : random(300_000)), end: id };
        outcomes.set(id, "pending");
        const settled = send(message, stop.signal).then(
          () => outcomes.set(id, "sent"),
          () => outcomes.set(id, "failed"),
        );
        if (random(4) === 0) {
          for (let ticks = random(4); ticks > 0; ticks -= 1) await turn();
          if (outcomes.get(id) === "pending") aborted += 1;
          stop.abort();
        }
        if (random(2) === 0) await settled;
      }
    };
    const senders = Promise.all([0, 100, 200, 300, 400, 500].map(sender));
    if (isKilled) {
      await once(child.stdin, "drain").catch(() => undefined);
      child.kill("SIGKILL");
    } else {
      await senders;
      child.stdin.end();
    }
    await closed;
    for (let ticks = 0; ticks < 200; ticks += 1) await turn();
    // What a killed child leaves unfinished is the end, and no line.
    const all = (await received).split("\n").slice(0, -1);
    const whole = new Set<number>();
    let torn = 0;
    for (const line of all)
      try {
        const { id, end } = JSON.parse(line) as { id: number; end: number };
        if (id !== end || whole.has(id)) torn += 1;
        whole.add(id);
      } catch {
        torn += 1;
      }
    const states = [...outcomes];
    const unsettled = states.filter(([, state]) => state === "pending").length;
    const lost = isKilled ? 0 : states.filter(([id, state]) => (state === "sent") !== whole.has(id)).length;
    return { torn, unsettled, lost, aborted };
  }

  const seeds = [1, 2, 3, 4, 5, 6];

  it("[S1, S8, S9, S19, PW3] every send settles once, what is sent arrives whole and once, and what is aborted not at all", async () => {
    let aborted = 0;
    for (const seed of seeds) {
      const result = await soak(seed, (stdin) => {
        const writer = new AtomicPipeWriter<unknown>(stdin, { framing: ndjson, maxSliceBytes: 65_536 });
        return (message, signal) => writer.send(message, { signal });
      });
      expect(result).toMatchObject({ torn: 0, unsettled: 0, lost: 0 });
      aborted += result.aborted;
    }
    expect(aborted).toBeGreaterThan(10);
  });

  it("before: the same with writes in pieces: torn lines, and sends that never settle", async () => {
    const sum = { torn: 0, unsettled: 0 };
    for (const seed of seeds) {
      const { torn, unsettled } = await soak(seed, (stdin) => async (message, signal) => {
        for (const piece of pieces(`${JSON.stringify(message)}\n`, 4)) {
          signal.throwIfAborted();
          if (!stdin.write(piece)) await once(stdin, "drain", { signal });
        }
      });
      sum.torn += torn;
      sum.unsettled += unsettled;
    }
    expect(sum.torn).toBeGreaterThan(0);
    expect(sum.unsettled).toBeGreaterThan(0);
  });
});
