import { type FileHandle, open } from "node:fs/promises";
import { Writable } from "node:stream";
import { AtomicPipeWriter, ndjson } from "@holdfast/atomic-pipe-writer";
import { StepError } from "../pipelines/values/step-error.js";

/** A file to which lines of JSON are appended, each whole, and kept before anything is built on it. */
export class FileLog {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #writer: AtomicPipeWriter<unknown>;
  #failure: unknown;
  /** Whether nothing was written since the disk was last waited for. */
  #isSynced = true;
  #pending: Promise<unknown> = Promise.resolve();

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
    const sink = new Writable({
      write: (chunk: Buffer, _, done) => {
        file.appendFile(chunk).then(() => {
          done();
        }, done);
      },
    });
    this.#writer = new AtomicPipeWriter<unknown>(sink, { framing: ndjson, label: `log ${path}` });
  }

  /** Opens it, and makes it if it is not there. */
  static async open(path: string): Promise<FileLog> {
    return new FileLog(path, await open(path, "a"));
  }

  /** Takes a line. How that ends is told by `flushed`. */
  write(line: unknown): void {
    this.#isSynced = false;
    this.#pending = this.#writer.send(line).catch((error: unknown) => {
      this.#failure ??= error;
    });
  }

  /**
   * Resolves when all lines so far are on the disk.
   *
   * @throws By rejecting: `StepError` if one of them is not. Those before it are.
   */
  async flushed(): Promise<void> {
    await this.#pending;
    if (this.#failure === undefined && !this.#isSynced)
      try {
        this.#isSynced = true;
        await this.#file.datasync();
      } catch (error) {
        // A pipe or a device keeps nothing.
        if ((error as NodeJS.ErrnoException).code !== "EINVAL") this.#failure ??= error;
      }
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

  /** What the disk says, rather than what became of the line. */
  #causeOf(failure: unknown): Error {
    const { cause } = failure as Error;
    return cause instanceof Error ? cause : (failure as Error);
  }
}
