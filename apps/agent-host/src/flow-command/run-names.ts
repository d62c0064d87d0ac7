import { didYouMean } from "../flows/file/suggestion.js";
import { callsOf } from "../flows/pipelines/definition/calls.js";
import { referencesOf } from "../flows/pipelines/definition/template.js";
import { usesIn } from "../flows/pipelines/definition/uses.js";
import type { Callable, Library } from "../flows/pipelines/library.js";
import { UsageError } from "../usage-error.js";

/** Throws `UsageError` for an input that nothing in a pipeline, or in what it calls, asks for. */
export function checkInputNames(names: Iterable<string>, called: Callable, library: Library): void {
  const inputs = inputsOf(called, library);
  if (inputs === undefined) return;
  for (const name of names)
    if (name !== "prompt" && !inputs.has(name)) {
      const known = ["prompt", ...inputs];
      throw new UsageError(
        `--set ${name}: there is no {{ input.${name} }} in the file${didYouMean(name, known) || `; there is: ${known.join(", ")}`}`,
      );
    }
}

/** Throws `UsageError` for a step that is in no pipeline of the run. */
export function checkStepNames(names: Iterable<string>, called: Callable, library: Library): void {
  for (const name of names) {
    const ids = idsBeside(name, called, library);
    if (ids !== undefined && !ids.includes(name))
      throw new UsageError(
        `--disable ${name}: there is no such step${didYouMean(name, ids) || `; there is: ${ids.join(", ")}`}`,
      );
  }
}

/** The names of all inputs that may be used; `undefined` if that is known only in a run. */
function inputsOf(called: Callable, library: Library): ReadonlySet<string> | undefined {
  const inputs = new Set<string>();
  const scopes = new Map([[called.scope, called]]);
  for (const { pipeline, scope } of scopes.values()) {
    for (const { template } of scope.steps.flatMap(usesIn))
      for (const reference of referencesOf(template))
        if (reference.kind === "input") inputs.add(reference.key);
    for (const { target } of callsOf(scope)) {
      if (target === undefined) return undefined;
      const next = library.resolve(pipeline, target);
      scopes.set(next.scope, scopes.get(next.scope) ?? next);
    }
  }
  return inputs;
}

/** The ids of the steps in the pipeline that a name is of; `undefined` if that is known only in a run. */
function idsBeside(name: string, { pipeline, scope }: Callable, library: Library): string[] | undefined {
  const calls = callsOf(scope).filter(({ id }) => name.startsWith(`${id}::`));
  const ids = scope.steps.map(({ id }) => id);
  for (const { id, target } of calls) {
    if (target === undefined) return undefined;
    const prefix = `${id}::`;
    const within = idsBeside(name.slice(prefix.length), library.resolve(pipeline, target), library);
    if (within === undefined) return undefined;
    ids.push(...within.map((each) => `${prefix}${each}`));
  }
  return ids;
}
