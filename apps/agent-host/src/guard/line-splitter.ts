/** A line grew beyond the limit before its end came. */
export class LineTooLongError extends Error {
  override readonly name = "LineTooLongError";

  constructor(limit: number) {
    super(`a message is longer than ${limit} bytes (raise the limit with --max-line)`);
  }
}

const newline = 0x0a;

/**
 * Cuts a stream of bytes into lines. A line keeps its bytes as they are, its end included: what the guard passes on is what it got.
 * (The `FrameReader` of atomic-pipe-writer gives texts without their line ends, and ends at the first that is wrong.)
 */
export class LineSplitter {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Hands every line that is complete to `take`; throws `LineTooLongError` where memory would grow beyond the limit. */
  push(chunk: Buffer, take: (line: Buffer) => void): void {
    let from = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      const end = chunk.subarray(from, at + 1);
      from = at + 1;
      this.#check(end.length);
      if (this.#length === 0) take(end);
      else take(Buffer.concat([...this.#drain(), end]));
    }
    if (from === chunk.length) return;
    const rest = chunk.subarray(from);
    this.#check(rest.length);
    this.#parts.push(rest);
    this.#length += rest.length;
  }

  /** Whether a line has begun and not ended. */
  get within(): boolean {
    return this.#length > 0;
  }

  /** What came after the last line's end; empties the splitter. */
  rest(): Buffer {
    return Buffer.concat(this.#drain());
  }

  #check(more: number): void {
    if (this.#length + more <= this.#limit) return;
    this.#drain();
    throw new LineTooLongError(this.#limit);
  }

  #drain(): Buffer[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#length = 0;
    return parts;
  }
}
