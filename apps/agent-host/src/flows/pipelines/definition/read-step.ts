import type { Path } from "../../file/source-file.js";
import { didYouMean } from "../../file/suggestion.js";
import { JsonSchema } from "../../json-schema.js";
import { always, parseCondition } from "./condition.js";
import type { Appended, Body, ErrorPolicy, RunnerSettings, Step } from "./model.js";
import type { RawChained, RawStep } from "./raw.js";
import { readResult } from "./read-result.js";
import { readTemplate } from "./read-template.js";
import type { Report } from "./report.js";

/** Reads one step whose shape was checked, and takes down what is wrong with it by itself. */
export function readStep(raw: RawStep, index: number, at: Path, report: Report): Step {
  const { id } = raw;
  const named = { id, at };
  const schema = (field: "output_schema" | "input_schema"): JsonSchema | undefined => {
    const source = raw[field];
    if (source === undefined) return undefined;
    return report.try(
      () => new JsonSchema(source),
      [...at, field],
      undefined,
      `step "${id}": its ${field} is no schema: `,
    );
  };
  const body = readBody(raw, at, report);
  const condition = raw.condition;
  const step: Step = {
    id,
    index,
    at,
    body,
    async: raw.async ?? false,
    dependsOn: raw.depends_on ?? [],
    // Without async there is nothing to copy: absent is a conversation of its own.
    resume: raw.async === true ? raw.resume : (raw.resume ?? false),
    condition:
      condition === undefined
        ? always
        : report.try(() => parseCondition(condition), [...at, "condition"], always, `step "${id}": `),
    onError: readErrorPolicy(raw, body, named, report),
    outputSchema: schema("output_schema"),
    inputSchema: schema("input_schema"),
    onResult: readResult(raw.on_result, [...at, "on_result"], report),
    before: readChain(raw.before, id, "before", at, report),
    then: readChain(raw.then, id, "then", at, report),
    gate: {
      message: readTemplate(raw.message, [...at, "message"], report),
      onHeadless: raw.on_headless ?? "skip",
      defaultValue: raw.default_value,
    },
    runner: readRunner(raw, at, report),
  };
  if (body.kind === "join" && raw.input_schema !== undefined)
    report.addStep(
      named,
      "is a join, and has no single predecessor whose output an input_schema could describe",
      ["input_schema"],
    );
  if (step.gate.onHeadless === "use_default" && step.gate.defaultValue === undefined)
    report.addStep(named, "says on_headless: use_default and has no default_value", ["on_headless"]);
  return step;
}

const primaries = ["prompt", "skill", "pipeline", "action", "context", "do_while", "for_each"] as const;

function readBody(raw: RawStep, at: Path, report: Report): Body {
  const { id } = raw;
  const nothing: Body = { kind: "gate" };
  const there = primaries.filter(
    (name) => raw[name] !== undefined && !(name === "prompt" && raw.pipeline !== undefined),
  );
  const [primary] = there;
  if (primary === undefined || there.length > 1) {
    const found = there.length === 0 ? "0" : `${there.length} (${there.join(", ")})`;
    report.addStep({ id, at }, `must have exactly one of ${primaries.join(", ")}; it has ${found}`);
    return nothing;
  }
  const path = [...at, primary];
  switch (primary) {
    case "prompt":
      return { kind: "prompt", prompt: readTemplate(raw.prompt ?? "", path, report) };
    case "pipeline":
      return {
        kind: "pipeline",
        target: readTemplate(raw.pipeline ?? "", path, report),
        prompt: readTemplate(raw.prompt, [...at, "prompt"], report),
      };
    case "context":
      if (raw.context?.shell !== undefined)
        return { kind: "shell", command: readTemplate(raw.context.shell, [...path, "shell"], report) };
      report.addStep({ id, at }, "has a context with 0 sources; it must have exactly one: shell", [
        "context",
      ]);
      return nothing;
    case "action":
      return readAction(raw, path, report);
    default:
      report.addStep({ id, at }, `uses "${primary}", which is not supported yet`, [primary], { at: "key" });
      return nothing;
  }
}

