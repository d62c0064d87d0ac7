import type { CacheKey, Output, StepCache } from "./cache.js";

/** What tools made before. A cache that cannot be used costs calls of tools and nothing else, and is told of. */
export class CachedOutputs {
  readonly #cache: StepCache;
  readonly #failed: (error: string) => void;

  constructor(cache: StepCache, failed: (error: string) => void) {
    this.#cache = cache;
    this.#failed = failed;
  }

  /** Nothing if what is there is not what the tool could have made, which `accept` throws for. */
  async get(key: CacheKey, accept: (output: unknown) => Output): Promise<Output | undefined> {
    try {
      const output = await this.#cache.get(key);
      return output === undefined ? undefined : accept(output);
    } catch (error) {
      this.#failed(`what is kept cannot be used: ${(error as Error).message}`);
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
