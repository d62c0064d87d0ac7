import { checkProgram, readCount, readSettings } from "./options.js";
import type { ExploreOptions } from "./options.js";
import type { Program } from "./program.js";
import type { Report } from "./report.js";
import { runSchedule } from "./run.js";
import type { Failure, RunResult } from "./run.js";
import { ScheduleError } from "./schedule-error.js";
import { Search, isShorter } from "./search.js";
import { encodeSeed } from "./seed.js";

/**
 * Runs a program under every schedule: every order of its steps, events and timers, each followed by settling
 * or by only a few microtask turns. Checks the invariants after every step.
 *
 * @param program makes fresh state and names the tasks, events and checks; it is run anew for each schedule.
 * @param options `turns`, `timers`, `maxSchedules`, `maxShrink`, `maxSteps`, `macrotasks`.
 * @returns what was covered, if no schedule fails. Look at `complete`: a bound may have been reached.
 * @throws {ScheduleError} for the shortest schedule that fails.
 * @throws {DeterminismError} if the program does something else when it is run again.
 * @throws {TypeError | RangeError} at once, for options that are none.
 *
 * **Complexity** One run of the program per schedule. `n` tasks of `k` steps have `(nk)! / k!ⁿ` orders, and
 * each gap between two steps multiplies them by `turns + 1`.
 *
 * @example
 * ```ts
 * import { explore } from "@holdfast/interleave";
 *
 * const report = await explore(({ task, invariant }) => {
 *   let balance = 100;
 *   for (const name of ["A", "B"])
 *     task(name, async ({ step }) => {
 *       await step("spend");
 *       balance -= 10; // read and written in one step
 *     });
 *   invariant("never in debt", () => balance >= 80);
 * });
 * console.log(report.schedules, report.complete); // => 4 true
 * ```
 */
export function explore(program: Program, options: ExploreOptions = {}): Promise<Report> {
  checkProgram(program);
  const settings = readSettings(options);
  const maxSchedules = readCount("maxSchedules", options.maxSchedules, 1, 100_000);
  const maxShrink = readCount("maxShrink", options.maxShrink, 0, 20_000);
  return walk();

  async function walk(): Promise<Report> {
    const search = new Search(settings.turns);
    const states = new Set<string | number>();
    let tally = newTally();
    let best:
      | { readonly result: RunResult; readonly failure: Failure; readonly schedule: readonly number[] }
      | undefined;
    for (;;) {
      search.begin();
      const result = await runSchedule(program, settings, search, { states });
      const { failure, end } = result;
      if (failure !== undefined && isShorter(result, best?.result)) {
        best = { result, failure, schedule: search.schedule };
        search.limit(result);
      }
      if (search.restart()) {
        tally = newTally();
        states.clear();
        continue;
      }
      tally.runs += 1;
      if (best !== undefined) tally.shrinks += 1;
      if (end !== "given up") tally.schedules += 1;
      if (end === "maxSteps") tally.overlong += 1;
      tally.steps += result.steps;
      tally.depth = Math.max(tally.depth, result.steps);
      if (!search.advance()) return conclude(true);
      if (best === undefined ? tally.runs >= maxSchedules : tally.shrinks > maxShrink) return conclude(false);
    }

    function conclude(exhausted: boolean): Report {
      const { schedules, steps, depth, overlong } = tally;
      const report: Report = {
        schedules,
        pruned: search.pruned,
        states: states.size > 0 ? states.size : undefined,
        steps,
        depth,
        complete: exhausted && overlong === 0 && best === undefined,
        bound: !exhausted ? "maxSchedules" : overlong > 0 ? "maxSteps" : undefined,
      };
      if (best === undefined) return report;
      const { result, failure, schedule } = best;
      const seed = encodeSeed({ ...settings, schedule });
      throw new ScheduleError({ ...result, ...failure, schedule, seed }, schedules, exhausted);
    }
  }
}

const newTally = (): {
  runs: number;
  shrinks: number;
  schedules: number;
  overlong: number;
  steps: number;
  depth: number;
} => ({
  runs: 0,
  shrinks: 0,
  schedules: 0,
  overlong: 0,
  steps: 0,
  depth: 0,
});
