import { didYouMean, didYouMeanOneOf } from "../../file/suggestion.js";
import { fallbackOf, type FlowDefinition, type GraphStep, type Step } from "../definition/definition.js";
import { type HostSchemas, schemaAt } from "../definition/schema-refs.js";
import type { Tool, Toolset } from "../tools/tool.js";
import { checkInputs } from "./check-inputs.js";
import { checkFallbackOutputs, contributionOf } from "./check-outputs.js";
import type { Finding } from "./finding.js";
import { type Contribution, KnownContext } from "./known-context.js";
import { clashOf, shapeOf } from "./object-shape.js";
import { StepOrder } from "./order.js";
import { nameOf, StepCheck } from "./step-check.js";

/**
 * What can be said of a flow without running it: of each step in the order of declaration, then of the whole. Pure: the
 * same flow and tools give the same findings.
 *
 * A step sees here what it sees in a run: by levels all that earlier levels add, else what the steps add that it depends on.
 */
export function compile(flow: FlowDefinition, tools: Toolset, host: HostSchemas = {}): readonly Finding[] {
  const order = new StepOrder(flow);
  // Outputs before the rest, as a step may be declared before those that it depends on; what is found comes with the rest.
  const checks = flow.steps.map((step, index) => {
    const check = new StepCheck(step, index, labelOf(flow, index));
    const contribution: Contribution = { by: check.label, ...contributionOf(check, toolOf(step, tools)) };
    return { check, contribution, ofOutputs: check.findings.splice(0) };
  });
  const contributions = checks.map(({ contribution }) => contribution);
  const contextOf = (steps: readonly number[], of?: string): KnownContext => {
    const makerElsewhere = (key: string): string | undefined =>
      contributions.find(({ by, keys }) => by !== of && keys.has(key))?.by;
    const context = KnownContext.initial(flow, host, makerElsewhere);
    for (const step of steps) context.add(contributions[step] ?? nothing);
    return context;
  };

  const findings = checks.flatMap(({ check, contribution, ofOutputs }) => {
    const context = contextOf(order.visibleTo(check.index), check.label);
    checkTools(check, tools, context);
    checkContracts(check, flow, host);
    check.findings.push(...ofOutputs);
    siblingCollisions(check, contribution, flow, order, contributions);
    contextCollisions(check, contribution, flow, context);
    return check.findings;
  });
  return [...schemaRefs(flow, host), ...findings, ...wholeOutput(flow, host, contextOf(order.canonical))];
}

const nothing: Contribution = { by: "", keys: new Map(), open: false };

/** How a step is called in messages. */
export function labelOf(flow: FlowDefinition, index: number): string {
  const step: Partial<GraphStep> = flow.steps[index] ?? {};
  const { step_id, tool_name, flow_name = "" } = step;
  return step_id === undefined ? `step ${index} (${tool_name ?? flow_name})` : `step ${step_id}`;
}

function toolOf({ tool_name }: Step, tools: Toolset): Tool | undefined {
  return tool_name === undefined ? undefined : tools.get(tool_name);
}

function checkTools(check: StepCheck, tools: Toolset, context: KnownContext): void {
  const { tool_name } = check.step;
  if (tool_name === undefined) return;
  const tool = tools.get(tool_name);
  if (tool === undefined)
    check.report("missing_tool", null, `there is no tool ${missing(tool_name, tools)}`, ["tool_name"]);
  else {
    checkInputs(check, tool, context, false);
    checkRetry(check, tool);
  }
  const fallbackName = fallbackOf(check.step);
  if (fallbackName === undefined) return;
  const fallback = tools.get(fallbackName);
  if (fallback === undefined) {
    const detail = `on_error names no tool that there is: ${missing(fallbackName, tools)}`;
    check.report("missing_fallback_tool", null, detail, ["on_error"]);
  } else {
    checkInputs(check, fallback, context, true);
    if (tool !== undefined) checkFallbackOutputs(check, tool, fallback);
  }
}

function checkRetry(check: StepCheck, tool: Tool): void {
  const why = tool.unsafeToRetry;
  if (why !== undefined && (check.step.retry?.max_retries ?? 0) > 0)
    check.report("unsafe_retry", null, `retrying ${nameOf(tool)} is not safe: ${why}`, ["retry"]);
}

