import { shellWord } from "../flows/pipelines/run/shell.js";
import { defaultRuns } from "./claim-run.js";

/** The command that goes on with a run. `more`: what else is to be as it was. */
export function howToGoOn(path: string, id: string, runs: string, more: readonly string[] = []): string {
  const folder = runs === defaultRuns ? [] : ["--runs", runs];
  const words = ["agent-host", "run", path, "--resume", id, ...folder, ...more];
  return `to go on: ${words.map(shown).join(" ")}`;
}

function shown(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : shellWord(word);
}
