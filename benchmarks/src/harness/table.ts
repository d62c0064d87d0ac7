import type { Unit } from "./case.ts";
import type { CaseResult } from "./results.ts";

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
  if (size < 0.005) return "0";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** One case: what each contestant costs, against the floor, and against us. */
export function caseTable(result: CaseResult, ours: string): string {
  const { definition } = result;
  const metrics = Object.entries(definition.metrics);
  const compared = metrics
    .filter(([, unit]) => isCompared(unit))
    .map(([metric, unit]) => comparison(result, metric, unit, ours));
  const left = metrics.filter(([, unit]) => !isCompared(unit));
  const parts = left.length === 0 ? compared : [...compared, leftovers(result, left)];
  return [`${definition.id}: ${definition.title}`, ...parts].join("\n\n");
}

function isCompared(unit: Unit): boolean {
  return unit === "ns" || unit === "B";
}

function labelled(result: CaseResult, name: string): string {
  const role = result.role(name);
  return role === "floor" ? `(${name})` : role === "ours" ? `* ${name}` : name;
}

function comparison(result: CaseResult, metric: string, unit: Unit, ours: string): string {
  const { floor } = result.definition;
  const rows = result.names.flatMap((name) => {
    const summary = result.summary(name, metric);
    if (summary === undefined) return [];
    const { median, min, low, high } = summary;
    const toFloor = result.ratio(name, floor, metric);
    const toUs = name === ours ? undefined : result.ratio(name, ours, metric);
    return [
      [
        labelled(result, name),
        short(median),
        short(min),
        `${short(low)} - ${short(high)}`,
        toFloor === undefined ? "" : short(toFloor.median),
        toUs === undefined ? "" : faster(toUs.median, unit),
      ],
    ];
  });
  return table([[`${metric}, ${unit}`, "median", "min", "IQR", `x ${floor}`, "we are"], ...rows]);
}

/** What should be nothing: the medians, side by side. */
function leftovers(result: CaseResult, metrics: readonly (readonly [metric: string, unit: Unit])[]): string {
  const rows = result.names.map((name) => [
    labelled(result, name),
    ...metrics.map(([metric]) => {
      const summary = result.summary(name, metric);
      return summary === undefined ? "-" : short(summary.median);
    }),
  ]);
  return table([
    ["left", ...metrics.map(([metric, unit]) => (unit === "left" ? metric : `${metric}, B`))],
    ...rows,
  ]);
}

function faster(ratio: number, unit: Unit): string {
  const [better, worse] = unit === "ns" ? ["faster", "slower"] : ["less", "more"];
  return ratio >= 1 ? `${short(ratio)} x ${better}` : `${short(1 / ratio)} x ${worse}`;
}
