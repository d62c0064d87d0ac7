import { Document, isMap, isSeq, type Node } from "yaml";
import type { Condition } from "./definition/condition.js";
import type {
  Appended,
  Defaults,
  Matcher,
  Pipeline,
  ResultRule,
  RunnerSettings,
  Scope,
  Step,
} from "./definition/model.js";

/**
 * Writes a pipeline as it was understood: aliases and short forms spelt out, named pipelines in the order of their names, and where
 * each step came from. The same pipeline gives the same text, and that text gives the same pipeline.
 */
export function materialize(pipeline: Pipeline): string {
  const { version, defaults, main, named, source } = pipeline;
  const document = new Document({
    kind: "pipeline",
    version,
    defaults: defaultsOf(defaults),
    pipeline: main.steps.map(stepOf),
    pipelines:
      named.size === 0
        ? undefined
        : Object.fromEntries([...named].map(([name, { steps }]) => [name, steps.map(stepOf)])),
  });
  noteOrigins(document, ["pipeline"], main, source);
  for (const [name, scope] of named) noteOrigins(document, ["pipelines", name], scope, source);
  // Aliases would be made of schemas that are one object; lines are never folded, since prompts are to stay as they are.
  return document.toString({ lineWidth: 0 });
}

function noteOrigins(document: Document, path: readonly string[], scope: Scope, source: string): void {
  const list = document.getIn(path);
  if (!isSeq(list)) return;
  for (const [index, item] of (list.items as Node[]).entries())
    if (isMap(item)) item.commentBefore = ` step ${index + 1} of ${scope.label}, from ${source}`;
}

function defaultsOf({ maxConcurrency, timeoutSeconds, runner }: Defaults): object | undefined {
  const { provider, model, tools, sampling } = runner;
  const defaults = compact({
    max_concurrency: maxConcurrency,
    timeout_seconds: timeoutSeconds,
    provider,
    model,
    tools: fresh(tools),
    sampling: fresh(sampling),
  });
  return Object.keys(defaults).length === 0 ? undefined : defaults;
}

function stepOf(step: Step): object {
  const { id, async: isAsync, dependsOn, resume } = step;
  return compact({
    id,
    ...bodyOf(step),
    async: isAsync || undefined,
    depends_on: dependsOn.length === 0 ? undefined : dependsOn,
    condition: conditionOf(step.condition),
    // False is what absent means on a step that is not async.
    resume: !isAsync && resume === false ? undefined : resume,
    ...commonOf(step),
    input_schema: fresh(step.inputSchema?.source),
    before: chainOf(step.before),
    then: chainOf(step.then),
    message: step.gate.message?.source,
    on_headless: step.gate.onHeadless === "skip" ? undefined : step.gate.onHeadless,
    default_value: step.gate.defaultValue,
  });
}

function chainOf(steps: readonly Step[]): object[] | undefined {
  if (steps.length === 0) return undefined;
  return steps.map((step) =>
    compact({ ...bodyOf(step), resume: step.resume === true || undefined, ...commonOf(step) }),
  );
}

function commonOf(step: Step): object {
  return {
    ...policyOf(step),
    output_schema: fresh(step.outputSchema?.source),
    on_result: step.onResult.length === 0 ? undefined : step.onResult.map(ruleOf),
    ...runnerOf(step.runner),
  };
}

function bodyOf({ body }: Step): object {
  switch (body.kind) {
    case "prompt":
      return { prompt: body.prompt.source };
    case "shell":
      return { context: { shell: body.command.source } };
    case "pipeline":
      return { pipeline: body.target.source, prompt: body.prompt?.source };
    case "join":
      return { action: "join" };
    case "gate":
      return { action: "pause_for_human" };
  }
}

function policyOf({ body, onError }: Step): object {
  if (body.kind === "join") return { on_error: body.onError === "fail_fast" ? undefined : body.onError };
  switch (onError.kind) {
    case "abort_pipeline":
      return {};
    case "continue":
      return { on_error: "continue" };
    case "retry":
      return { on_error: "retry", max_retries: onError.maxRetries };
  }
}

function conditionOf({ kind, source }: Condition): string | undefined {
  return kind === "always" ? undefined : source;
}

function ruleOf({ matcher, action }: ResultRule): object {
  return compact({
    ...matcherOf(matcher),
    action: action.kind === "pipeline" ? `pipeline: ${action.target?.source ?? ""}` : action.kind,
    prompt: action.prompt?.source,
    message: action.message?.source,
  });
}

function matcherOf(matcher: Matcher): object {
  switch (matcher.kind) {
    case "always":
      return { always: true };
    case "contains":
      return { contains: matcher.text };
    case "exit_code":
      return { exit_code: matcher.code };
    case "matches":
      return { matches: matcher.pattern.source };
    case "expression":
      return { expression: matcher.condition.source };
    case "field":
      return { field: matcher.path, equals: fresh(matcher.equals) };
  }
}

function runnerOf({
  runner,
  model,
  tools,
  sampling,
  systemPrompt,
  appendSystemPrompt,
}: RunnerSettings): object {
  return {
    runner,
    model,
    tools: fresh(tools),
    sampling: fresh(sampling),
    system_prompt: systemPrompt?.source,
    append_system_prompt: appendSystemPrompt?.map(appendedOf),
  };
}

function appendedOf(part: Appended): object {
  return part.kind === "text" ? { text: part.text.source } : { shell: part.command.source };
}

/** A copy of its own, so that what is one object in two places is written twice. */
function fresh(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

function compact(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
