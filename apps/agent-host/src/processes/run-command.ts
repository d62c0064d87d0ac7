import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type Exit, type Launch, startAgent } from "../session/agent-process.js";

/** What a command wrote, and how it ended. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: Exit;
}

export interface CommandOptions {
  readonly input?: string;
  /** Bytes of stdout. Whoever writes more is ended. */
  readonly maxOutput: number;
  /** Characters of stderr, the last ones, that are kept. */
  readonly keptStderr: number;
  /** Tells it, and what it started, to end. */
  readonly signal: AbortSignal;
  /** Ends it, and what it started. */
  readonly forced: AbortSignal;
}

/** Milliseconds that its output may still come after its exit. */
const outputGrace = 2000;

/**
 * Runs a command in a process group of its own. Any exit code is a result; once it was told to end, only 0 is, which says that
 * it had done its work by then.
 *
 * @throws By rejecting: the signal's reason once it has ended because of that, and `Error` if it cannot be started, writes too
 * much, or has left somebody behind who keeps its output open.
 */
export async function runCommand(launch: Launch, options: CommandOptions): Promise<CommandResult> {
  const { input = "", maxOutput, keptStderr, signal, forced } = options;
  signal.throwIfAborted();
  const child = start(launch);
  const terminate = (): void => {
    child.signal("SIGTERM");
  };
  const kill = (): void => {
    child.signal("SIGKILL");
  };
  signal.addEventListener("abort", terminate);
  forced.addEventListener("abort", kill);
  try {
    // It need not read its input.
    child.stdin.on("error", () => undefined).end(input);
    const output = Promise.all([collect(child.stdout, maxOutput, kill), tail(child.stderr, keptStderr)]);
    output.catch(() => undefined);
    const exit = await child.exited;
    if (exit.code !== 0) signal.throwIfAborted();
    if (child.pid === undefined) throw new Error(`the command ${exit.how}`);
    // A process that has left the group may hold the pipe for ever.
    const both = await Promise.race([output, delay(outputGrace, undefined, { ref: false })]);
    if (both === undefined) {
      signal.throwIfAborted();
      throw new Error(
        "the command has ended, but something that it started keeps its output open; redirect that, as in: other >/dev/null 2>&1 &",
      );
    }
    const [stdout, stderr] = both;
    return { stdout, stderr, exit };
  } finally {
    signal.removeEventListener("abort", terminate);
    forced.removeEventListener("abort", kill);
    // Who holds the other end does not keep this process alive.
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function start(launch: Launch): ReturnType<typeof startAgent> {
  try {
    return startAgent(launch);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "E2BIG") throw error;
    throw new Error(
      "the command is given more text than the system takes; write what is long to a file, and let it read that",
      { cause: error },
    );
  }
}

async function collect(stream: Readable, most: number, kill: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) {
      kill();
      throw new Error(`the command wrote more than ${most} bytes; let it write to a file`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function tail(stream: Readable, kept: number): Promise<string> {
  let text = "";
  for await (const piece of stream.setEncoding("utf8") as AsyncIterable<string>)
    text = (text + piece).slice(-kept);
  return text;
}
