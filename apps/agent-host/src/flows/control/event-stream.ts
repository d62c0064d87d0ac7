import type { Writable } from "node:stream";
import { AtomicPipeWriter, isLockError, ndjson } from "@holdfast/atomic-pipe-writer";

/** What may wait for a reader that is slow; beyond that it misses events, and the run goes on. */
const maxQueuedBytes = 16 * 1024 * 1024;

/** Milliseconds that a reader has for what is left at the end. */
const lastWords = 5000;

/** Lines of JSON for somebody who watches. A reader that is slow or gone holds nobody up. */
export class EventStream {
  readonly #writer: AtomicPipeWriter<unknown>;
  readonly #warn: (message: string) => void;
  #warned = false;

  constructor(stream: Writable, warn: (message: string) => void) {
    this.#writer = new AtomicPipeWriter<unknown>(stream, {
      framing: ndjson,
      label: "events",
      maxQueuedBytes,
      whenFull: "reject",
    });
    this.#warn = warn;
  }

  write(line: unknown): void {
    this.#writer.send(line).catch((error: unknown) => {
      const why = isLockError(error, "ERR_QUEUE_FULL") ? "the reader is too slow" : (error as Error).message;
      if (!this.#warned) this.#warn(`events are lost: ${why}`);
      this.#warned = true;
    });
  }

  /** Resolves when all is written that can be. */
  async close(): Promise<void> {
    await this.#writer.flush({ timeout: lastWords }).catch(() => undefined);
  }
}
