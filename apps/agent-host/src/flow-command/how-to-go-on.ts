import { defaultRuns } from "./claim-run.js";

export interface GoOn {
  readonly path: string;
  readonly id: string;
  readonly runs: string;
  readonly log?: string | undefined;
  readonly maxConcurrency?: number | undefined;
  /** What else is to be as it was. */
  readonly more: readonly string[];
  /** What is kept nowhere, and has to be given again. */
  readonly params?: readonly string[];
}

/** What to type to go on with a run in the way in which it was begun. */
export function howToGoOn({ path, id, runs, log, maxConcurrency, more, params = [] }: GoOn): string {
  const words = [
    ...["agent-host", "run", path, "--resume", id],
    ...(runs === defaultRuns ? [] : ["--runs", runs]),
    ...(log === undefined ? [] : ["--log", log]),
    ...(maxConcurrency === undefined ? [] : ["--max-concurrency", String(maxConcurrency)]),
    ...params.flatMap((name) => ["--set", `${name}=…`]),
    // There may be a command at its end.
    ...more,
  ];
  const how = params.length === 0 ? "to go on" : `to go on, with ${params.join(", ")} as before`;
  return `${how}: ${words.map((word) => quoted(word)).join(" ")}`;
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./…-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
