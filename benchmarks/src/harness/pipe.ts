import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import type { Receipt } from "./reader.ts";

export type Message = string | Uint8Array;

/** A stream, and what lets one at a time write to it. */
export interface Locked<Lock> {
  readonly stream: Writable;
  readonly lock: Lock;
}

/** A real pipe to a process of its own, which reads all that comes. */
export class Pipe {
  readonly stdin: Writable;
  readonly #child: ChildProcess;

  private constructor() {
    // Without the flags of this process: it is the only one to be profiled.
    const child = fork(fileURLToPath(new URL("./reader.ts", import.meta.url)), {
      execArgv: ["--no-warnings"],
      stdio: ["pipe", "ignore", "inherit", "ipc"],
    });
    if (child.stdin === null) throw new Error("the reader has no stdin");
    this.#child = child;
    this.stdin = child.stdin;
  }

  /** Resolves when the reader is there. */
  static async open(): Promise<Pipe> {
    const pipe = new Pipe();
    await pipe.expect({ bytes: 0, crc: 0 });
    return pipe;
  }

  /** Resolves when as many bytes have arrived as were sent, and throws unless they are the same ones. */
  async expect(sent: Sum): Promise<Receipt> {
    this.#child.send(sent.bytes);
    const [receipt] = (await once(this.#child, "message")) as [Receipt];
    const { bytes, crc } = receipt;
    if (bytes !== sent.bytes || (sent.crc !== undefined && crc !== sent.crc))
      throw new Error(
        `the reader had ${bytes} bytes (${crc}) instead of ${sent.bytes} (${sent.crc ?? "any"})`,
      );
    return receipt;
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}

export interface Sum {
  readonly bytes: number;
  /** Undefined where the order is not known. */
  readonly crc: number | undefined;
}

/** What arrives when these messages are sent so many times. */
export function sumOf(messages: readonly Message[], times: number): Sum {
  const whole = Buffer.concat(messages.map((message) => Buffer.from(message)));
  let crc = 0;
  for (let time = 0; time < times; time += 1) crc = crc32(whole, crc);
  return { bytes: whole.length * times, crc };
}

/** Lines of so many bytes, each with its number. */
export function lines(count: number, bytes: number): string[] {
  // From bytes, so that a line is one piece and not a tree of pieces that somebody has to join first.
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(`${`${index} `.padEnd(bytes - 1, "x")}\n`).toString("latin1"),
  );
}
