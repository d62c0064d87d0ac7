import { digest } from "../../canonical-json.js";
import type { Tool } from "../tools/tool.js";

export type Output = Readonly<Record<string, unknown>>;

/** Outputs of tools, by what they were made from. */
export interface StepCache {
  /** Whatever is there: others may have written it. `undefined`, or a promise of that, if nothing is. */
  get(key: CacheKey): unknown;
  set(key: CacheKey, output: Output): Promise<void> | void;
}

/** What an output was made from: a change of the tool, of its schemas or its version is another key. */
export interface CacheKey {
  readonly tool: string;
  readonly makeHash: string;
  readonly schemaHash: string;
  readonly inputHash: string;
}

/** The key for an input that has been checked, in which defaults have been filled in. */
export function cacheKeyOf(tool: Tool, input: Output): CacheKey {
  const { name, makeHash, schemaHash } = tool;
  return { tool: name, makeHash, schemaHash, inputHash: digest(input) };
}

export function keyText({ tool, makeHash, schemaHash, inputHash }: CacheKey): string {
  return JSON.stringify([tool, makeHash, schemaHash, inputHash]);
}

/** A cache that ends with the process. Nothing in it is shared with anybody. */
export class MemoryCache implements StepCache {
  readonly #outputs = new Map<string, Output>();

  get size(): number {
    return this.#outputs.size;
  }

  get(key: CacheKey): Output | undefined {
    return structuredClone(this.#outputs.get(keyText(key)));
  }

  set(key: CacheKey, output: Output): void {
    this.#outputs.set(keyText(key), structuredClone(output));
  }
}
