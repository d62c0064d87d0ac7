import type { GoalRow } from "./goal.ts";
import type { CaseResult } from "./results.ts";
import type { RoundOptions } from "./rounds.ts";

/** Everything that the tables show, and the in-round ratios among all contestants of a case. */
export function toJson(
  results: readonly CaseResult[],
  goals: readonly GoalRow[],
  { rounds, turn }: RoundOptions,
  processes: number,
): unknown {
  return {
    node: results[0]?.node,
    rounds,
    processes,
    turn,
    cases: results.map((result) => {
      const { id, title, metrics, floor } = result.definition;
      return {
        id,
        title,
        floor,
        contestants: result.names.map((name) => ({
          name,
          role: result.role(name),
          metrics: Object.fromEntries(
            Object.entries(metrics).flatMap(([metric, unit]) => {
              const summary = result.summary(name, metric);
              if (summary === undefined) return [];
              const ratios = result.names.flatMap((other) => {
                const ratio = other === name ? undefined : result.ratio(name, other, metric);
                return ratio === undefined ? [] : [[other, ratio] as const];
              });
              return [[metric, { unit, ...summary, ratios: Object.fromEntries(ratios) }]];
            }),
          ),
        })),
      };
    }),
    goals,
  };
}
