import { describe, expect, it } from "vitest";
import { Scale } from "../../../src/flows/report/scale.js";

describe("the axis of a timeline", () => {
  it.each([
    [0, 1, [0, 1]],
    [1, 1, [0, 1]],
    [3, 1, [0, 1, 2, 3]],
    [9, 2, [0, 2, 4, 6, 8]],
    [300, 100, [0, 100, 200, 300]],
    [500, 100, [0, 100, 200, 300, 400, 500]],
    [501, 200, [0, 200, 400]],
    [1000, 200, [0, 200, 400, 600, 800, 1000]],
    [1001, 500, [0, 500, 1000]],
    [2500, 500, [0, 500, 1000, 1500, 2000, 2500]],
    [2501, 1000, [0, 1000, 2000]],
    [95_500, 20_000, [0, 20_000, 40_000, 60_000, 80_000]],
  ])("of %d ms has a tick every %d ms", (length, step, ticks) => {
    const scale = new Scale(7000, 7000 + length);
    expect(scale.step).toBe(step);
    expect(scale.ticks).toEqual(ticks);
  });

  it("says where a time stands, in percent with three digits after the point", () => {
    const scale = new Scale(7000, 7300);
    expect([7000, 7001, 7100, 7150, 7300].map((time) => scale.at(time))).toEqual([0, 0.333, 33.333, 50, 100]);
    expect([0, 1, 100, 300].map((ms) => scale.share(ms))).toEqual([0, 0.333, 33.333, 100]);
  });

  it("has a place for the only moment of a run that took no time", () => {
    const scale = new Scale(7000, 7000);
    expect(scale.at(7000)).toBe(0);
    expect(scale.share(0)).toBe(0);
  });
});
