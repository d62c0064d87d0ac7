import { access, constants, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { digest } from "../../canonical-json.js";
import { type CacheKey, keyText, type Output, type StepCache } from "../run/cache.js";

/** A cache in a folder, with a file for each output. What cannot be read is not there. */
export class CacheFolder implements StepCache {
  /** One in a folder that can be written. Rejects with what the file system has to say. */
  static async open(root: string): Promise<CacheFolder> {
    await mkdir(root, { recursive: true });
    await access(root, constants.W_OK);
    return new CacheFolder(root);
  }

  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async get(key: CacheKey): Promise<unknown> {
    try {
      const entry = JSON.parse(await readFile(this.#fileOf(key), "utf8")) as {
        key: CacheKey;
        output: unknown;
      };
      return keyText(entry.key) === keyText(key) ? entry.output : undefined;
    } catch {
      return undefined;
    }
  }

  async set(key: CacheKey, output: Output): Promise<void> {
    await mkdir(this.#root, { recursive: true });
    await writeFileAtomic(this.#fileOf(key), `${JSON.stringify({ key, output })}\n`);
  }

  /** For people to see whose it is; two tools whose names look the same there have files of their own. */
  #fileOf(key: CacheKey): string {
    const name = key.tool.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 64);
    return join(this.#root, `${name}-${digest(keyText(key))}.json`);
  }
}