const actions = ["join", "pause_for_human"];

function readAction({ id, action = "", on_error, async }: RawStep, path: Path, report: Report): Body {
  if (action === "join")
    return { kind: "join", onError: on_error === "wait_for_all" ? "wait_for_all" : "fail_fast" };
  if (action === "reload_self" && async === true)
    report.add(`step "${id}": reload_self cannot be async`, path);
  else if (action === "reload_self" || action === "modify_output")
    report.add(`step "${id}": the action ${action} is not supported yet`, path);
  else if (action !== "pause_for_human")
    report.add(
      `step "${id}" has the unknown action ${JSON.stringify(action)}${didYouMean(action, actions)}; there is ${actions.join(" and ")}`,
      path,
    );
  return { kind: "gate" };
}

function readErrorPolicy(
  raw: RawStep,
  body: Body,
  step: Pick<Step, "id" | "at">,
  report: Report,
): ErrorPolicy {
  const { on_error: policy, max_retries: maxRetries } = raw;
  const abort: ErrorPolicy = { kind: "abort_pipeline" };
  const shown = JSON.stringify(policy);
  if (body.kind === "join") {
    if (policy !== undefined && policy !== "fail_fast" && policy !== "wait_for_all")
      report.addStep(
        step,
        `is a join and cannot have on_error ${shown}; there is fail_fast and wait_for_all`,
        ["on_error"],
      );
    if (maxRetries !== undefined)
      report.addStep(step, "is a join, which calls nobody: it cannot have max_retries", ["max_retries"]);
    return abort;
  }
  if (maxRetries !== undefined && policy !== "retry")
    report.addStep(step, "has max_retries without on_error: retry", ["max_retries"]);
  switch (policy) {
    case undefined:
    case "abort_pipeline":
      return abort;
    case "continue":
      return { kind: "continue" };
    case "retry":
      if (maxRetries !== undefined) return { kind: "retry", maxRetries };
      report.addStep(step, "has on_error: retry, which needs max_retries (1 or more)", ["on_error"]);
      return abort;
    default: {
      const hint = policy === "fail_fast" || policy === "wait_for_all" ? "only a join can have it; " : "";
      report.addStep(
        step,
        `cannot have on_error ${shown}: ${hint}there is abort_pipeline, continue, and retry with max_retries`,
        ["on_error"],
      );
      return abort;
    }
  }
}

function readChain(
  chain: readonly RawChained[] | undefined,
  parent: string,
  name: "before" | "then",
  at: Path,
  report: Report,
): Step[] {
  return (chain ?? []).map((entry, index) => {
    const id = `${parent}::${name}::${index}`;
    const raw = typeof entry === "string" ? { id, prompt: entry } : { ...entry, id };
    return readStep(raw, index, [...at, name, index], report);
  });
}

function readRunner(raw: RawStep, at: Path, report: Report): RunnerSettings {
  const { runner, model, tools, sampling, append_system_prompt: appended } = raw;
  const path = [...at, "append_system_prompt"];
  const entries = typeof appended === "string" ? [appended] : appended;
  return {
    runner,
    model,
    tools,
    sampling,
    systemPrompt: readTemplate(raw.system_prompt, [...at, "system_prompt"], report),
    appendSystemPrompt: entries?.map((entry, index): Appended => {
      const place = typeof appended === "string" ? path : [...path, index];
      if (typeof entry === "string") return { kind: "text", text: readTemplate(entry, place, report) };
      const { text, shell } = entry;
      if ((text === undefined) === (shell === undefined))
        report.add(
          `step "${raw.id}": an entry of append_system_prompt is a text, or has either text or shell`,
          place,
        );
      return shell === undefined
        ? { kind: "text", text: readTemplate(text ?? "", place, report) }
        : { kind: "shell", command: readTemplate(shell, place, report) };
    }),
  };
}
