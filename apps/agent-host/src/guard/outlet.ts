import type { Writable } from "node:stream";

export interface OutletEvents {
  /** The reader has fallen behind: hold the source back. */
  readonly full: () => void;
  /** It has caught up. */
  readonly drained: () => void;
  /** Nobody reads any more. */
  readonly broken: (error: Error) => void;
}

/**
 * Writes whole lines to one stream: one `write()` each, in order, from one place.
 *
 * The seam behind which a writer with more guarantees goes.
 */
export class Outlet {
  readonly #stream: Writable;
  readonly #events: OutletEvents;
  #full = false;
  #broken = false;
  #joining = false;

  constructor(stream: Writable, events: OutletEvents) {
    this.#stream = stream;
    this.#events = events;
    stream.on("drain", () => {
      if (!this.#full) return;
      this.#full = false;
      events.drained();
    });
    stream.on("error", (error) => {
      if (this.#broken) return;
      this.#broken = true;
      events.broken(error);
    });
  }

  /** Does nothing once the stream is broken or ended. */
  write(line: Buffer): void {
    if (this.#broken || !this.#stream.writable) return;
    this.#join();
    if (this.#stream.write(line) || this.#full) return;
    this.#full = true;
    this.#events.full();
  }

  /** What is written within one step reaches the system in one call: most of the guard's cost is such calls. */
  #join(): void {
    if (this.#joining) return;
    this.#joining = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#joining = false;
      this.#stream.uncork();
    });
  }

  end(): void {
    if (!this.#broken && this.#stream.writable) this.#stream.end();
  }

  /** Resolves when everything is written, the stream is broken, or `ms` have passed. */
  flush(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#broken || !this.#stream.writable) {
        resolve();
        return;
      }
      const timer = setTimeout(resolve, ms);
      // Its callback comes after those of everything before it, also when the stream breaks.
      this.#stream.write("", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
