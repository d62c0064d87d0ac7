/** What an exploration covered. */
export interface Report {
  /** Schedules that were run to their end. */
  readonly schedules: number;
  /** Branches left out because independence makes them equal to explored ones. */
  readonly pruned: number;
  /** Different values of `state` at settled points; undefined if the program names no state. */
  readonly states: number | undefined;
  /**
   * Steps, events and timers that happened, also in schedules that were given up because independence makes
   * them equal to others.
   */
  readonly steps: number;
  /** Steps, events and timers in the longest schedule. */
  readonly depth: number;
  /**
   * Whether every schedule within `turns` was run (or is equal to one that was): neither `maxSchedules` nor
   * `maxSteps` was reached.
   */
  readonly complete: boolean;
  /** Which bound ended it early, if any. */
  readonly bound: "maxSchedules" | "maxSteps" | undefined;
}

/**
 * Says in one line what an exploration covered.
 *
 * @example
 * ```ts
 * import { explore, formatReport } from "@holdfast/interleave";
 *
 * const report = await explore(({ task }) => {
 *   for (const name of ["A", "B"]) task(name, ({ step }) => step("goes"));
 * });
 * console.log(formatReport(report)); // => complete: 4 schedules, 8 steps, at most 2 in one
 * ```
 */
export function formatReport(report: Report): string {
  const parts = [
    count(report.schedules, "schedule"),
    ...(report.pruned > 0 ? [`${count(report.pruned, "branch", "branches")} pruned`] : []),
    ...(report.states === undefined ? [] : [count(report.states, "state")]),
    count(report.steps, "step"),
    `at most ${report.depth} in one`,
  ];
  const head = report.complete ? "complete" : `not complete, ${report.bound ?? "bound"} was reached`;
  return `${head}: ${parts.join(", ")}`;
}

/** Groups of three by hand: the locale of the machine should not change a report. */
function count(value: number, one: string, many = `${one}s`): string {
  return `${String(value).replace(/\B(?=(?:\d{3})+$)/g, ",")} ${value === 1 ? one : many}`;
}
