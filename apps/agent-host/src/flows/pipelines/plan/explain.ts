import { isJoin, type Pipeline, type Scope, type Step } from "../definition/model.js";
import { planOf, start } from "./plan.js";

/** A pipeline in words: what each step does, when it starts, and whom it waits for. */
export function explainPipeline({ main, named, defaults }: Pipeline): string {
  const cap = defaults.maxConcurrency;
  return [
    `At once: ${cap === undefined ? "all async steps that can run" : `at most ${cap} async ${cap === 1 ? "step" : "steps"}`}`,
    ...[main, ...named.values()].flatMap((scope) => ["", `${capital(scope.label)}:`, ...explainScope(scope)]),
  ].join("\n");
}

function explainScope(scope: Scope): string[] {
  return planOf(scope).nodes.map(({ step, from }) => {
    const parts = [
      whatOf(step, scope),
      step.async
        ? `beside the main flow, launched ${from === start ? "at the start" : `after ${from}`}`
        : undefined,
      step.dependsOn.length > 0 ? `waits for ${step.dependsOn.join(", ")}` : undefined,
      step.condition.kind === "always" ? undefined : `only if ${step.condition.source}`,
      policyOf(step),
    ];
    return `  ${step.index + 1}. ${step.id}: ${parts.filter((part) => part !== undefined).join("; ")}`;
  });
}

function whatOf({ body, dependsOn }: Step, { steps }: Scope): string {
  switch (body.kind) {
    case "prompt":
      return "asks the runner";
    case "shell":
      return "runs a command";
    case "pipeline":
      return `calls the pipeline ${body.target.source}`;
    case "gate":
      return "waits for a human";
    case "join": {
      const isStructured = steps.every(
        (each) => !dependsOn.includes(each.id) || each.outputSchema !== undefined,
      );
      return `joins ${isStructured ? "outputs as one JSON object" : "answers as one text"}`;
    }
  }
}

function policyOf(step: Step): string | undefined {
  if (step.body.kind === "join")
    return step.body.onError === "fail_fast"
      ? "fails with the first that fails (fail_fast)"
      : "goes on whoever fails (wait_for_all)";
  switch (step.onError.kind) {
    case "continue":
      return "the pipeline goes on if it fails";
    case "retry":
      return `tried up to ${step.onError.maxRetries} more ${step.onError.maxRetries === 1 ? "time" : "times"}`;
    case "abort_pipeline":
      return undefined;
  }
}

/** The same as a Mermaid graph: thick arrows are the main flow, dotted ones launches, plain ones `depends_on`. */
export function mermaidOf(scope: Scope): string {
  const nodes = new Map([
    [start, "start"],
    ...scope.steps.map(({ id, index }): [string, string] => [id, `n${index}`]),
  ]);
  const lines = ["flowchart TD", "  start((start))"];
  for (const { step, from, dependsOn } of planOf(scope).nodes) {
    const node = nodes.get(step.id) ?? "";
    lines.push(`  ${node}${shapeOf(step)}`);
    lines.push(`  ${nodes.get(from) ?? ""} ${step.async ? "-.->" : "==>"} ${node}`);
    for (const id of dependsOn) if (id !== from) lines.push(`  ${nodes.get(id) ?? ""} --> ${node}`);
  }
  return lines.join("\n");
}

function shapeOf(step: Step): string {
  // An id has only letters, digits, - and _.
  const label = `"${step.id}"`;
  if (isJoin(step)) return `{{${label}}}`;
  return step.async ? `([${label}])` : `[${label}]`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
