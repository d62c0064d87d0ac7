import { KeyedMutex } from "@holdfast/keyed-mutex";
import { compare, valid } from "semver";
import type { FlowDefinition, FlowStatus, ToolHashes } from "../definition/definition.js";
import { hashesOf } from "../definition/tool-hashes.js";
import type { Tool, Toolset } from "../tools/tool.js";
import type { FlowStore } from "./flow-store.js";
import { FlowAlreadyExistsError, FlowNotFoundError, InvalidFlowVersionError } from "./registry-errors.js";

/** What may be changed about a flow while it stays the same version. */
export interface FlowChange {
  readonly status?: FlowStatus | undefined;
  /** `null` forgets them. */
  readonly tool_schema_hashes?: ToolHashes | null | undefined;
}

/** A tool that is not what it was when a flow was last looked at. */
export interface Drift {
  readonly flow: string;
  readonly version: string;
  readonly tool: string;
  readonly expected: string;
  /** `null` if there is no such tool any more. */
  readonly actual: string | null;
}

/**
 * Flows by name and version. A flow that was given out never changes: every change makes another one, writes it down and
 * only then takes its place, one change of a version at a time, each on top of the one before.
 */
export class FlowRegistry {
  static async open(store: FlowStore): Promise<FlowRegistry> {
    const registry = new FlowRegistry(store);
    await registry.reload();
    return registry;
  }

  readonly #store: FlowStore;
  readonly #flows = new Map<string, FlowDefinition>();
  readonly #changes = new KeyedMutex<string>({ label: "flows" });

  private constructor(store: FlowStore) {
    this.#store = store;
  }

  /** Sees what others have written to the store. */
  async reload(): Promise<void> {
    for (const flow of await this.#store.load()) this.#flows.set(keyOf(flow), flow);
  }

  /** @throws By rejecting: `FlowAlreadyExistsError` unless it may be overwritten, `InvalidFlowVersionError`. */
  async register(flow: FlowDefinition, { overwrite = false } = {}): Promise<void> {
    if (valid(flow.version) === null) throw new InvalidFlowVersionError(flow.name, flow.version);
    using _turn = await this.#changes.acquire(keyOf(flow));
    if (!overwrite && this.#flows.has(keyOf(flow))) throw new FlowAlreadyExistsError(flow.name, flow.version);
    await this.#put(flow);
  }

  /** The flow of this version, or of the highest one. Throws `FlowNotFoundError`. */
  get(name: string, version?: string): FlowDefinition {
    const flow =
      version === undefined ? this.versions(name).at(-1) : this.#flows.get(keyOf({ name, version }));
    if (flow === undefined) throw new FlowNotFoundError(name, version);
    return flow;
  }

  /** All versions of a flow, the lowest first. */
  versions(name: string): readonly FlowDefinition[] {
    return this.list().filter((flow) => flow.name === name);
  }

  /** All flows, by name and version. */
  list(status?: FlowStatus): readonly FlowDefinition[] {
    return [...this.#flows.values()]
      .filter((flow) => status === undefined || flow.status === status)
      .sort((a, b) => (a.name === b.name ? compare(a.version, b.version) : a.name < b.name ? -1 : 1));
  }

  /**
   * Changes what may be changed. Without anything to change it is the flow as it is, and nothing is written.
   *
   * @returns The flow that has taken its place.
   * @throws `FlowNotFoundError`, by rejecting.
   */
  async update(name: string, version: string, change: FlowChange): Promise<FlowDefinition> {
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    using _turn = await this.#changes.acquire(keyOf({ name, version }));
    const flow = this.get(name, version);
    if (Object.keys(given).length === 0) return flow;
    return await this.#put({ ...flow, ...given });
  }

  /** Where tools are not what flows were made for. Flows that have no hashes have nothing to compare. */
  drift(tools: Toolset): readonly Drift[] {
    return this.list().flatMap(({ name, version, tool_schema_hashes }) =>
      Object.entries(tool_schema_hashes ?? {}).flatMap(([tool, expected]) => {
        const actual = tools.get(tool)?.schemaHash ?? null;
        return actual === expected ? [] : [{ flow: name, version, tool, expected, actual }];
      }),
    );
  }

  /** A tool has other schemas now: every version that was made for others needs a look. Resolves to those. */
  async toolChanged(tool: Tool): Promise<readonly FlowDefinition[]> {
    const concerned = this.list().filter(({ tool_schema_hashes: hashes }) => {
      const known = hashes !== null && Object.hasOwn(hashes, tool.name) ? hashes[tool.name] : undefined;
      return known !== undefined && known !== tool.schemaHash;
    });
    return await Promise.all(
      concerned.map(({ name, version }) => this.update(name, version, { status: "needs_review" })),
    );
  }

  /** Takes the tools as they are now: the flow is active again. */
  async accept(name: string, tools: Toolset, version?: string): Promise<FlowDefinition> {
    const flow = this.get(name, version);
    return await this.update(name, flow.version, {
      status: "active",
      tool_schema_hashes: hashesOf(flow, tools),
    });
  }

  async #put(flow: FlowDefinition): Promise<FlowDefinition> {
    await this.#store.save(flow);
    this.#flows.set(keyOf(flow), flow);
    return flow;
  }
}

function keyOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return `${name}@${version}`;
}
