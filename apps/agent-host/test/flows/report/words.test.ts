import { describe, expect, it } from "vitest";
import type { Row } from "../../../src/flows/report/report.js";
import {
  counts,
  duration,
  hasWorked,
  moment,
  tickLabel,
  waited,
  worked,
} from "../../../src/flows/report/words.js";
import { eventful, uneventful } from "../support/reports.js";

function rowNamed(name: string): Row {
  const row = eventful.rows.find((each) => each.name === name);
  if (row === undefined) throw new Error(`there is no row ${name}`);
  return row;
}

describe("what the page says of times", () => {
  it.each([
    [0, "0ms", "0ms"],
    [7, "7ms", "7ms"],
    [1000, "1s", "1s"],
    [1234, "1.23s", "1.2s"],
    [59_990, "59.99s", "59.9s"],
    [95_500, "1m 35.50s", "1m 35.5s"],
    [3_600_000, "1h", "1h"],
  ])("a duration of %d ms is %s, and %s on the axis", (ms, long, short) => {
    expect(duration(ms)).toBe(long);
    expect(tickLabel(ms)).toBe(short);
  });

  it("a moment is told to the second, wherever one looks at it", () => {
    expect(moment(Date.UTC(2026, 1, 3, 4, 5, 6, 789))).toBe("2026-02-03 04:05:06 UTC");
  });

  it.each([
    ["fetch", 1500, 2750],
    ["plan", 6000, 34_000],
    ["plan::review", 0, 0],
    ["gate", 20_000, 1],
    ["watch", 0, 15_001],
    ["retried", 9001, 1000],
    ["docs", 0, undefined],
    ["last", 95_500, undefined],
  ])("%s has waited %d ms, and worked %s", (name, waits, works) => {
    const row = rowNamed(name);
    expect(waited(row)).toBe(waits);
    expect(hasWorked(row)).toBe(works !== undefined);
    expect(worked(row)).toBe(works ?? 0);
  });

  it("counts the steps of the file, and not what they consist of", () => {
    expect([...counts(eventful)]).toEqual([
      ["done", 4],
      ["failed", 2],
      ["excused", 1],
      ["cancelled", 2],
      ["skipped", 1],
      ["open", 1],
      ["done_before", 1],
      ["not_reached", 1],
    ]);
    expect([...counts(uneventful)]).toEqual([]);
  });
});
