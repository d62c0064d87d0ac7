import type { CacheKey, Output, StepCache } from "./cache.js";

/** What tools made before. A cache that cannot be used costs calls of tools and nothing else, and is told of. */
export class CachedOutputs {
  readonly #cache: StepCache;
  readonly #failed: (error: string) => void;

  constructor(cache: StepCache, failed: (error: string) => void) {
    this.#cache = cache;
    this.#failed = failed;
  }

  async get(key: CacheKey): Promise<Output | undefined> {
    try {
      return await this.#cache.get(key);
    } catch (error) {
      this.#failed(`nothing can be read from it: ${(error as Error).message}`);
      return undefined;
    }
  }

  async set(key: CacheKey, output: Output): Promise<void> {
    try {
      await this.#cache.set(key, output);
    } catch (error) {
      this.#failed(`the output cannot be kept: ${(error as Error).message}`);
    }
  }
}
