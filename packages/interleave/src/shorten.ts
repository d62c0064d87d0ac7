import type { Settings } from "./options.js";
import type { Program } from "./program.js";
import { runSchedule } from "./run.js";
import type { Failure, RunResult } from "./run.js";
import { Script } from "./script.js";
import { Search, isShorter } from "./search.js";
import type { Length } from "./search.js";

/** A failing schedule, and how it went. */
export interface Failed {
  readonly result: RunResult;
  readonly failure: Failure;
  readonly schedule: readonly number[];
}

/**
 * Looks for the shortest schedule that fails, given one that does: first by leaving choices out, which gets
 * near it soon; then by a search among all that are shorter, which shows that there is none, if `budget` runs
 * are enough for it.
 */
export async function shorten(
  program: Program,
  settings: Settings,
  failed: Failed,
  budget: number,
): Promise<{ readonly failed: Failed; readonly isShortest: boolean }> {
  const reduced = await leaveOut(program, settings, failed);
  return searchBelow(program, settings, reduced, budget);
}

async function leaveOut(program: Program, settings: Settings, failed: Failed): Promise<Failed> {
  let best = failed;
  for (let isBetter = true; isBetter;) {
    isBetter = false;
    for (let width = 1; width <= 8 && !isBetter; width += 1)
      for (let at = 0; at < best.schedule.length && !isBetter; at += 1) {
        const script = new Script(best.schedule.toSpliced(at, width), false);
        const result = await runSchedule(program, settings, script);
        const { failure } = result;
        if (failure === undefined || !isShorter(result, best.result)) continue;
        best = { result, failure, schedule: script.taken };
        isBetter = true;
      }
  }
  return best;
}

async function searchBelow(
  program: Program,
  settings: Settings,
  failed: Failed,
  budget: number,
): Promise<{ readonly failed: Failed; readonly isShortest: boolean }> {
  let best = failed;
  const search = new Search(settings.turns);
  // One of the same length is taken too, if it comes first: so the outcome is the one that an exploration
  // would have.
  let limit: Length = { steps: best.result.steps, unsettled: best.result.unsettled + 1 };
  search.limit(limit);
  for (let runs = 0; runs < budget; runs += 1) {
    search.begin();
    const result = await runSchedule(program, settings, search);
    const { failure } = result;
    if (failure !== undefined && isShorter(result, limit)) {
      best = { result, failure, schedule: search.schedule };
      limit = result;
      search.limit(limit);
    }
    if (!search.restart() && !search.advance()) return { failed: best, isShortest: true };
  }
  return { failed: best, isShortest: false };
}
