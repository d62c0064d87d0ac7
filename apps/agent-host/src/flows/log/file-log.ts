import type { Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Writable } from "node:stream";
import { AtomicPipeWriter, ndjson } from "@holdfast/atomic-pipe-writer";
import { StepError } from "../pipelines/values/step-error.js";

/** What a log needs of a file that is open for appending. */
export interface LogFile extends Pick<FileHandle, "close" | "datasync" | "truncate"> {
  stat(): Promise<Stats>;
  write(bytes: Uint8Array): Promise<{ readonly bytesWritten: number }>;
}

/** A file to which lines of JSON are appended, each whole, and kept before anything is built on it. */
export class FileLog {
  readonly #path: string;
  readonly #file: LogFile;
  readonly #writer: AtomicPipeWriter<unknown>;
  #failure: unknown;
  /** Whether the file has lines that no `datasync` was begun for. */
  #isDirty = false;
  #pending: Promise<unknown> = Promise.resolve();
  #synced: Promise<void> = Promise.resolve();

  /** `file`: empty, or at the end of a line. */
  constructor(path: string, file: LogFile) {
    this.#path = path;
    this.#file = file;
    const sink = new Writable({
      write: (chunk: Buffer, _, done) => {
        appendLines(file, chunk).then(() => {
          done();
        }, done);
      },
    });
    this.#writer = new AtomicPipeWriter<unknown>(sink, { framing: ndjson, label: `log ${path}` });
  }

  /** Opens it, and makes it if it is not there. A line that somebody left torn keeps to itself. */
  static async open(path: string): Promise<FileLog> {
    const file = await open(path, "a");
    try {
      if (await endsTorn(file, path)) await file.write("\n");
      return new FileLog(path, file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Takes a line. How that ends is told by `flushed`. */
  write(line: unknown): void {
    this.#pending = this.#writer.send(line).then(
      () => {
        this.#isDirty = true;
      },
      (error: unknown) => {
        this.#failure ??= error;
      },
    );
  }

  /**
   * Resolves when all lines so far are on the disk.
   *
   * @throws By rejecting: `StepError` if one of them is not. Those before it are.
   */
  async flushed(): Promise<void> {
    await this.#pending;
    if (this.#failure === undefined && this.#isDirty) {
      this.#isDirty = false;
      this.#synced = this.#synced.then(() => this.#sync());
    }
    // Also for those whose lines another one's call takes along.
    await this.#synced;
    if (this.#failure === undefined) return;
    const { message } = this.#causeOf(this.#failure);
    throw new StepError(
      "storage/write-failed",
      `the log ${this.#path} cannot be written: ${message}. Make room, or give another file with --log; all lines before that are whole`,
      { cause: this.#failure },
    );
  }

  async close(): Promise<void> {
    await this.#pending;
    if (this.#failure === undefined) await this.#writer.end().catch(() => undefined);
    await this.#file.close();
  }

  async #sync(): Promise<void> {
    try {
      await this.#file.datasync();
    } catch (error) {
      // A pipe or a device keeps nothing.
      if ((error as NodeJS.ErrnoException).code !== "EINVAL") this.#failure ??= error;
    }
  }

  /** What the disk says, rather than what became of the line. */
  #causeOf(failure: unknown): Error {
    const { cause } = failure as Error;
    return cause instanceof Error ? cause : (failure as Error);
  }
}

/** Appends them all, or, where they do not fit, only whole lines. */
async function appendLines(file: LogFile, lines: Buffer): Promise<void> {
  let written = 0;
  try {
    while (written < lines.length) written += (await file.write(lines.subarray(written))).bytesWritten;
  } catch (error) {
    const torn = written - (lines.subarray(0, written).lastIndexOf(newline) + 1);
    if (torn > 0) await cutOff(file, torn).catch(() => undefined);
    throw error;
  }
}

async function cutOff(file: LogFile, bytes: number): Promise<void> {
  const stats = await file.stat();
  if (stats.isFile()) await file.truncate(stats.size - bytes);
}

async function endsTorn(file: FileHandle, path: string): Promise<boolean> {
  const stats = await file.stat();
  if (!stats.isFile() || stats.size === 0) return false;
  // The log itself is open for writing alone.
  const reader = await open(path, "r");
  try {
    const { buffer } = await reader.read({ buffer: Buffer.alloc(1), position: stats.size - 1 });
    return buffer[0] !== newline;
  } finally {
    await reader.close();
  }
}

const newline = 0x0a;
