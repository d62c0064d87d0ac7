import type { Writable } from "node:stream";
import { AtomicPipeWriter, type LaneName, type PipeClosedError, raw } from "@holdfast/atomic-pipe-writer";

export interface OutletEvents {
  /** The reader has fallen behind: hold the source back. */
  readonly full: () => void;
  /** It has caught up. */
  readonly drained: () => void;
  /** Nobody reads any more. */
  readonly broken: (error: PipeClosedError) => void;
}

export interface LineOptions {
  /** `control` goes ahead of all lines that are not started. Default `data`. */
  readonly lane?: LaneName;
  /** Called when the line is handed to the stream: from then on nothing overtakes it. */
  readonly onStart?: () => void;
}

/** Writes whole lines to one stream, in order, and says when to hold back the source they come from. */
export class Outlet {
  readonly #writer: AtomicPipeWriter<Uint8Array>;
  readonly #events: OutletEvents;
  /** Unwritten bytes from which on the source is held back. */
  readonly #most: number;
  #unwritten = 0;
  #full = false;

  constructor(stream: Writable, events: OutletEvents) {
    this.#events = events;
    this.#most = stream.writableHighWaterMark;
    this.#writer = new AtomicPipeWriter<Uint8Array>(stream, {
      framing: raw,
      // A line that were refused would be a request without an answer: what bounds the memory is the source, which is held back.
      maxQueuedBytes: Infinity,
      maxQueuedMessages: Infinity,
      maxControlBytes: Infinity,
      onFailure: events.broken,
    });
  }

  /** Does nothing once the stream is broken or ended. */
  write(line: Uint8Array, { lane = "data", onStart }: LineOptions = {}): void {
    if (this.#writer.closed) return;
    this.#unwritten += line.length;
    const settled = (): void => {
      this.#settled(line.length);
    };
    const options = onStart && { onStart };
    (lane === "data" ? this.#writer.send(line, options) : this.#writer.control(line, options)).then(
      settled,
      settled,
    );
    if (this.#full || this.#unwritten < this.#most) return;
    this.#full = true;
    this.#events.full();
  }

  /** Takes out what is not started. */
  drop(): void {
    this.#writer.cancelWaiters();
  }

  end(): void {
    // If that fails, `broken` is told.
    this.#writer.end().catch(() => undefined);
  }

  /** Resolves when everything is written, the stream is broken, or `ms` have passed. */
  flush(ms: number): Promise<void> {
    return this.#writer.flush({ timeout: ms }).catch(() => undefined);
  }

  #settled(bytes: number): void {
    this.#unwritten -= bytes;
    if (this.#unwritten > 0 || !this.#full || this.#writer.failure !== undefined) return;
    this.#full = false;
    this.#events.drained();
  }
}
