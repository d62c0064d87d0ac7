import { type Chunk, concat, encode } from "../bytes.js";
import { type Done, type Sink, toError, type Trouble } from "./sink.js";

/** What is needed of a WHATWG `WritableStream` of bytes; every real one fits. */
export interface WebStreamLike {
  getWriter(): WebWriterLike;
}

interface WebWriterLike {
  readonly closed: Promise<unknown>;
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
}

/** A WHATWG stream. It is locked to us, so nobody else can write. */
export class WebSink implements Sink {
  readonly #writer: WebWriterLike;
  #ended = false;

  constructor(stream: WebStreamLike, onTrouble: (trouble: Trouble) => void) {
    this.#writer = stream.getWriter();
    this.#writer.closed.then(
      () => {
        if (!this.#ended) onTrouble({ failure: "destroyed", cause: undefined });
      },
      (cause: unknown) => {
        onTrouble({ failure: "error", cause });
      },
    );
  }

  trouble(): undefined {
    // It tells by itself, and the pipe has failed by then.
  }

  write(data: Chunk | readonly Uint8Array[], bytes: number, done: Done): void {
    settle(this.#writer.write(toBytes(data, bytes)), done);
  }

  end(done: Done): void {
    this.#ended = true;
    settle(this.#writer.close(), done);
  }

  destroy(reason: unknown): void {
    // What becomes of it nobody waits for: the pipe has failed already.
    this.#writer.abort(toError(reason)).catch(() => undefined);
  }
}

function settle(promise: Promise<void>, done: Done): void {
  promise.then(
    () => {
      done();
    },
    (cause: unknown) => {
      done({ failure: "error", cause });
    },
  );
}

function toBytes(data: Chunk | readonly Uint8Array[], bytes: number): Uint8Array {
  if (typeof data === "string") return encode(data);
  return data instanceof Uint8Array ? data : concat(data, bytes);
}
