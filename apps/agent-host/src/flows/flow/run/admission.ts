import { compile } from "../check/compile.js";
import { isError } from "../check/finding.js";
import { preflight } from "../check/preflight.js";
import type { FlowDefinition } from "../definition/definition.js";
import { definitionDigest } from "../definition/definition-digest.js";
import type { Toolset } from "../tools/tool.js";
import { type Snapshot, snapshotFormat } from "./checkpoint.js";
import type { Configuration, RunOptions } from "./configuration.js";
import {
  CheckpointDriftError,
  CheckpointVersionError,
  FlowCompileError,
  FlowStatusError,
  FlowUnsupportedError,
  MissingParameterError,
  UnknownParameterError,
} from "./refusals.js";

/** Throws if a flow cannot run here. */
export function admit(
  flow: FlowDefinition,
  { tools, schemas = {} }: Configuration,
  { force = false, unchecked = false, params = {} }: RunOptions,
): void {
  if (flow.status !== "active" && !force) throw new FlowStatusError(flow.name, flow.status);
  const unsupported = preflight(flow);
  if (unsupported.length > 0) throw new FlowUnsupportedError(flow.name, unsupported);
  const unknown = Object.keys(params).find((name) => !flow.dynamic_params.includes(name));
  if (unknown !== undefined) throw new UnknownParameterError(flow.name, unknown, flow.dynamic_params);
  const findings = unchecked ? [] : compile(flow, tools, schemas);
  if (findings.some(isError)) throw new FlowCompileError(flow.name, findings);
}

/** Throws if this host does not know how to read it. */
export function checkFormat({ trace_id, flow_name, format_version }: Snapshot): void {
  const major = (version: string): string | undefined => version.split(".")[0];
  if (major(format_version) !== major(snapshotFormat))
    throw new CheckpointVersionError(trace_id, flow_name, format_version, snapshotFormat);
}

/** Throws if what would run now is not what ran then. */
export function checkDrift(snapshot: Snapshot, flow: FlowDefinition, tools: Toolset): void {
  const { trace_id, flow_name, flow_version, definition_digest, tool_hashes } = snapshot;
  const drift = (detail: string): CheckpointDriftError =>
    new CheckpointDriftError(trace_id, flow_name, detail);
  if (flow.name !== flow_name) throw drift(`this is the flow ${JSON.stringify(flow.name)}`);
  if (flow.version !== flow_version)
    throw drift(`it ran version ${flow_version}, and this is ${flow.version}`);
  if (definitionDigest(flow) !== definition_digest)
    throw drift(`the definition of version ${flow_version} has been changed since`);
  for (const [name, hash] of Object.entries(tool_hashes)) {
    const tool = tools.get(name);
    if (tool === undefined) throw drift(`the tool ${JSON.stringify(name)} is gone`);
    if (tool.schemaHash !== hash) throw drift(`the tool ${JSON.stringify(name)} has other schemas now`);
  }
}

/** Throws if a parameter of the run that is resumed is not given again. */
export function checkParameters(
  { trace_id, param_names }: Snapshot,
  params: Readonly<Record<string, unknown>>,
): void {
  const missing = param_names.filter((name) => !Object.hasOwn(params, name));
  if (missing.length > 0) throw new MissingParameterError(trace_id, missing);
}
