import type { Readable, Writable } from "node:stream";

/** Bytes that may wait for a reader of our own stderr. */
const mostWaiting = 1 << 20;
const tailLength = 2000;

/**
 * Passes the server's stderr on and remembers its end.
 *
 * The server never stands still because nobody reads that: what waits for too long is dropped, and said to be.
 */
export class StderrRelay {
  readonly #to: Writable;
  #tail = Buffer.alloc(0);
  #dropped = 0;

  constructor(from: Readable, to: Writable) {
    this.#to = to;
    to.on("error", () => undefined);
    from.on("error", () => undefined);
    from.on("data", (chunk: Buffer) => {
      this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-tailLength);
      this.#pass(chunk);
    });
  }

  /** The last lines, on one line. */
  get tail(): string {
    return this.#tail.toString("utf8").trim().split("\n").slice(-3).join(" | ").trim();
  }

  #pass(chunk: Buffer): void {
    if (this.#to.writableLength > mostWaiting) {
      this.#dropped += chunk.length;
      return;
    }
    if (this.#dropped > 0) {
      this.#to.write(
        `\nagent-host guard: ${this.#dropped} bytes of the server's stderr were not read in time\n`,
      );
      this.#dropped = 0;
    }
    this.#to.write(chunk);
  }
}