function missing(name: string, tools: Toolset): string {
  return `${JSON.stringify(name)}${didYouMeanOneOf(name, [...tools.keys()])}`;
}

function checkContracts(check: StepCheck, flow: FlowDefinition, host: HostSchemas): void {
  for (const key of ["input_contract", "output_contract"] as const) {
    const ref = check.step[key];
    if (ref !== null && schemaAt(flow, ref, host) === undefined)
      check.report("unknown_schema", key, noSchema(ref, host), [key]);
  }
}

/** Two that may run at the same time write one key: that fails for certain, unless there is a rule for the key. */
function siblingCollisions(
  check: StepCheck,
  { keys }: Contribution,
  flow: FlowDefinition,
  order: StepOrder,
  contributions: readonly Contribution[],
): void {
  if (flow.type === "Flow") return;
  for (const key of keys.keys()) {
    const rule = flow.on_sibling_collision[key] ?? flow.merge[key] ?? "error";
    if (rule !== "error") continue;
    const other = contributions.find(
      (each, index) => index < check.index && each.keys.has(key) && order.areSiblings(index, check.index),
    );
    if (other === undefined) continue;
    const detail = `${JSON.stringify(key)} is also written by ${other.by}, and neither comes after the other; rename it with output_mapping, or give it a rule under "merge" or "on_sibling_collision"`;
    check.report("sibling_collision", key, detail);
  }
}

function contextCollisions(
  check: StepCheck,
  { keys }: Contribution,
  flow: FlowDefinition,
  context: KnownContext,
): void {
  const policy = flow.on_context_collision;
  if (policy === "overwrite") return;
  const then = policy === "warn" ? "the run will log that" : "the run will fail";
  for (const key of keys.keys()) {
    const rule = flow.merge[key];
    const known = context.keys.get(key);
    if (known === undefined || (rule !== undefined && rule !== "first" && rule !== "last")) continue;
    check.report(
      "context_collision",
      key,
      `${JSON.stringify(key)} is already there, from ${known.by}; ${then}`,
    );
  }
}

const flowRefs = ["input_schema_ref", "output_schema_ref", "context_schema_ref"] as const;

function schemaRefs(flow: FlowDefinition, host: HostSchemas): Finding[] {
  return flowRefs.flatMap((key) => {
    const ref = flow[key];
    if (ref === null || schemaAt(flow, ref, host) !== undefined) return [];
    return [ofFlow(flow, "unknown_schema", key, noSchema(ref, host), key)];
  });
}

function noSchema(ref: string, host: HostSchemas): string {
  const names = Object.keys(host);
  const hint =
    didYouMean(ref, names) || '; write #/schemas/NAME for one that is in the file, under "schemas"';
  return `the host has no schema ${JSON.stringify(ref)}${hint}`;
}

/** What the flow promises to make, beside what its context will hold in the end. */
function wholeOutput(flow: FlowDefinition, host: HostSchemas, context: KnownContext): Finding[] {
  const findings: Finding[] = [];
  const promised = shapeOf(schemaAt(flow, flow.output_schema_ref, host));
  for (const name of flow.dynamic_params) context.keys.delete(name);
  for (const key of promised.required)
    if (!context.has(key))
      findings.push(
        ofFlow(
          flow,
          "output_schema_gap",
          key,
          `the output needs ${JSON.stringify(key)}, which no step writes${didYouMean(key, context.names())}`,
          "output_schema_ref",
        ),
      );
  for (const [key, types] of promised.keys) {
    const known = context.keys.get(key);
    if (known === undefined) continue;
    const clash = clashOf(known.types, types);
    if (clash === undefined) continue;
    const detail = `${JSON.stringify(key)} must be ${clash.wanted} in the output, and is ${clash.made} from ${known.by}`;
    findings.push(ofFlow(flow, "output_type_mismatch", key, detail, "output_schema_ref"));
  }
  return findings;
}

function ofFlow(
  { steps }: FlowDefinition,
  issue_type: Finding["issue_type"],
  field_name: string,
  detail: string,
  key: string,
): Finding {
  return { step_index: steps.length, tool_name: null, field_name, issue_type, detail, path: [key] };
}
