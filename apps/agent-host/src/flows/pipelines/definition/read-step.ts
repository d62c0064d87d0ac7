import type { Path } from "../../file/source-file.js";
import { didYouMean } from "../../file/suggestion.js";
import { JsonSchema } from "../../json-schema.js";
import { always, parseCondition } from "./condition.js";
import type { Appended, Body, ErrorPolicy, RunnerSettings, Step } from "./model.js";
import type { RawChained, RawList, RawStep } from "./raw.js";
import { readResult } from "./read-result.js";
import { readTemplate } from "./read-template.js";
import type { Report } from "./report.js";

/** Reads what of a step has its shape, and takes down what is wrong with it by itself. `possible` is what it can do. */
export function readStep(
  raw: RawStep,
  index: number,
  at: Path,
  report: Report,
  possible: readonly Primary[] = supported,
): Step {
  // Nobody can name one without an id: this is for messages.
  const { id = `#${Number(at.at(-1)) + 1}` } = raw;
  const named = { id, at };
  const isMissing = (field: keyof RawStep): boolean =>
    raw[field] === undefined && !report.unread.has([...at, field]);
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
  const body = readBody(raw, named, possible, report);
  const condition = raw.condition;
  const step: Step = {
    id,
    index,
    at,
    body: body ?? { kind: "gate" },
    async: raw.async ?? false,
    // One that could not be read keeps its place, and is no name.
    dependsOn: raw.depends_on?.map((name) => name ?? "") ?? [],
    // Without async there is nothing to copy: absent is a conversation of its own.
    resume: raw.async === true ? raw.resume : (raw.resume ?? false),
    condition:
      condition === undefined
        ? always
        : report.try(
            () => parseCondition(condition, (text) => readTemplate(text, [...at, "condition"], report)),
            [...at, "condition"],
            always,
            `step "${id}": `,
          ),
    onError: readErrorPolicy(raw, body, named, isMissing, report),
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
    runner: readRunner(raw, named, report),
  };
  if (body?.kind === "join" && raw.input_schema !== undefined)
    report.addStep(
      named,
      "is a join, and has no single predecessor whose output an input_schema could describe",
      ["input_schema"],
    );
  if (step.gate.onHeadless === "use_default" && isMissing("default_value"))
    report.addStep(named, "says on_headless: use_default and has no default_value", ["on_headless"]);
  return step;
}

const primaries = ["prompt", "skill", "pipeline", "action", "context", "do_while", "for_each"] as const;
type Primary = (typeof primaries)[number];
const supported: readonly Primary[] = ["prompt", "context", "pipeline", "action"];
const supportedInChains: readonly Primary[] = ["prompt", "context", "pipeline"];

/** What it does; `undefined` if one cannot tell. */
function readBody(
  raw: RawStep,
  named: Pick<Step, "id" | "at">,
  possible: readonly Primary[],
  report: Report,
): Body | undefined {
  const { at } = named;
  const there = primaries.filter((name) => name in raw && !(name === "prompt" && "pipeline" in raw));
  const [primary] = there;
  if (primary === undefined || there.length > 1) {
    const isTold = primary === undefined && mayHavePrimary(at, report);
    report.unread.add([...at, "action"]);
    if (isTold) return undefined;
    const found = there.length === 0 ? "0" : `${there.length} (${there.join(", ")})`;
    report.addStep(named, `must have exactly one of ${possible.join(", ")}; it has ${found}`);
    return undefined;
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
      if (raw.context?.shell === undefined && !report.unread.has(path))
        report.addStep(named, "has a context with 0 sources; it must have exactly one: shell", ["context"]);
      return { kind: "shell", command: readTemplate(raw.context?.shell ?? "", [...path, "shell"], report) };
    case "action":
      return readAction(raw, named, report);
    default:
      report.addStep(named, `uses "${primary}", which is not supported yet`, [primary], { at: "key" });
      report.unread.add([...at, "action"]);
      return undefined;
  }
}

function mayHavePrimary(at: Path, { unread }: Report): boolean {
  return unread.hasRiddle(at) || primaries.some((name) => unread.has([...at, name]));
}

const actions = ["join", "pause_for_human"];

