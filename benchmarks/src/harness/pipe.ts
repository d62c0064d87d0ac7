import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Expected, Receipt } from "./reader.ts";

export type Message = string | Uint8Array;

/** A stream, and what lets one at a time write to it. */
export interface Locked<Lock> {
  readonly stream: Writable;
  readonly lock: Lock;
}

/** A real pipe to a process of its own, which reads all that comes. */
export class Pipe {
  readonly stdin: Writable;
  /** How many bytes all the messages have. */
  readonly bytes: number;
  readonly #child: ChildProcess;

  private constructor(expected: Expected) {
    // Without the flags of this process: it is the only one to be profiled.
    const child = fork(fileURLToPath(new URL("./reader.ts", import.meta.url)), {
      execArgv: ["--no-warnings"],
      serialization: "advanced",
      stdio: ["pipe", "ignore", "inherit", "ipc"],
    });
    if (child.stdin === null) throw new Error("the reader has no stdin");
    this.#child = child;
    this.stdin = child.stdin;
    this.bytes = expected.whole.length;
    child.send(expected);
  }

  /** Resolves when the reader is there; these messages it is to get, once or more often, always in this order. */
  static async open(messages: readonly Message[], marked = false): Promise<Pipe> {
    const whole = Buffer.concat(messages.map((message) => Buffer.from(message)));
    const pipe = new Pipe({ whole, marked });
    await pipe.received(0);
    return pipe;
  }

  /**
   * Resolves when all messages have arrived so many times, and `marks` bytes besides; throws unless they are the same ones.
   * Where the mark was.
   */
  async received(times: number, marks = 0): Promise<number> {
    const count = times * this.bytes + marks;
    this.#child.send(count);
    const [{ bytes, right, mark }] = (await once(this.#child, "message")) as [Receipt];
    if (bytes !== count || right !== count - marks)
      throw new Error(`the reader had ${bytes} bytes instead of ${count}, and the first ${right} were right`);
    return mark;
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}

/** Lines of so many bytes, each with its number. */
export function lines(count: number, bytes: number): string[] {
  // From bytes, so that a line is one piece and not a tree of pieces that somebody has to join first.
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(`${`${index} `.padEnd(bytes - 1, "x")}\n`).toString("latin1"),
  );
}
