import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { AtomicPipeWriter, ndjson, PipeClosedError } from "@holdfast/atomic-pipe-writer";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cli } from "./support/guard-process.js";

const require = createRequire(import.meta.url);
const everything = join(
  dirname(require.resolve("@modelcontextprotocol/server-everything/package.json")),
  "dist/index.js",
);

let folder = "";
const transports: StdioClientTransport[] = [];
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agent-host-killed-"));
});
afterEach(async () => {
  for (const transport of transports.splice(0)) await transport.close();
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** The server, which leaves its process id in a file: behind the guard nobody else knows it. */
const server = (): string[] => [
  "sh",
  "-c",
  'echo $$ > "$0"; exec "$@"',
  join(folder, "pid"),
  process.execPath,
  everything,
];
const pid = (): number => Number(readFileSync(join(folder, "pid"), "utf8"));

const initialize = {
  jsonrpc: "2.0",
  id: "init",
  method: "initialize",
  params: {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "test", version: "1.0.0" },
  },
} as const;
const calls = Array.from({ length: 40 }, (_, id) => ({
  jsonrpc: "2.0" as const,
  id,
  method: "tools/call",
  params: { name: "echo", arguments: { message: "x".repeat(200_000) } },
}));

/** The official transport, with a server that has answered and then stopped. */
async function stopped(command: readonly string[]): Promise<{
  transport: StdioClientTransport;
  answers: Map<unknown, JSONRPCMessage>;
  closed: Promise<void>;
}> {
  const [name = "", ...args] = command;
  const transport = new StdioClientTransport({ command: name, args, stderr: "ignore" });
  transports.push(transport);
  const answers = new Map<unknown, JSONRPCMessage>();
  const closed = new Promise<void>((resolve) => (transport.onclose = resolve));
  const ready = new Promise<void>((resolve) => {
    transport.onmessage = (message) => {
      if ("id" in message && !("method" in message)) answers.set(message.id, message);
      if (answers.has("init")) resolve();
    };
  });
  await transport.start();
  await transport.send(initialize);
  await ready;
  process.kill(pid(), "SIGSTOP");
  return { transport, answers, closed };
}

/** Resolves when the transport's pipe takes no more, though there is more: whoever reads it stands still, or reads a piece now and then. */
async function heldBack(transport: StdioClientTransport): Promise<void> {
  const { stdin } = (transport as unknown as { readonly _process: ChildProcess })._process;
  const unwritten = (): number => stdin?.writableLength ?? 0;
  let before = unwritten();
  for (let times = 0; times < 5;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = unwritten();
    expect(now).toBeGreaterThan(0);
    times = now === before ? times + 1 : 0;
    before = now;
  }
}

/** Sends them all at once; `count()` is how many of these sends have settled. */
function sendAll(send: (call: (typeof calls)[number]) => Promise<void>): {
  all: Promise<unknown>;
  count: () => number;
} {
  let settled = 0;
  const sends = calls.map((call) =>
    send(call).then(
      () => (settled += 1),
      () => (settled += 1),
    ),
  );
  return { all: Promise.all(sends), count: () => settled };
}

describe("40 large calls to the official everything server, which is stopped and then killed", () => {
  it("before: sends of the official client never settle", async () => {
    const { transport, answers, closed } = await stopped(server());
    const { count } = sendAll((call) => transport.send(call));
    await heldBack(transport);
    process.kill(pid(), "SIGKILL");
    await closed;
    // The child is gone and its pipes are closed: nothing is left that could settle them.
    await turn();
    expect(count()).toBeLessThan(40);
    expect([...answers.keys()]).toEqual(["init"]);
  });

  it("[S19, AH2] behind the guard all 40 sends settle, and all 40 calls are answered", async () => {
    const { transport, answers, closed } = await stopped([process.execPath, cli, "guard", "--", ...server()]);
    const { all, count } = sendAll((call) => transport.send(call));
    await heldBack(transport);
    expect(count()).toBeLessThan(40);
    process.kill(pid(), "SIGKILL");
    await all;
    await closed;
    const messages = calls.map(
      ({ id }) => (answers.get(id) as { error?: { message: string } } | undefined)?.error?.message,
    );
    expect(messages.filter((message) => message?.includes("was ended by SIGKILL") === true)).toHaveLength(40);
    // Only what had begun to leave may have arrived.
    expect(messages.filter((message) => message?.includes("was not sent") === true).length).toBeGreaterThan(
      30,
    );
  });

  it("[S19, PW3] with the writer all 40 sends settle, each with what is known of it", async () => {
    const [name = "", ...args] = server();
    const child = spawn(name, args, { stdio: ["pipe", "pipe", "ignore"] });
    children.push(child);
    const closed = once(child, "close");
    const writer = new AtomicPipeWriter<object>(child.stdin, { framing: ndjson });
    await writer.send(initialize);
    await once(child.stdout, "data");
    process.kill(pid(), "SIGSTOP");
    const outcomes = Promise.allSettled(calls.map((call) => writer.send(call)));
    process.kill(pid(), "SIGKILL");
    child.stdout.resume();
    await closed;
    const delivered = (await outcomes).map((outcome) =>
      outcome.status === "rejected" && outcome.reason instanceof PipeClosedError
        ? outcome.reason.delivered
        : outcome.status,
    );
    expect(delivered).toHaveLength(40);
    expect(delivered.filter((known) => known === "no").length).toBeGreaterThan(30);
    expect(child.stdin.listenerCount("error") + child.stdin.listenerCount("drain")).toBe(0);
  });
});
