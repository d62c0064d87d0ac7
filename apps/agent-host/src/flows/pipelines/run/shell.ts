import { setTimeout as delay } from "node:timers/promises";
import { startAgent } from "../../../session/agent-process.js";

/** What a command wrote, and how it ended. */
export interface ShellResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface ShellOptions {
  readonly cwd: string;
  /** Tells it, and what it started, to end. */
  readonly signal: AbortSignal;
  /** Ends it, and what it started. */
  readonly forced: AbortSignal;
}

const maxOutput = 16 * 1024 * 1024;

/**
 * Runs a command with `sh`, in a process group of its own. Any exit code is a result.
 *
 * @throws By rejecting: the signal's reason once it has ended because of that, and `Error` if it cannot be started or writes too much.
 */
export async function runShell(command: string, { cwd, signal, forced }: ShellOptions): Promise<ShellResult> {
  signal.throwIfAborted();
  const child = startAgent({ command: "sh", args: ["-c", command], cwd });
  const terminate = (): void => {
    child.signal("SIGTERM");
  };
  const kill = (): void => {
    child.signal("SIGKILL");
  };
  signal.addEventListener("abort", terminate);
  forced.addEventListener("abort", kill);
  try {
    child.stdin.on("error", () => undefined).end();
    const output = Promise.all([collect(child.stdout, kill), collect(child.stderr, kill)]);
    output.catch(() => undefined);
    const exit = await child.exited;
    signal.throwIfAborted();
    if (child.pid === undefined) throw new Error(`the command ${exit.how}`);
    // A process that has left the group may hold the pipe for ever.
    const [stdout, stderr] = await Promise.race([output, delay(2000, undefined, { ref: false })]).then(
      (both) =>
        both ??
        Promise.reject(
          new Error("the command has ended, but something that it started keeps its output open"),
        ),
    );
    return { stdout, stderr, exitCode: exit.code };
  } finally {
    signal.removeEventListener("abort", terminate);
    forced.removeEventListener("abort", kill);
  }
}

async function collect(stream: NodeJS.ReadableStream, kill: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxOutput) {
      kill();
      throw new Error(`the command wrote more than ${maxOutput} bytes; let it write to a file`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** As one word of a command for `sh`, whatever it holds. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
