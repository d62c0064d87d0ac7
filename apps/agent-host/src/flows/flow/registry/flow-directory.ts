import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileLimits } from "../../file/limits.js";
import { FileProblemsError } from "../../file/problem.js";
import { readText } from "../../file/read-text.js";
import { SourceFile } from "../../file/source-file.js";
import type { FlowDefinition } from "../definition/definition.js";
import { flowOf } from "../definition/load-flow.js";
import type { FlowRegistry } from "./flow-registry.js";

/** What a look at a folder has found. */
export interface Scan {
  readonly added: readonly string[];
  readonly updated: readonly string[];
  readonly unchanged: readonly string[];
  /** Files that are no flows, and why. They are looked at again the next time. */
  readonly failed: readonly { readonly file: string; readonly reason: string }[];
}

/** A folder of files that people edit, from which a registry takes flows. It never takes one away. */
export class FlowDirectory {
  readonly #folder: string;
  readonly #registry: FlowRegistry;
  /** What was in each file when it was last taken over. */
  readonly #hashes = new Map<string, string>();

  constructor(folder: string, registry: FlowRegistry) {
    this.#folder = folder;
    this.#registry = registry;
  }

  /** Takes over what is new or has changed. Rejects if two files are one version of one flow, and takes none of them. */
  async scan(): Promise<Scan> {
    const found = this.#read();
    refuseTwice(found.flows);
    const scan = {
      added: [] as string[],
      updated: [] as string[],
      unchanged: [] as string[],
      failed: found.failed,
    };
    for (const { file, hash, flow } of found.flows) {
      const before = this.#hashes.get(file);
      if (before === hash) scan.unchanged.push(file);
      else {
        await this.#registry.register(flow, { overwrite: true });
        this.#hashes.set(file, hash);
        (before === undefined ? scan.added : scan.updated).push(file);
      }
    }
    return scan;
  }

  /**
   * Scans again with each tick, until there are no more. What `onChange` throws, and what a scan rejects with, ends nothing:
   * it is told to `onFailure`.
   */
  async watch(
    ticks: AsyncIterable<unknown>,
    onChange: (scan: Scan) => unknown,
    onFailure: (error: unknown) => void,
  ): Promise<void> {
    for await (const _ of ticks)
      try {
        const scan = await this.scan();
        if (scan.added.length + scan.updated.length > 0) await onChange(scan);
      } catch (error) {
        onFailure(error);
      }
  }

  #read(): { readonly flows: readonly Found[]; readonly failed: Scan["failed"] } {
    const names = readdirSync(this.#folder).filter((name) => /\.flow\.(json|ya?ml)$/.test(name));
    const flows: Found[] = [];
    const failed: { file: string; reason: string }[] = [];
    for (const name of names.sort()) {
      const file = join(this.#folder, name);
      try {
        const text = readText(file, fileLimits.maxBytes);
        const hash = createHash("sha256").update(text).digest("hex");
        flows.push({ file, hash, flow: flowOf(SourceFile.parse(file, text)) });
      } catch (error) {
        if (!(error instanceof FileProblemsError)) throw error;
        failed.push({ file, reason: error.message });
      }
    }
    return { flows, failed };
  }
}

interface Found {
  readonly file: string;
  readonly hash: string;
  readonly flow: FlowDefinition;
}

function refuseTwice(flows: readonly Found[]): void {
  const files = new Map<string, string>();
  for (const { file, flow } of flows) {
    const key = `${flow.name} ${flow.version}`;
    const other = files.get(key);
    if (other !== undefined)
      throw new Error(`${other} and ${file} are both ${key}; give one of them another name or version`);
    files.set(key, file);
  }
}
