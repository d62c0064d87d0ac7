import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { tryLock } from "fs-native-extensions";
import writeFileAtomic from "write-file-atomic";
import type { CheckpointStore, Snapshot } from "../run/checkpoint.js";
import { AlreadyRunningError } from "../run/refusals.js";

/**
 * Checkpoints in a folder with one folder for each run, and in it the last snapshot and a lock. The lock is the kernel's: a
 * process that is killed has it no longer.
 */
export class CheckpointFolder implements CheckpointStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async save(snapshot: Snapshot): Promise<void> {
    const folder = this.#folderOf(snapshot.trace_id);
    await mkdir(folder, { recursive: true });
    // A name of its own until it is whole and on the disk.
    await writeFileAtomic(join(folder, file), `${JSON.stringify(snapshot)}\n`);
  }

  async load(traceId: string): Promise<Snapshot | undefined> {
    if (!isId(traceId)) return undefined;
    try {
      const snapshot = JSON.parse(await readFile(join(this.#folderOf(traceId), file), "utf8")) as Snapshot;
      return snapshot.trace_id === traceId ? snapshot : undefined;
    } catch {
      return undefined;
    }
  }

  async delete(traceId: string): Promise<void> {
    await rm(this.#folderOf(traceId), { recursive: true, force: true });
  }

  async claim(traceId: string): Promise<AsyncDisposable> {
    const folder = this.#folderOf(traceId);
    await mkdir(folder, { recursive: true });
    const lock = await open(join(folder, "lock"), "a+");
    try {
      if (!tryLock(lock.fd)) throw new AlreadyRunningError(traceId, await holderOf(lock));
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
          if ((await this.load(traceId)) === undefined) await this.delete(traceId);
        } finally {
          locks.delete(lock);
          await lock.close();
        }
      },
    };
  }

  #folderOf(traceId: string): string {
    if (!isId(traceId))
      throw new TypeError(
        `A run's id consists of letters, digits and . _ -, and ${JSON.stringify(traceId)} does not`,
      );
    return join(this.#root, traceId);
  }
}

const file = "checkpoint.json";

/** Those that this process has: nobody else may refer to one while its run waits for what never ends, and it would be collected. */
const locks = new Set<object>();

function isId(traceId: string): boolean {
  return /^[A-Za-z0-9._-]+$/.test(traceId) && !/^\.+$/.test(traceId);
}

async function holderOf(lock: { readFile(encoding: "utf8"): Promise<string> }): Promise<string> {
  return (await lock.readFile("utf8")) || "another process";
}
