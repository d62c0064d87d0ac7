import type { RunFlowOptions } from "./run-flow.js";

export const defaultRuns = ".agent-host/runs";

/** What to type to go on with a run in the way in which it was begun. Values of parameters are nowhere, and not here either. */
export function resumeCommand(
  path: string,
  id: string,
  params: readonly string[],
  { runs, cache, log, maxConcurrency, force = false }: RunFlowOptions,
): string {
  const words = [
    ...["agent-host", "run", path, "--resume", id],
    ...(runs === defaultRuns ? [] : ["--runs", runs]),
    ...(cache === undefined ? [] : ["--cache", cache]),
    ...(log === undefined ? [] : ["--log", log]),
    ...(maxConcurrency === undefined ? [] : ["--max-concurrency", String(maxConcurrency)]),
    ...(force ? ["--force"] : []),
    ...params.flatMap((name) => ["--set", `${name}=…`]),
  ];
  const how = params.length === 0 ? "to go on" : `to go on, with ${params.join(", ")} as before`;
  return `${how}: ${words.map((word) => quoted(word)).join(" ")}`;
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./…-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
