import type { Chunk } from "../bytes.js";
import type { PipeFailure } from "../errors.js";
import { type Done, type Sink, toError, type Trouble } from "./sink.js";

/** What is needed of a Node `Writable`; every real one fits, and what a stub does not have is not asked. */
export interface PipeLike {
  // Method syntax on purpose: the platforms' own overloads must fit.
  write(chunk: Chunk, callback: (error?: Error | null) => void): unknown;
  end(callback: (error?: Error | null) => void): unknown;
  on(event: "error" | "close", listener: (error?: Error) => void): unknown;
  off(event: "error" | "close", listener: (error?: Error) => void): unknown;
  destroy?(error?: Error): unknown;
  cork?(): void;
  uncork?(): void;
  readonly writable?: boolean;
  readonly writableEnded?: boolean;
  readonly writableLength?: number;
  readonly writableObjectMode?: boolean;
  readonly destroyed?: boolean;
  readonly errored?: Error | null;
  readonly bytesWritten?: number;
}

/**
 * A Node stream. It has one listener for each of two events from beginning to end: without one for `error` a child that
 * dies would take the host with it.
 */
export class NodeSink implements Sink {
  readonly #stream: PipeLike;
  readonly #watches: boolean;
  // The stream's own count of bytes less ours; not known while it still has others of before.
  #others: number | undefined;
  #bytes = 0;
  #ended = false;

  constructor(stream: PipeLike, watches: boolean, onTrouble: (trouble: Trouble) => void) {
    this.#stream = stream;
    this.#watches = watches;
    if ((stream.writableLength ?? 0) === 0) this.#others = stream.bytesWritten;
    const onError = (cause?: Error): void => {
      onTrouble({ failure: "error", cause });
    };
    const onClose = (): void => {
      stream.off("error", onError);
      stream.off("close", onClose);
      onTrouble({ failure: "destroyed", cause: stream.errored ?? undefined });
    };
    stream.on("error", onError);
    stream.on("close", onClose);
  }

  trouble(): Trouble | undefined {
    const stream = this.#stream;
    const gone = this.#gone();
    if (gone !== undefined) return gone;
    if (stream.writable === false || stream.writableEnded === true)
      return { failure: "destroyed", cause: undefined };
    return this.#watches && this.#isForeign() ? { failure: "foreign-write", cause: undefined } : undefined;
  }

  write(data: Chunk | readonly Uint8Array[], bytes: number, done: Done): void {
    const stream = this.#stream;
    this.#bytes += bytes;
    const callback = (error?: Error | null): void => {
      done(this.#outcome(error));
    };
    if (typeof data === "string" || data instanceof Uint8Array) {
      stream.write(data, callback);
      return;
    }
    // Corked, they go out in one system call. If one of them fails, so does the last.
    stream.cork?.();
    data.forEach((chunk, index) => stream.write(chunk, index === data.length - 1 ? callback : ignore));
    stream.uncork?.();
  }

  end(done: Done): void {
    this.#ended = true;
    this.#stream.end((error) => {
      done(this.#outcome(error));
    });
  }

  destroy(reason: unknown): void {
    this.#stream.destroy?.(toError(reason));
  }

  /** A callback without an error proves nothing once the stream is destroyed: Node 20 makes such calls. */
  #outcome(error: Error | null | undefined): Trouble | undefined {
    return error == null ? this.#gone() : { failure: failureOf(error), cause: error };
  }

  #gone(): Trouble | undefined {
    const { errored, destroyed } = this.#stream;
    if (errored != null) return { failure: failureOf(errored), cause: errored };
    // A stream that was ended may be destroyed as soon as it has finished.
    return destroyed === true && !this.#ended ? { failure: "destroyed", cause: undefined } : undefined;
  }

  /** Whether somebody else has written. Only while nothing of ours is under way. */
  #isForeign(): boolean {
    const { bytesWritten, writableLength = 0 } = this.#stream;
    // What was in the stream before us is not foreign; with our first write it is out.
    if (this.#bytes === 0 && this.#others === undefined) return false;
    if (bytesWritten === undefined) return writableLength > 0;
    this.#others ??= bytesWritten - this.#bytes;
    return bytesWritten - this.#bytes !== this.#others || writableLength > 0;
  }
}

const ignore = (): void => undefined;

/** What is written while somebody destroys the stream is canceled, says Node from 22 on. */
function failureOf(error: Error & { readonly code?: unknown }): PipeFailure {
  return error.code === "ECANCELED" ? "destroyed" : "error";
}
