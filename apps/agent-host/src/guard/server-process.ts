import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { UsageError } from "../usage-error.js";

/** Milliseconds for output that is still on its way when the process has ended; a grandchild may keep the pipe open. */
const drainTime = 500;
/** How often that time may pass while output still comes. */
const drainRounds = 20;
/** Milliseconds between the request to end and the end by force. */
const killDelay = 1000;
const ownGroup = process.platform !== "win32";

/** How the server's process ended. */
export interface Ending {
  /** For people: "ended with exit code 3", "could not be started: ...". */
  readonly how: string;
  /** As a shell would report it. */
  readonly code: number;
}

/** The server: a child process in a group of its own, so that what it started can be ended with it. */
export class ServerProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the process is gone and its output has been read. Never rejects. */
  readonly gone: Promise<Ending>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #ended = false;
  #killTimer: NodeJS.Timeout | undefined;

  /** Throws `UsageError` for a command that cannot be one; what goes wrong later is in `gone`. */
  constructor(command: string, args: readonly string[]) {
    this.#child = start(command, args);
    const { stdin, stdout, stderr } = this.#child;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.gone = this.#watch(command);
  }

  /** Asks it to end, and makes it end a second later. */
  terminate(): void {
    if (this.#ended || this.#killTimer !== undefined) return;
    this.#signal("SIGTERM");
    this.#killTimer = setTimeout(() => {
      this.kill();
    }, killDelay);
  }

  /** Ends it, and all that is left of its group, at once. */
  kill(): void {
    this.#signal("SIGKILL");
  }

  async #watch(command: string): Promise<Ending> {
    const child = this.#child;
    const closed = once(child, "close").catch(() => undefined);
    const ending = await new Promise<Ending>((resolve) => {
      child.once("error", (error: NodeJS.ErrnoException) => {
        // Later errors are about signals, and the process is there.
        if (child.pid === undefined) resolve(notStarted(command, error));
      });
      child.once("exit", (code, signal) => {
        resolve(
          signal === null
            ? { how: `ended with exit code ${code ?? 0}`, code: code ?? 0 }
            : { how: `was ended by ${signal}`, code: 128 + constants.signals[signal] },
        );
      });
    });
    clearTimeout(this.#killTimer);
    // What it started and left behind must not outlive the guard.
    this.kill();
    this.#ended = true;
    await this.#drained(closed);
    return ending;
  }

  /** Waits for the rest of the output: as long as it comes, or the client is slow to take it. */
  async #drained(closed: Promise<unknown>): Promise<void> {
    const output = { open: true, pieces: 0 };
    void closed.then(() => {
      output.open = false;
    });
    this.stdout.on("data", () => {
      output.pieces += 1;
    });
    for (let round = 0; output.open && round < drainRounds; round += 1) {
      const { pieces } = output;
      const timer = new AbortController();
      await Promise.race([closed, wait(drainTime, timer.signal)]);
      timer.abort();
      if (output.pieces === pieces && !this.stdout.isPaused()) return;
    }
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    // Once it is reaped, the number may belong to somebody else.
    if (pid === undefined || this.#ended) return;
    try {
      if (ownGroup) process.kill(-pid, signal);
      else this.#child.kill(signal);
    } catch {
      // Nobody is left.
    }
  }
}

function start(command: string, args: readonly string[]): ChildProcessByStdio<Writable, Readable, Readable> {
  try {
    return spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], detached: ownGroup, windowsHide: true });
  } catch (error) {
    // An empty name, or arguments that the system does not take.
    throw new UsageError(
      `cannot start the server's command ${JSON.stringify(command)}: ${(error as Error).message}. ` +
        "Give it after --, with its arguments.",
    );
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function notStarted(command: string, error: NodeJS.ErrnoException): Ending {
  if (error.code === "ENOENT")
    return {
      how: `could not be started: no command ${JSON.stringify(command)} was found. Check its name, or give its full path`,
      code: 127,
    };
  return { how: `could not be started: ${error.message}`, code: 126 };
}