function readAction(
  { action, on_error, async }: RawStep,
  { id, at }: Pick<Step, "id" | "at">,
  report: Report,
): Body | undefined {
  if (action === "join")
    return { kind: "join", onError: on_error === "wait_for_all" ? "wait_for_all" : "fail_fast" };
  if (action === "pause_for_human") return { kind: "gate" };
  const wrong = (message: string): void => {
    report.addUnread(`step "${id}"${message}`, [...at, "action"]);
  };
  if (action === "reload_self" && async === true) wrong(": reload_self cannot be async");
  else if (action === "reload_self" || action === "modify_output")
    wrong(`: the action ${action} is not supported yet`);
  else if (action !== undefined)
    wrong(
      ` has the unknown action ${JSON.stringify(action)}${didYouMean(action, actions)}; there is ${actions.join(" and ")}`,
    );
  return undefined;
}

function readErrorPolicy(
  raw: RawStep,
  body: Body | undefined,
  step: Pick<Step, "id" | "at">,
  isMissing: (field: keyof RawStep) => boolean,
  report: Report,
): ErrorPolicy {
  const { on_error: policy, max_retries: maxRetries } = raw;
  const abort: ErrorPolicy = { kind: "abort_pipeline" };
  const shown = JSON.stringify(policy);
  // It may be a join.
  if (body === undefined && isJoinPolicy(policy)) return abort;
  if (body?.kind === "join") {
    if (policy !== undefined && !isJoinPolicy(policy))
      report.addStep(
        step,
        `is a join and cannot have on_error ${shown}; there is fail_fast and wait_for_all`,
        ["on_error"],
      );
    if (maxRetries !== undefined)
      report.addStep(step, "is a join, which calls nobody: it cannot have max_retries", ["max_retries"]);
    return abort;
  }
  if (maxRetries !== undefined && policy !== "retry" && !report.unread.has([...step.at, "on_error"]))
    report.addStep(step, "has max_retries without on_error: retry", ["max_retries"]);
  switch (policy) {
    case undefined:
    case "abort_pipeline":
      return abort;
    case "continue":
      return { kind: "continue" };
    case "retry":
      if (maxRetries !== undefined) return { kind: "retry", maxRetries };
      if (isMissing("max_retries"))
        report.addStep(step, "has on_error: retry, which needs max_retries (1 or more)", ["on_error"]);
      return abort;
    default: {
      const hint = isJoinPolicy(policy) ? "only a join can have it; " : "";
      report.addStep(
        step,
        `cannot have on_error ${shown}: ${hint}there is abort_pipeline, continue, and retry with max_retries`,
        ["on_error"],
      );
      return abort;
    }
  }
}

function isJoinPolicy(policy: string | undefined): boolean {
  return policy === "fail_fast" || policy === "wait_for_all";
}

function readChain(
  chain: RawList<RawChained> | undefined,
  parent: string,
  name: "before" | "then",
  at: Path,
  report: Report,
): Step[] {
  return (chain ?? []).flatMap((entry, index) => {
    if (entry === undefined) return [];
    const id = `${parent}::${name}::${index}`;
    const raw = typeof entry === "string" ? { id, prompt: entry } : { ...entry, id };
    return readStep(raw, index, [...at, name, index], report, supportedInChains);
  });
}

function readRunner(raw: RawStep, { id, at }: Pick<Step, "id" | "at">, report: Report): RunnerSettings {
  const { runner, model, tools, sampling, append_system_prompt: appended } = raw;
  const entries = typeof appended === "string" ? [appended] : appended;
  return {
    runner,
    model,
    tools,
    sampling,
    systemPrompt: readTemplate(raw.system_prompt, [...at, "system_prompt"], report),
    appendSystemPrompt: entries?.flatMap((entry, index): Appended | [] => {
      const place = [...at, "append_system_prompt", index];
      if (entry === undefined) return [];
      if (typeof entry === "string")
        return { kind: "text", text: readTemplate(entry, place, report), at: place };
      const { text, shell } = entry;
      if ((text === undefined) === (shell === undefined) && !report.unread.has(place))
        report.add(
          `step "${id}": an entry of append_system_prompt is a text, or has either text or shell`,
          place,
        );
      const inner = [...place, shell === undefined ? "text" : "shell"];
      return shell === undefined
        ? { kind: "text", text: readTemplate(text ?? "", inner, report), at: inner }
        : { kind: "shell", command: readTemplate(shell, inner, report), at: inner };
    }),
  };
}
