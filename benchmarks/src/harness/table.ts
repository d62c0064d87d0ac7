import type { Unit } from "./case.ts";
import type { CaseResult } from "./results.ts";
import type { Summary } from "./statistics.ts";

const gap = "  ";

/** Rows of cells in columns: the first to the left, all others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return column === 0 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join(gap)
        .trimEnd(),
    )
    .join("\n");
}

/** Short enough to compare at a glance. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function spread(summary: Summary | undefined): readonly [string, string, string] {
  return summary === undefined
    ? ["", "", ""]
    : [short(summary.median), short(summary.min), `${short(summary.low)} - ${short(summary.high)}`];
}

/** One case: what each contestant costs, against the floor, and against us. */
export function caseTable(result: CaseResult, ours: string): string {
  const { definition, names } = result;
  const parts = Object.entries(definition.metrics)
    .filter(([metric]) => names.some((name) => result.summary(name, metric) !== undefined))
    .map(([metric, unit]) => metricTable(result, metric, unit, ours));
  return [`${definition.id}: ${definition.title}`, ...parts].join("\n\n");
}

function metricTable(result: CaseResult, metric: string, unit: Unit, ours: string): string {
  const { floor } = result.definition;
  const what = unit === "count" ? metric : `${metric}, ${unit}`;
  const head = [what, "median", "min", "IQR", ...(unit === "count" ? [] : [`x ${floor}`, "we are"])];
  const rows = result.names.flatMap((name) => {
    const summary = result.summary(name, metric);
    if (summary === undefined) return [];
    const role = result.role(name);
    const label = role === "floor" ? `(${name})` : role === "ours" ? `* ${name}` : name;
    const row = [label, ...spread(summary)];
    if (unit === "count") return [row];
    const toFloor = result.ratio(name, floor, metric);
    const toUs = name === ours ? undefined : result.ratio(name, ours, metric);
    return [
      [
        ...row,
        toFloor === undefined ? "" : short(toFloor.median),
        toUs === undefined ? "" : faster(toUs.median, unit),
      ],
    ];
  });
  return table([head, ...rows]);
}

function faster(ratio: number, unit: Unit): string {
  const [better, worse] = unit === "ns" ? ["faster", "slower"] : ["less", "more"];
  return ratio >= 1 ? `${short(ratio)} x ${better}` : `${short(1 / ratio)} x ${worse}`;
}
