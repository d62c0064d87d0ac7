import { setMaxListeners } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { endSignals } from "../end-signals.js";
import { playGuardsOff } from "./guards-off/play-guards-off.js";
import { playPreemption } from "./preemption.js";
import { printReport } from "./report.js";
import { playReviews } from "./reviews.js";
import { type Round, runRound } from "./round.js";

/**
 * Runs every round in a folder of its own, a session's timeline, what breaks without each guard, and a pipeline, and prints all of it;
 * resolves to the exit code.
 */
export async function runDemo({ json }: { readonly json: boolean }): Promise<number> {
  const interrupt = new AbortController();
  // Every call listens.
  setMaxListeners(0, interrupt.signal);
  const stop = (signal: NodeJS.Signals): void => {
    interrupt.abort(signal);
  };
  // Before there is anything to clean up.
  for (const signal of endSignals) process.on(signal, stop);
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
    const guardsOff = await playGuardsOff(interrupt.signal);
    const reviews = await playReviews(interrupt.signal);
    printReport({ rounds, preemption, guardsOff, reviews }, json);
    const good = [
      rounds.every(({ guarded, survived }) => !guarded || survived === edits),
      preemption.good,
      guardsOff.every(({ on }) => on.broken === 0),
      reviews.every((review) => review.good),
    ];
    return good.includes(false) ? 1 : 0;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    return 128 + constants.signals[interrupt.signal.reason as NodeJS.Signals];
  } finally {
    for (const signal of endSignals) process.off(signal, stop);
    process.off("exit", cleanUp);
    cleanUp();
  }
}

const edits = 20;
const cases: readonly (readonly [name: string, files: number])[] = [
  ["20 edits of one file", 1],
  ["20 edits over five files", 5],
];
