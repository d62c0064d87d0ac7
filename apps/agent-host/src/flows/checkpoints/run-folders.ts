import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { tryLock } from "fs-native-extensions";
import writeFileAtomic from "write-file-atomic";

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
 * A folder with one folder for each run, and in it the last checkpoint and a lock. The lock is the kernel's: a process that is
 * killed has it no longer.
 */
export class RunFolders {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Resolves when it is on the disk, whole, in the place of the one before. */
  async save(id: string, checkpoint: object): Promise<void> {
    const folder = this.pathOf(id);
    await mkdir(folder, { recursive: true });
    // A name of its own until it is whole and on the disk.
    await writeFileAtomic(join(folder, file), `${JSON.stringify(checkpoint)}\n`);
  }

  /** The text of the last checkpoint; `undefined` if there is none. */
  async read(id: string): Promise<string | undefined> {
    if (!isId(id)) return undefined;
    try {
      return await readFile(join(this.pathOf(id), file), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
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
          if ((await this.read(id)) === undefined) await this.delete(id);
        } finally {
          locks.delete(lock);
          await lock.close();
        }
      },
    };
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

const file = "checkpoint.json";

/** Those that this process has: nobody else may refer to one while its run waits for what never ends, and it would be collected. */
const locks = new Set<object>();

function isId(id: string): boolean {
  return /^[A-Za-z0-9._-]+$/.test(id) && !/^\.+$/.test(id);
}
