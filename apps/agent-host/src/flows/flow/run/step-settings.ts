import type { MergeContext } from "@holdfast/join-merge";
import type { KeyedMutex } from "@holdfast/keyed-mutex";
import type { FlowDefinition } from "../definition/definition.js";
import type { HostSchemas } from "../definition/schema-refs.js";
import type { Toolset } from "../tools/tool.js";
import type { StepCache } from "./cache.js";
import type { Ports } from "./ports.js";

/** What a step runs with: the same for all steps of a run, whatever is configured meanwhile. */
export interface StepSettings {
  readonly flow: FlowDefinition;
  readonly tools: Toolset;
  readonly schemas: HostSchemas;
  readonly ports: Ports;
  readonly params: ReadonlySet<string>;
  readonly cache: StepCache | undefined;
  readonly computing: KeyedMutex;
  readonly exclusive: KeyedMutex;
  readonly toolTimeoutMs: number | undefined;
  readonly graceMs: number | undefined;
  readonly maxOutputBytes: number;
}

export type StepContext = MergeContext<Readonly<Record<string, unknown>>>;
