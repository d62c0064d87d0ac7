import { describe, expect, it } from "vitest";
import { ScheduleError, explore, replay } from "../../src/index.js";
import { SlowHandOver } from "./broken.js";
import { bugs } from "./bugs.js";
import { contention } from "./contention.js";
import { ToyLock } from "./toy-lock.js";

/** The error that a promise rejects with. */
async function failureOf(promise: Promise<unknown>): Promise<ScheduleError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ScheduleError);
  return error as ScheduleError;
}

describe.each(bugs)("$bug", ({ make, visitors, options, schedule, reason, seed, schedules }) => {
  it("is found, with the shortest schedule that shows it", async () => {
    const error = await failureOf(explore(contention(make, visitors), options));
    expect(error.trace).toEqual(schedule);
    expect(error.message.split("\n")[0]).toBe(reason);
    expect(error.seed).toBe(seed);
    expect(error.shortest).toBe(true);
  });

  it("fails in the same way when its seed is replayed", async () => {
    const error = await failureOf(replay(contention(make, visitors), seed));
    expect(error.trace).toEqual(schedule);
    expect(error.message.split("\n")[0]).toBe(reason);
    expect(error.seed).toBe(seed);
  });

  it("is not in the correct lock, under any schedule of the same program", async () => {
    const program = contention(() => new ToyLock(), visitors);
    expect(await explore(program, options)).toMatchObject({ complete: true, schedules });
    expect((await replay(program, seed)).seed).toBe(seed);
  });
});

describe("a window of one turn that opens some turns after the release", () => {
  it.each([1, 2, 3])(
    "is not met by steps without a turn between them, when it opens %i later",
    async (closed) => {
      const program = contention(() => new SlowHandOver({ closed, open: 1 }), { A: {}, B: {}, C: {} });
      expect(await explore(program, { turns: 1 })).toMatchObject({ complete: true });
    },
  );
});
