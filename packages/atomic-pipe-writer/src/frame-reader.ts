import { checkFunction, checkOptions, readLimit } from "@holdfast/core";
import { type Chunk, concat, encode, isHigh } from "./bytes.js";
import { FrameError, type FrameFault } from "./errors.js";

declare class TextDecoder {
  constructor(label: string, options: { readonly ignoreBOM: boolean });
  decode(bytes: Uint8Array): string;
}

/** What bytes come from: a Node stream, a `ReadableStream`, an array, … */
export type ByteSource = AsyncIterable<Chunk> | Iterable<Chunk>;

export interface FrameReaderOptions<T> {
  /** What a line becomes. When it throws, the stream is broken. Default: the line itself. */
  readonly parse?: ((line: string) => T) | undefined;
  /** Bytes of one line. Default 32 MiB. */
  readonly maxLineBytes?: number | undefined;
  /** Names the reader in messages. */
  readonly label?: string | undefined;
}

const lineFeed = 10;
const carriageReturn = 13;
const sampleBytes = 64;

/**
 * Splits a stream of bytes into lines: at LF and nothing else, so that a line may have any character in it. A CR before
 * it belongs to the line end. Blank lines are no frames.
 *
 * A line that is too long, that `parse` throws at, or that the stream ends within is a `FrameError`, after all frames
 * before it; such a reader reads no more, because nobody knows where the next frame begins.
 *
 * It is a `Transformer` too: `readable.pipeThrough(new TransformStream(new FrameReader()))`.
 *
 * @example
 * ```ts
 * import { FrameReader } from "@holdfast/atomic-pipe-writer";
 *
 * const chunks = ['{"a":1}\n{"b"', ":2}\n\n", '{"c":'];
 * const reader = new FrameReader({ parse: (line): unknown => JSON.parse(line) });
 * try {
 *   for await (const frame of reader.read(chunks)) console.log(frame);
 * } catch (error) {
 *   console.log(String(error));
 * }
 * // => { a: 1 }
 * // => { b: 2 }
 * // => FrameError: The stream ended within a frame, after 5 bytes of it
 * ```
 */
export class FrameReader<T = string> {
  readonly #name: string;
  readonly #parse: (line: string) => T;
  readonly #maxLineBytes: number;
  // Byte order marks are kept: what is read is what was written.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  // The line that has begun, in pieces: joined only once, when it ends.
  #pieces: Uint8Array[] = [];
  #pending = 0;
  // Half of a character, of a source of texts.
  #half = "";
  #bytes = 0;
  #blanks = 0;
  #error: FrameError | undefined;

  /** Throws `TypeError` or `RangeError` for options of the wrong type or range. */
  constructor(options: FrameReaderOptions<T> = {}) {
    checkOptions(options);
    const { parse = (line: string) => line as T, label } = options;
    checkFunction(parse, "options.parse");
    this.#name = label === undefined ? "" : ` of "${label}"`;
    this.#parse = parse;
    this.#maxLineBytes = readLimit(options, "maxLineBytes", 2 ** 25);
  }

  /** How many bytes it was given. Grows with everything that comes, blank lines too: the sign of life for an idle clock. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many blank lines it left out. */
  get blanks(): number {
    return this.#blanks;
  }

  /** How many bytes of an unfinished line it holds. */
  get pending(): number {
    return this.#pending;
  }

  /** Takes a chunk and emits all frames that end in it, at once. */
  push(chunk: Chunk, emit: (frame: T) => void): void {
    if (this.#error !== undefined) throw this.#error;
    const bytes = typeof chunk === "string" ? this.#encode(chunk) : chunk;
    this.#bytes += bytes.length;
    let start = 0;
    for (let end; (end = bytes.indexOf(lineFeed, start)) >= 0; start = end + 1) {
      this.#append(bytes.subarray(start, end));
      this.#emitLine(emit);
    }
    // A copy, because the source may use its buffer again. (A Buffer's `slice()` is none.)
    if (start < bytes.length) this.#append(new Uint8Array(bytes.subarray(start)));
  }

  /** The stream has ended; throws if that was within a frame. */
  end(): void {
    if (this.#error !== undefined) throw this.#error;
    const bytes = this.#pending + (this.#half === "" ? 0 : 3);
    if (bytes > 0)
      this.#fail(
        `The stream${this.#name} ended within a frame, after ${bytes} bytes of it`,
        "truncated",
        bytes,
      );
  }

  /** All frames of a source, as they come. Ends when it ends, and throws where that is within a frame. */
  async *read(source: ByteSource): AsyncGenerator<T, void> {
    for await (const chunk of source) {
      const frames: T[] = [];
      try {
        this.push(chunk, (frame) => frames.push(frame));
      } finally {
        yield* frames;
      }
    }
    this.end();
  }

  /** For `new TransformStream(reader)`. */
  transform(chunk: Chunk, controller: { enqueue(frame: T): void }): void {
    this.push(chunk, (frame) => {
      controller.enqueue(frame);
    });
  }

  /** For `new TransformStream(reader)`. */
  flush(): void {
    this.end();
  }

  #append(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#pending += piece.length;
    if (this.#pending > this.#maxLineBytes)
      this.#fail(`A line${this.#name} has more than ${this.#maxLineBytes} bytes`, "limit", this.#pending);
  }

  #emitLine(emit: (frame: T) => void): void {
    const line = this.#takeLine();
    if (line.length === 0) {
      this.#blanks += 1;
      return;
    }
    let frame: T;
    try {
      frame = this.#parse(this.#decoder.decode(line));
    } catch (cause) {
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      return this.#fail(`A frame${this.#name} cannot be parsed${why}`, "malformed", line.length, line, cause);
    }
    emit(frame);
  }

  /** The line that has just ended, without its line end. */
  #takeLine(): Uint8Array {
    const line = this.#join();
    this.#pieces = [];
    this.#pending = 0;
    return line[line.length - 1] === carriageReturn ? line.subarray(0, -1) : line;
  }

  #join(): Uint8Array {
    const [first] = this.#pieces;
    return first !== undefined && this.#pieces.length === 1 ? first : concat(this.#pieces, this.#pending);
  }

  /** A text's bytes; half a character at its end waits for the other half. */
  #encode(text: string): Uint8Array {
    const whole = this.#half + text;
    const last = whole.length - 1;
    const cut = isHigh(whole.charCodeAt(last)) ? last : whole.length;
    this.#half = whole.slice(cut);
    return encode(whole.slice(0, cut));
  }

  #fail(message: string, fault: FrameFault, bytes: number, line = this.#join(), cause?: unknown): never {
    const sample = this.#decoder.decode(line.subarray(0, sampleBytes));
    this.#pieces = [];
    this.#pending = 0;
    throw (this.#error = new FrameError(message, fault, { bytes, sample, cause }));
  }
}
