/** What is known about a schedule that failed. */
export interface FailedSchedule {
  readonly cause: unknown;
  /** One line: what failed. */
  readonly reason: string;
  readonly schedule: readonly number[];
  readonly seed: string;
  /** One line for each step that was made. */
  readonly trace: readonly string[];
  /** When it failed, as in "once all had settled". */
  readonly moment: string;
}

/**
 * A schedule under which the program fails. The message lists the schedule step by step, and the line that
 * replays it.
 *
 * `cause` is what was thrown.
 */
export class ScheduleError extends Error {
  override readonly name = "ScheduleError";
  /** The choices, from first to last. */
  readonly schedule: readonly number[];
  /** Give this to `replay` to see the failure again. */
  readonly seed: string;
  /** One line for each step. */
  readonly trace: readonly string[];
  /** How many schedules had been run by then; 1 for a replay. */
  readonly schedules: number;
  /** Whether it is certain that no schedule with fewer steps, or as many and fewer unsettled gaps, fails. */
  readonly shortest: boolean;

  constructor(failed: FailedSchedule, schedules = 1, shortest = false) {
    super(describe(failed, schedules, shortest), { cause: failed.cause });
    this.schedule = failed.schedule;
    this.seed = failed.seed;
    this.trace = failed.trace;
    this.schedules = schedules;
    this.shortest = shortest;
  }
}

function describe(
  { reason, trace, moment, seed }: FailedSchedule,
  schedules: number,
  shortest: boolean,
): string {
  const width = String(trace.length).length;
  const steps = trace.map((line, index) => `  ${String(index + 1).padStart(width)}. ${line}`);
  const searched =
    schedules === 1
      ? []
      : [
          `found in ${schedules} schedules; ${shortest ? "none that fails is shorter" : "a shorter one may exist"}`,
        ];
  return [
    reason,
    ...steps,
    `  ${" ".repeat(width)}  fails ${moment}`,
    ...searched,
    `replay: await replay(program, ${JSON.stringify(seed)}, { log: console.log });`,
  ].join("\n");
}
