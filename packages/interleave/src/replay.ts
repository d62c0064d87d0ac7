import { show } from "./equal.js";
import { checkProgram, readSettings } from "./options.js";
import type { ReplayOptions } from "./options.js";
import type { Program } from "./program.js";
import { runSchedule } from "./run.js";
import { ScheduleError } from "./schedule-error.js";
import { Script } from "./script.js";
import { decodeSeed, encodeSeed } from "./seed.js";

/** A schedule that was replayed and did not fail. */
export interface Replay {
  /** The seed of what was run, in its shortest form. */
  readonly seed: string;
  /** One line for each step; empty without `log`. */
  readonly trace: readonly string[];
}

/**
 * Runs a program once, under one schedule.
 *
 * @param program the program that was explored.
 * @param schedule the seed from a `ScheduleError`; or any list of whole numbers from 0, of which each counts
 *   modulo the number of ways there are at that choice.
 * @param options `log` is given each step just before it happens. `turns` and `timers` are those of the seed,
 *   if it is one.
 * @returns the trace, if the schedule passes.
 * @throws {ScheduleError} if it fails.
 * @throws {RangeError} if the seed does not fit the program.
 * @throws {TypeError} at once, for a seed that is none.
 *
 * @example
 * ```ts
 * import { replay, type Program } from "@holdfast/interleave";
 *
 * const program: Program = ({ task }) => {
 *   for (const name of ["A", "B"]) task(name, ({ step }) => step("goes"));
 * };
 * const { seed } = await replay(program, "1:1.1");
 * console.log(seed); // => 1:1.1
 * ```
 */
export function replay(
  program: Program,
  schedule: string | readonly number[],
  options: ReplayOptions = {},
): Promise<Replay> {
  checkProgram(program);
  const isSeed = typeof schedule === "string";
  const seed = isSeed ? decodeSeed(schedule) : undefined;
  const settings = { ...readSettings(options), ...(seed && { turns: seed.turns, timers: seed.timers }) };
  const script = new Script(seed?.schedule ?? readSchedule(schedule), isSeed);
  return run();

  async function run(): Promise<Replay> {
    const result = await runSchedule(program, settings, script, { log: options.log });
    const taken = encodeSeed({ ...settings, schedule: script.taken });
    if (result.failure !== undefined)
      throw new ScheduleError({ ...result, ...result.failure, schedule: script.taken, seed: taken });
    return { seed: taken, trace: result.trace };
  }
}

function readSchedule(schedule: unknown): readonly number[] {
  if (!Array.isArray(schedule))
    throw new TypeError(`schedule must be a seed or an array: received ${show(schedule)}`);
  for (const choice of schedule as readonly unknown[])
    if (!Number.isSafeInteger(choice) || (choice as number) < 0)
      throw new RangeError(`schedule must hold whole numbers from 0: received ${show(choice)}`);
  return schedule as readonly number[];
}
