import type { FlowDefinition } from "../definition/definition.js";

/** Where flows are kept. */
export interface FlowStore {
  /** All of them; those that cannot be read are left out. */
  load(): Promise<readonly FlowDefinition[]>;
  save(flow: FlowDefinition): Promise<void>;
}

/** Flows that end with the process. */
export class MemoryFlows implements FlowStore {
  readonly #flows = new Map<string, FlowDefinition>();

  load(): Promise<readonly FlowDefinition[]> {
    return Promise.resolve([...this.#flows.values()]);
  }

  save(flow: FlowDefinition): Promise<void> {
    this.#flows.set(`${flow.name}@${flow.version}`, flow);
    return Promise.resolve();
  }
}
