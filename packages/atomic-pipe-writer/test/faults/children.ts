import { type ChildProcess, type ChildProcessByStdio, spawn, type StdioOptions } from "node:child_process";
import { createHash } from "node:crypto";
import { type EventEmitter, once } from "node:events";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import type { Delivered, PipeClosedError } from "../../src/index.js";

const started: ChildProcess[] = [];

// By id, and nothing but what this file started.
afterEach(async () => {
  await Promise.all(
    started.splice(0).map(async (child) => {
      if (child.pid === undefined || hasEnded(child)) return;
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    }),
  );
});

/** Sees to it that a child ends with the test. */
export function endWithTest<C extends ChildProcess>(child: C): C {
  started.push(child);
  return child;
}

const fixtures = {
  reader: fileURLToPath(new URL("./fixtures/reader.mjs", import.meta.url)),
  writer: fileURLToPath(new URL("./fixtures/writer.mjs", import.meta.url)),
};

/** Starts a fixture under the Node that runs the tests. */
export function startFixture(
  name: keyof typeof fixtures,
  args: readonly string[],
  stdio: StdioOptions,
): ChildProcess {
  return endWithTest(spawn(process.execPath, [fixtures[name], ...args], { stdio }));
}

/** Resolves when a child has ended. */
export async function ended(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) await once(child, "exit");
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Resolves when a stream is closed, with the errors that it reported. */
export function closed(stream: EventEmitter): Promise<unknown[]> {
  const errors: unknown[] = [];
  stream.on("error", (error) => errors.push(error));
  return new Promise((resolve) => {
    stream.on("close", () => {
      resolve(errors);
    });
  });
}

/** What a child has read so far. */
export interface Read {
  readonly bytes: number;
  readonly sha256: string;
}

/** A child that reads when, and as much as, it is told to. */
export class Reader {
  readonly child: ChildProcessByStdio<Socket, Readable, null>;
  /** Whoever waits for an answer; they come in order. */
  readonly #asked: ((answer: unknown) => void)[] = [];

  constructor() {
    this.child = startFixture("reader", [], ["pipe", "pipe", "inherit", "ipc"]) as typeof this.child;
    this.child.on("message", ([answer]: [unknown]) => this.#asked.shift()?.(answer));
  }

  get stdin(): Socket {
    return this.child.stdin;
  }

  get stdout(): Readable {
    return this.child.stdout;
  }

  /** What it has read; proof that it lives. */
  so(): Promise<Read> {
    return this.#ask("so");
  }

  /** Reads so many bytes (or to the end), in reads of at most `step` bytes. */
  read(count?: number, step?: number): Promise<Read> {
    return this.#ask("read", count, step);
  }

  /** Reads to the end; the last line is what has no line end. */
  lines(step?: number): Promise<readonly string[]> {
    return this.#ask("lines", step);
  }

  /** From now on reads this file; answers once that has a writer. */
  open(path: string): Promise<void> {
    return this.#ask("open", path);
  }

  /** Closes its standard input and lives on. */
  close(): Promise<void> {
    return this.#ask("close");
  }

  /** Writes so many bytes to its standard output, and nothing else until they are gone. */
  burst(size: number): Promise<void> {
    return this.#ask("burst", size);
  }

  /** Starts a process that has its standard input too, and that reads it to the end once this one is gone. */
  leave(): Promise<void> {
    return this.#ask("leave");
  }

  async exit(): Promise<void> {
    this.child.send(["exit"]);
    await ended(this.child);
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await ended(this.child);
  }

  #ask<T>(...command: unknown[]): Promise<T> {
    return new Promise((resolve) => {
      this.#asked.push(resolve as (answer: unknown) => void);
      this.child.send(command);
    });
  }
}

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** How a child has it that read the first bytes of something, and nothing else. */
export function firstOf(text: string, bytes: number): Read {
  return { bytes, sha256: sha256(Buffer.from(text).subarray(0, bytes)) };
}

/** So many different texts of one length. */
export function texts(count: number, length: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index}:`.padEnd(length, "x"));
}

/** The lines that texts become. */
export function lined(messages: readonly string[]): string {
  return messages.map((text) => `${text}\n`).join("");
}

/** What became of each send: `"taken"`, or what its rejection says of it. */
export function outcomes(sends: readonly Promise<void>[]): Promise<("taken" | Delivered)[]> {
  return Promise.all(
    sends.map((send) =>
      send.then(
        () => "taken" as const,
        (error: unknown) => (error as PipeClosedError).delivered,
      ),
    ),
  );
}

/** How often each outcome occurs, in the order in which they first do. */
export function tally(all: readonly string[]): [outcome: string, count: number][] {
  const counts = new Map<string, number>();
  for (const outcome of all) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts];
}
