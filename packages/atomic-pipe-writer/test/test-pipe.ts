import type { Chunk, PipeLike } from "../src/index.js";

interface Write {
  readonly data: Buffer;
  at: number;
  readonly callback: (error?: Error | null) => void;
}

type Listener = (error?: Error) => void;

/**
 * A stream that does what a test says: it takes any number of bytes at a time, fails at any byte, and may lie as Node 20
 * does, whose callbacks say "ok" after `destroy()`.
 */
export class TestPipe implements PipeLike {
  /** What each `write()` was given. */
  readonly writes: string[] = [];
  readonly listeners: Record<"error" | "close", Set<Listener>> = { error: new Set(), close: new Set() };
  /** How often a listener was added or removed. */
  listened = 0;
  bytesWritten = 0;
  writable = true;
  writableEnded = false;
  destroyed = false;
  errored: Error | null = null;
  /** What it was destroyed with. */
  reason: unknown;
  /** Takes everything at once, from within `write()`. */
  eager = false;
  readonly #taken: Buffer[] = [];
  readonly #waiting: Write[] = [];
  #onEnd: ((error?: Error | null) => void) | undefined;
  #open = false;

  get writableLength(): number {
    return this.#waiting.reduce((sum, { data, at }) => sum + data.length - at, 0);
  }

  /** What the reader has. */
  get text(): string {
    return Buffer.concat(this.#taken).toString();
  }

  write(chunk: Chunk, callback: (error?: Error | null) => void): boolean {
    const data = Buffer.from(chunk as string);
    this.writes.push(data.toString());
    this.bytesWritten += data.length;
    if (this.destroyed) {
      queueMicrotask(() => {
        callback(new Error("write after destroy"));
      });
      return false;
    }
    this.#waiting.push({ data, at: 0, callback });
    if (this.eager || this.#open) this.take();
    return false;
  }

  end(callback: (error?: Error | null) => void): void {
    this.writableEnded = true;
    this.writable = false;
    this.#onEnd = callback;
  }

  /** The end has reached the other side. */
  finish(error?: Error): void {
    this.#onEnd?.(error);
  }

  /** Whether it was ended. */
  get ended(): boolean {
    return this.#onEnd !== undefined;
  }

  on(event: "error" | "close", listener: Listener): void {
    this.listened += 1;
    this.listeners[event].add(listener);
  }

  off(event: "error" | "close", listener: Listener): void {
    this.listeners[event].delete(listener);
  }

  emit(event: "error" | "close", error?: Error): void {
    if (event === "error" && this.listeners.error.size === 0) throw error ?? new Error("unhandled");
    for (const listener of this.listeners[event]) listener(error);
  }

  /** Takes so many bytes, and calls back for each write of which it has all. */
  take(bytes = Infinity): void {
    let left = bytes;
    for (let first; (first = this.#waiting[0]) !== undefined && left > 0;) {
      const part = first.data.subarray(first.at, first.at + left);
      this.#taken.push(part);
      first.at += part.length;
      left -= part.length;
      if (first.at < first.data.length) return;
      this.#waiting.shift();
      first.callback();
    }
  }

  /** Takes all there is and all that comes from now on. */
  flow(): void {
    this.#open = true;
    this.take();
  }

  /** The reader is gone: every write fails, then comes the event. */
  break(error = new Error("write EPIPE")): void {
    this.errored = error;
    this.writable = false;
    for (const { callback } of this.#waiting.splice(0)) callback(error);
    this.emit("error", error);
    this.close();
  }

  /** Somebody destroys it, and what is on its way is told to be ok. */
  destroyAsNode20(): void {
    this.destroyed = true;
    this.writable = false;
    for (const { callback } of this.#waiting.splice(0)) callback();
    this.close();
  }

  /** Calls back for the oldest write, whatever was taken. */
  callBack(error?: Error): void {
    this.#waiting[0]?.callback(error);
  }

  close(): void {
    this.destroyed = true;
    this.writable = false;
    this.emit("close");
  }

  destroy(reason?: Error): void {
    this.destroyed = true;
    this.writable = false;
    this.reason = reason;
  }
}
