import type { Readable } from "node:stream";

export interface HeldInputOptions {
  /** Milliseconds between two looks at a stream that is held. */
  readonly every: number;
  /** Bytes that may come in while it is held. */
  readonly most: number;
  /** More than that came: memory would grow without a bound. */
  readonly tooMuch: () => void;
}

/**
 * The client's stream, which is held back while the server does not read.
 *
 * A paused stream does not see its end, and nothing else tells that the client has gone: a pipe that nobody writes to gives
 * no error. So one piece is still read from time to time. What a client that has gone left in the pipe is little, and
 * behind it comes the end; a client that lives is held to a rate at which it takes minutes to reach the limit.
 */
export class HeldInput {
  readonly #stream: Readable;
  readonly #options: HeldInputOptions;
  #timer: NodeJS.Timeout | undefined;
  #taken = 0;

  constructor(stream: Readable, options: HeldInputOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  hold(): void {
    if (this.#timer !== undefined) return;
    this.#taken = 0;
    this.#stream.pause();
    this.#timer = setInterval(() => {
      this.#stream.resume();
    }, this.#options.every);
  }

  release(): void {
    this.stop();
    this.#stream.resume();
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** To be told of every piece that was read. */
  took(bytes: number): void {
    if (this.#timer === undefined) return;
    this.#stream.pause();
    this.#taken += bytes;
    if (this.#taken <= this.#options.most) return;
    this.stop();
    this.#options.tooMuch();
  }
}
