import * as fc from "fast-check";
import { checkProgram, readCount, readSettings } from "./options.js";
import type { ScheduleOptions } from "./options.js";
import type { Program } from "./program.js";
import { runSchedule } from "./run.js";
import type { RunResult } from "./run.js";
import { ScheduleError } from "./schedule-error.js";
import { Script } from "./script.js";
import { isShorter } from "./search.js";
import { encodeSeed } from "./seed.js";
import { shorten } from "./shorten.js";
import type { Failed } from "./shorten.js";

/** Options of `sample`. */
export interface SampleOptions extends ScheduleOptions {
  /** Random schedules to run. Default 1,000. */
  readonly runs?: number | undefined;
  /** How many more schedules may be run, after a failure, to find the shortest one. Default 20,000. */
  readonly maxShrink?: number | undefined;
  /** Makes the same samples again. Default: chosen by fast-check. */
  readonly seed?: number | undefined;
}

/** What a sample covered. */
export interface SampleReport {
  /** Random schedules that were run. */
  readonly runs: number;
  /** How many different ones there were among them. */
  readonly schedules: number;
  /** Different values of `state` at settled points; undefined if the program names no state. */
  readonly states: number | undefined;
  /** Steps, events and timers in the longest schedule. */
  readonly depth: number;
  /** Makes the same samples again, as the option `seed`. */
  readonly seed: number;
  /** A sample proves nothing about what it left out. */
  readonly complete: false;
}

/** Options of `schedules`. */
export interface SchedulesOptions {
  /** Choices at most; zero is taken beyond the end. Default 100. */
  readonly maxLength?: number | undefined;
}

/**
 * Makes schedules for `replay`: any list of numbers is one. They shrink to fewer choices and to smaller ones,
 * and 0 is the plainest: let everything settle, and go on with the first task that can.
 *
 * @example
 * ```ts
 * import fc from "fast-check";
 * import { replay, type Program } from "@holdfast/interleave";
 * import { schedules } from "@holdfast/interleave/fast-check";
 *
 * const programFor = (tasks: number): Program => ({ task }) => {
 *   for (let name = 0; name < tasks; name += 1) task(String(name), ({ step }) => step("goes"));
 * };
 * await fc.assert(
 *   fc.asyncProperty(schedules(), fc.nat(3), async (schedule, tasks) => {
 *     await replay(programFor(tasks), schedule);
 *   }),
 * );
 * ```
 */
export function schedules(options: SchedulesOptions = {}): fc.Arbitrary<number[]> {
  const maxLength = readCount("maxLength", options.maxLength, 0, 100);
  return fc.array(fc.nat({ max: 0xff }), { maxLength, size: "max" });
}

/**
 * Runs a program under random schedules, and shrinks the first that fails: for programs with too many
 * schedules to run them all.
 *
 * @param program the same kind of program that `explore` takes.
 * @param options `runs`, `maxShrink`, `seed`, and those of one schedule: `turns`, `timers`, `maxSteps`,
 *   `macrotasks`.
 * @returns what was covered, if no schedule failed.
 * @throws {ScheduleError} for the shortest schedule that was found; it replays with `replay`.
 * @throws {TypeError | RangeError} at once, for options that are none.
 *
 * **Complexity** One run of the program per sample, and some hundred more to shrink a failure.
 *
 * @example
 * ```ts
 * import type { Program } from "@holdfast/interleave";
 * import { sample } from "@holdfast/interleave/fast-check";
 *
 * const program: Program = ({ task }) => {
 *   for (const name of ["A", "B", "C", "D", "E"]) task(name, ({ step }) => step("goes"));
 * };
 * await sample(program, { runs: 100 });
 * ```
 */
export function sample(program: Program, options: SampleOptions = {}): Promise<SampleReport> {
  checkProgram(program);
  const settings = readSettings(options);
  const numRuns = readCount("runs", options.runs, 1, 1000);
  const maxShrink = readCount("maxShrink", options.maxShrink, 0, 20_000);
  return run();

  async function run(): Promise<SampleReport> {
    const states = new Set<string | number>();
    const seen = new Set<string>();
    let depth = 0;
    let best: Failed | undefined;

    const play = async (schedule: readonly number[]): Promise<readonly [RunResult, readonly number[]]> => {
      const script = new Script(schedule, false);
      const result = await runSchedule(program, settings, script, { states });
      seen.add(encodeSeed({ ...settings, schedule: script.taken }));
      depth = Math.max(depth, result.steps);
      return [result, script.taken];
    };

    // How many choices there are is known only from a run.
    const [, plain] = await play([]);
    const property = fc.asyncProperty(schedules({ maxLength: 2 * plain.length + 8 }), async (schedule) => {
      const [result, taken] = await play(schedule);
      const { failure } = result;
      if (failure === undefined) return true;
      if (isShorter(result, best?.result)) best = { result, failure, schedule: taken };
      return false;
    });
    const details = await fc.check(property, {
      numRuns,
      ...(options.seed !== undefined && { seed: options.seed }),
    });
    if (best !== undefined) {
      const { failed, isShortest } = await shorten(program, settings, best, maxShrink);
      const { result, failure, schedule } = failed;
      const seed = encodeSeed({ ...settings, schedule });
      throw new ScheduleError({ ...result, ...failure, schedule, seed }, seen.size, isShortest);
    }
    if (details.failed)
      throw new Error("fast-check could not run the samples", { cause: details.errorInstance });
    return {
      runs: details.numRuns,
      schedules: seen.size,
      states: states.size > 0 ? states.size : undefined,
      depth,
      seed: details.seed,
      complete: false,
    };
  }
}
