import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { FileProblemsError } from "../../file/problem.js";
import type { FlowDefinition } from "../definition/definition.js";
import { loadFlow } from "../definition/load-flow.js";
import { flowText } from "../definition/save-flow.js";
import type { FlowStore } from "./flow-store.js";

/** Flows in a folder, a file for each version of each. */
export class FlowFolder implements FlowStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async load(): Promise<readonly FlowDefinition[]> {
    await mkdir(this.#root, { recursive: true });
    const names = (await readdir(this.#root)).filter((name) => name.endsWith(ending));
    return names.flatMap((name) => {
      try {
        return [loadFlow(join(this.#root, name))];
      } catch (error) {
        if (error instanceof FileProblemsError) return [];
        throw error;
      }
    });
  }

  async save(flow: FlowDefinition): Promise<void> {
    await mkdir(this.#root, { recursive: true });
    // Whoever reads meanwhile reads the one before, and two who write have names of their own for what is not whole yet.
    await writeFileAtomic(join(this.#root, `${flow.name}@${flow.version}${ending}`), flowText(flow));
  }
}

const ending = ".flow.yaml";
