import { setMaxListeners } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { playPreemption } from "./preemption.js";
import { printReport } from "./report.js";
import { playReviews } from "./reviews.js";
import { type Round, runRound } from "./round.js";

/** Runs every round in a folder of its own, a session's timeline and a pipeline, and prints them; resolves to the exit code. */
export async function runDemo({ json }: { readonly json: boolean }): Promise<number> {
  const interrupt = new AbortController();
  // Every call listens.
  setMaxListeners(0, interrupt.signal);
  const stop = (signal: NodeJS.Signals): void => {
    interrupt.abort(signal);
  };
  // Before there is anything to clean up.
  for (const signal of signals) process.on(signal, stop);
  const folder = mkdtempSync(join(tmpdir(), "agent-host-demo-"));
  const cleanUp = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  process.on("exit", cleanUp);
  try {
    const rounds: Round[] = [];
    for (const [name, files] of cases)
      for (const guarded of [false, true])
        rounds.push(await runRound({ name, files, guarded, folder, edits, signal: interrupt.signal }));
    const preemption = await playPreemption(interrupt.signal);
    const reviews = await playReviews(interrupt.signal);
    printReport(rounds, preemption, reviews, json);
    const kept = rounds.every(({ guarded, survived }) => !guarded || survived === edits);
    return kept && preemption.good && reviews.every(({ good }) => good) ? 0 : 1;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    return 128 + constants.signals[interrupt.signal.reason as NodeJS.Signals];
  } finally {
    for (const signal of signals) process.off(signal, stop);
    process.off("exit", cleanUp);
    cleanUp();
  }
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const edits = 20;
const cases: readonly (readonly [name: string, files: number])[] = [
  ["20 edits of one file", 1],
  ["20 edits over five files", 5],
];
