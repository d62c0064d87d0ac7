import { at } from "./at.ts";
import type { CaseResult } from "./results.ts";
import type { Summary } from "./statistics.ts";
import { short, table } from "./table.ts";

/** What a case should show. */
export interface Goal {
  readonly case: string;
  /** Of several cases the geometric mean of the ratios counts, if all were run. */
  readonly andCases?: readonly string[];
  /** Who is to reach it; without one, ours. */
  readonly who?: string;
  /** Without one, the case's main metric. */
  readonly metric?: string;
  /** Who is compared with us, or nobody: then the figure itself counts. */
  readonly with?: string;
  /** Another case, where our own figures of two cases are compared. */
  readonly withCase?: string;
  /** Ours is at most so many times the other's; or at most so much. */
  readonly atMost?: number;
  /** The other's is at least so many times ours. */
  readonly atLeast?: number;
}

export interface GoalRow {
  readonly case: string;
  readonly goal: string;
  readonly target: number;
  readonly measured: number;
  readonly low: number;
  readonly high: number;
  readonly met: boolean;
}

/** The goals of the cases that were run. */
export function goalRows(
  goals: readonly Goal[],
  results: readonly CaseResult[],
  ours = "holdfast",
): readonly GoalRow[] {
  const byId = new Map(results.map((result) => [result.definition.id, result]));
  return goals.flatMap((goal) => {
    const result = byId.get(goal.case);
    if (result === undefined) return [];
    const metric = goal.metric ?? at(Object.keys(result.definition.metrics), 0);
    const target = goal.atMost ?? goal.atLeast ?? 0;
    const upper = goal.atLeast === undefined;
    const { with: other } = goal;
    const who = goal.who ?? ours;
    const all = [goal.case, ...(goal.andCases ?? [])].map((id) => byId.get(id));
    let measured: Summary | undefined;
    let what: string;
    if (goal.withCase !== undefined) {
      measured = across(result.summary(who, metric), byId.get(goal.withCase)?.summary(who, metric));
      what = `${metric}: at most ${short(target)} x ${goal.withCase}`;
    } else if (other === undefined) {
      measured = result.summary(who, metric);
      what = `${metric}: at most ${short(target)}`;
    } else if (upper) {
      measured = mean(all.map((each) => each?.ratio(who, other, metric)));
      what = `${metric}: at most ${short(target)} x ${other}`;
    } else {
      measured = mean(all.map((each) => each?.ratio(other, who, metric)));
      what = `${metric}: at least ${short(target)} x faster than ${other}`;
    }
    if (measured === undefined) return [];
    const { median, low, high } = measured;
    const met = upper ? median <= target : median >= target;
    return [
      {
        case: goal.andCases === undefined ? goal.case : `${goal.case} and ${goal.andCases.length} more`,
        goal: who === ours ? what : `${who}: ${what}`,
        target,
        measured: median,
        low,
        high,
        met,
      },
    ];
  });
}

/** The geometric means, if there are all of them. */
function mean(summaries: readonly (Summary | undefined)[]): Summary | undefined {
  const known = summaries.filter((summary) => summary !== undefined);
  if (known.length < summaries.length) return undefined;
  const of = (pick: (summary: Summary) => number): number =>
    Math.exp(known.reduce((sum, summary) => sum + Math.log(pick(summary)), 0) / known.length);
  return {
    median: of(({ median }) => median),
    min: of(({ min }) => min),
    low: of(({ low }) => low),
    high: of(({ high }) => high),
    samples: Math.min(...known.map(({ samples }) => samples)),
  };
}

/** Medians only: rounds of different cases do not belong together. */
function across(one: Summary | undefined, other: Summary | undefined): Summary | undefined {
  if (one === undefined || other === undefined) return undefined;
  const median = one.median / other.median;
  return { median, min: one.min / other.min, low: median, high: median, samples: one.samples };
}

export function goalTable(rows: readonly GoalRow[]): string {
  const missed = rows.filter(({ met }) => !met).length;
  const lines = rows.map((row) => [
    `${row.met ? "met   " : "MISSED"}  ${row.case}  ${row.goal}`,
    short(row.measured),
    `${short(row.low)} - ${short(row.high)}`,
  ]);
  return `goals\n\n${table([["", "measured", "IQR"], ...lines])}\n\n${rows.length - missed} met, ${missed} missed`;
}
