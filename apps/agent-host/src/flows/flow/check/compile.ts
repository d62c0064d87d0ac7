import { didYouMean } from "../../file/suggestion.js";
import { fallbackOf, type FlowDefinition, type Step } from "../definition/definition.js";
import { type HostSchemas, schemaAt } from "../definition/schema-refs.js";
import type { Tool, Toolset } from "../tools/tool.js";
import { checkInputs } from "./check-inputs.js";
import { checkFallbackOutputs, contributionOf } from "./check-outputs.js";
import type { Finding } from "./finding.js";
import { type Contribution, KnownContext } from "./known-context.js";
import { inWords, isCompatible, shapeOf } from "./object-shape.js";
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
  const checks = flow.steps.map((step, index) => new StepCheck(step, index, labelOf(flow, index)));
  // Before the rest, as a step may be declared before those that it depends on; their findings come with them.
  const contributions = checks.map((check): Contribution => ({
    by: check.label,
    ...contributionOf(check, toolOf(check.step, tools)),
  }));
  const outputs = checks.map((check) => check.findings.splice(0));
  const contextOf = (steps: readonly number[], of?: string): KnownContext => {
    const makerElsewhere = (key: string): string | undefined =>
      contributions.find(({ by, keys }) => by !== of && keys.has(key))?.by;
    const context = KnownContext.initial(flow, host, makerElsewhere);
    for (const step of steps) context.add(contributions[step] ?? nothing);
    return context;
  };

  const findings = checks.flatMap((check, index) => {
    const context = contextOf(order.visibleTo(index), check.label);
    checkTools(check, tools, context);
    checkContracts(check, flow, host);
    check.findings.push(...(outputs[index] ?? []));
    siblingCollisions(check, flow, order, contributions);
    contextCollisions(check, flow, context, contributions[index] ?? nothing);
    return check.findings;
  });
  return [...schemaRefs(flow, host), ...findings, ...wholeOutput(flow, host, contextOf(order.canonical))];
}

const nothing: Contribution = { by: "", keys: new Map(), open: false };

/** How a step is called in messages. */
export function labelOf(flow: FlowDefinition, index: number): string {
  const step = flow.steps[index];
  const tool = step?.tool_name ?? step?.flow_name ?? "";
  return step !== undefined && "step_id" in step ? `step ${step.step_id}` : `step ${index} (${tool})`;
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
  const names = [...tools.keys()];
  return `${JSON.stringify(name)}${didYouMean(name, names) || `; there are: ${names.join(", ") || "none"}`}`;
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
  flow: FlowDefinition,
  order: StepOrder,
  contributions: readonly Contribution[],
): void {
  if (flow.type === "Flow") return;
  for (const key of contributions[check.index]?.keys.keys() ?? []) {
    const rule = flow.on_sibling_collision[key] ?? flow.merge[key] ?? "error";
    if (rule !== "error") continue;
    const other = contributions.findIndex(
      ({ keys }, index) => index < check.index && keys.has(key) && order.areSiblings(index, check.index),
    );
    if (other === -1) continue;
    const detail = `${JSON.stringify(key)} is also written by ${contributions[other]?.by ?? ""}, and neither comes after the other; rename it with output_mapping, or give it a rule under "merge" or "on_sibling_collision"`;
    check.report("sibling_collision", key, detail);
  }
}

function contextCollisions(
  check: StepCheck,
  flow: FlowDefinition,
  context: KnownContext,
  { keys }: Contribution,
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
    if (known === undefined || isCompatible(known.types, types)) continue;
    const detail = `${JSON.stringify(key)} must be ${inWords(types)} in the output, and is ${inWords(known.types)} from ${known.by}`;
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
