import { access, constants, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { tryLock } from "fs-native-extensions";
import writeFileAtomic from "write-file-atomic";
import { UnusableCheckpointError } from "./unusable-checkpoint.js";

/** Somebody else runs what has this id. */
export class RunTakenError extends Error {
  override readonly name = "RunTakenError";
  readonly id: string;
  readonly holder: string;

  constructor(id: string, holder: string) {
    super(`Run ${id} is already being run, by ${holder}; wait for it to end, or end it, and try again`);
    this.id = id;
    this.holder = holder;
  }
}

/**
 * A folder with one folder for each run, and in it its checkpoint and a lock. A checkpoint is a file of lines of JSON: what was there
 * when it was last written as a whole, and what has been added since. The lock is the kernel's: a process that is killed has it no longer.
 */
export class RunFolders {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Resolves when it is on the disk, whole, in the place of the one before. */
  async save(id: string, checkpoint: object): Promise<void> {
    const line = lineOf(checkpoint);
    const folder = this.pathOf(id);
    await mkdir(folder, { recursive: true });
    // A name of its own until it is whole and on the disk.
    await writeFileAtomic(join(folder, file), line);
  }

  /** Resolves when it is on the disk, after what is there. After one that fails, only `save()` makes sure of what is there. */
  async add(id: string, change: object): Promise<void> {
    // Not one that begins with a change.
    const existing = constants.O_WRONLY | constants.O_APPEND;
    await using handle = await open(join(this.pathOf(id), file), existing);
    await handle.appendFile(lineOf(change));
    await handle.datasync();
  }

  /**
   * The lines of the checkpoint; `undefined` if there is none. What somebody was killed at writing is not there.
   *
   * @throws `UnusableCheckpointError`, by rejecting, if it cannot be read.
   */
  async read(id: string): Promise<string[] | undefined> {
    if (!isId(id)) return undefined;
    try {
      const text = await readFile(join(this.pathOf(id), file), "utf8");
      return text.split("\n").slice(0, -1);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw UnusableCheckpointError.unreadable(id, error);
    }
  }

  async delete(id: string): Promise<void> {
    await rm(this.pathOf(id), { recursive: true, force: true });
  }

  /** The ids of all runs that are here. */
  async ids(): Promise<string[]> {
    const names = await readdir(this.#root).catch(() => []);
    return names.filter(isId).sort();
  }

  /** Keeps everybody else from running it. Rejects with `RunTakenError`. */
  async claim(id: string): Promise<AsyncDisposable> {
    const folder = this.pathOf(id);
    await mkdir(folder, { recursive: true });
    const lock = await open(join(folder, "lock"), "a+");
    try {
      if (!tryLock(lock.fd)) throw new RunTakenError(id, (await lock.readFile("utf8")) || "another process");
      await lock.truncate();
      await lock.appendFile(`process ${process.pid}`);
    } catch (error) {
      await lock.close();
      throw error;
    }
    locks.add(lock);
    return {
      [Symbol.asyncDispose]: async () => {
        try {
          // A run that never began leaves nothing.
          if (await this.#isEmpty(id)) await this.delete(id);
        } finally {
          locks.delete(lock);
          await lock.close();
        }
      },
    };
  }

  /** Whether there is certainly no checkpoint. */
  async #isEmpty(id: string): Promise<boolean> {
    try {
      await access(join(this.pathOf(id), file));
      return false;
    } catch (error) {
      return isMissing(error);
    }
  }

  /** Throws `TypeError` for what is no id. */
  pathOf(id: string): string {
    if (!isId(id))
      throw new TypeError(
        `A run's id consists of letters, digits and . _ -, and ${JSON.stringify(id)} does not`,
      );
    return join(this.#root, id);
  }
}

const file = "checkpoint.ndjson";

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

function lineOf(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

/** Those that this process has: nobody else may refer to one while its run waits for what never ends, and it would be collected. */
const locks = new Set<object>();

function isId(id: string): boolean {
  return /^[A-Za-z0-9._-]+$/.test(id) && !/^\.+$/.test(id);
}
