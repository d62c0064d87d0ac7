import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sample, schedules } from "../src/fast-check.js";
import { ScheduleError, replay } from "../src/index.js";
import { Barging, CheckAwaitAct } from "./toy-locks/broken.js";
import { contention } from "./toy-locks/contention.js";
import { ToyLock } from "./toy-locks/toy-lock.js";

const six = { A: { shared: true }, B: {}, C: { shared: true }, D: {}, E: { shared: true }, F: {} };

describe("sample", () => {
  it("finds barging among six visitors, and shrinks it to the three that matter", async () => {
    const program = contention(() => new Barging(), six);
    const error: unknown = await sample(program, { seed: 1 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ScheduleError);
    const { trace, seed } = error as ScheduleError;
    expect(trace).toEqual([
      "A: ask, then all settles",
      "B: ask, then all settles",
      "C: ask, then all settles",
    ]);
    await expect(replay(program, seed)).rejects.toThrow(ScheduleError);
  });

  it("finds a race that needs two steps without a turn between them", async () => {
    const program = contention(() => new CheckAwaitAct(), { A: {}, B: {}, C: {}, D: {}, E: {}, F: {} });
    await expect(sample(program, { seed: 1 })).rejects.toMatchObject({
      trace: ["A: ask, then 0 turns", "B: ask, then all settles"],
      seed: "1:0.1",
    });
  });

  it("says what it covered of a correct lock, and that this is not everything", async () => {
    const report = await sample(
      contention(() => new ToyLock(), six),
      { runs: 200, seed: 7 },
    );
    expect(report).toMatchObject({ runs: 200, depth: 12, seed: 7, complete: false });
    expect(report.schedules).toBeGreaterThan(150);
    expect(report.schedules).toBeLessThanOrEqual(201);
  });

  it("runs the same schedules again for the same seed", async () => {
    const program = contention(() => new ToyLock(), six);
    const reports = [
      await sample(program, { runs: 50, seed: 3 }),
      await sample(program, { runs: 50, seed: 3 }),
    ];
    expect(reports[1]).toEqual(reports[0]);
  });

  it("refuses options that are none at once", () => {
    expect(() => sample(() => undefined, { runs: 0 })).toThrow(RangeError);
    expect(() => schedules({ maxLength: -1 })).toThrow(
      "maxLength must be a whole number of at least 0: received -1",
    );
  });
});

describe("schedules", () => {
  it("makes lists of numbers that replay takes, whatever the program", async () => {
    await fc.assert(
      fc.asyncProperty(schedules({ maxLength: 30 }), async (schedule) => {
        const program = contention(() => new ToyLock(), {
          A: {},
          B: { abortable: true },
          C: { shared: true },
        });
        const { seed } = await replay(program, schedule, { turns: 2 });
        expect((await replay(program, seed)).seed).toBe(seed);
      }),
      { numRuns: 200 },
    );
  });
});
