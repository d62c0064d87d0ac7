import { exploreAll } from "@holdfast/conformance";
import { afterEach, describe, expect, it } from "vitest";
import {
  asks,
  checks,
  comesBack,
  demands,
  endsDemand,
  leaves,
  leavesAgain,
  type Participant,
  type Setting,
  stopBarging,
  tries,
  visits,
} from "./explored-visits.js";
import { threeClasses, twoClasses } from "./modelled-lock.js";

/** With which classes, how many turns apart steps may come, and how many schedules that gives. */
type Run = readonly [classes: "two" | "three", turns: number, schedules: number];

const slow = 60_000;

/** Runs participants beside the model in every order, and expects exactly so many of them. */
function explored(
  title: string,
  runs: readonly Run[],
  participants: readonly Participant[],
  setting: Setting = {},
): void {
  for (const [classes, turns, schedules] of runs) {
    const gaps = ["all settles after each step", "a step may come before all settles"][turns];
    const full = `${title}: ${classes} classes, ${gaps ?? `a step may come up to ${turns - 1} turns after another`}`;
    it(
      full,
      async () => {
        const program = visits(classes === "two" ? twoClasses : threeClasses, participants, setting);
        const report = await exploreAll("PriorityLock", full, program, { turns });
        expect(report.schedules).toBe(schedules);
      },
      slow,
    );
  }
}

/** Works, looks once whether it should yield, and goes. */
const works = [asks("worker"), checks(), leaves];
const handles = [asks("handler"), leaves];

describe("PriorityLock, in every order", () => {
  afterEach(stopBarging);

  explored(
    "[S115, S93, L7, L8] two preemptors, both of whom may be aborted",
    [
      ["two", 0, 2346],
      ["three", 0, 2346],
    ],
    [
      { name: "W", acts: works },
      { name: "A", acts: handles, aborts: true },
      { name: "B", acts: handles, aborts: true },
    ],
  );

  explored(
    "[S115, S87, S89] two preemptors, one of whom may be aborted",
    [
      ["two", 1, 5129],
      ["three", 1, 5129],
    ],
    [
      { name: "W", acts: works },
      { name: "A", acts: handles, aborts: true },
      { name: "B", acts: handles },
    ],
  );

  explored(
    "[S92, S94] a handler arrives while the lock goes from hand to hand",
    [
      ["two", 3, 4454],
      ["three", 2, 826],
    ],
    [
      { name: "A", acts: handles, nameless: true },
      { name: "W", acts: works, nameless: true },
      { name: "B", acts: handles },
    ],
  );

  explored(
    "[S92, S94, S90] a handler arrives while the lock goes from worker to worker",
    [["two", 3, 4363]],
    [
      { name: "V", acts: [asks("worker"), leaves], nameless: true },
      { name: "W", acts: works, nameless: true, unseen: true },
      { name: "A", acts: handles, nameless: true },
    ],
  );

  explored(
    "[S94, L16] a worker that leaves in the very moment in which it is asked to yield",
    [
      ["two", 0, 114],
      ["two", 1, 1258],
      ["three", 1, 1258],
    ],
    [
      { name: "W", acts: [asks("worker"), leaves], obeys: "leaves" },
      { name: "V", acts: [asks("worker"), leaves], obeys: "leaves" },
      { name: "A", acts: [demands("handler"), asks("handler"), endsDemand, leaves] },
    ],
  );

  explored(
    "[S94, L16] a worker that lets a handler in, in the very moment in which it is asked to yield",
    [["two", 0, 2508]],
    [
      { name: "W", acts: [asks("worker"), leaves], obeys: "checks", aborts: true },
      { name: "A", acts: handles },
      { name: "B", acts: handles },
    ],
    { evictions: 1 },
  );

  explored(
    "[S94, L16] a worker that lets a handler in at once, and a step may come before all settles",
    [["two", 1, 2124]],
    [
      { name: "W", acts: [asks("worker"), leaves], obeys: "checks", aborts: true },
      { name: "A", acts: handles },
    ],
    { evictions: 1 },
  );

  explored(
    "[S88, S90, L4] there is no moment in which a worker can come in before those who wait",
    [
      ["two", 0, 99],
      ["three", 1, 930],
    ],
    [
      { name: "W", acts: works },
      { name: "A", acts: [demands("handler"), asks("handler"), endsDemand, leaves] },
      { name: "V", acts: [asks("worker"), leaves] },
    ],
    { barges: true },
  );

  explored(
    "[S95, S98, S105] stale holders: a late release, a late preemption and a late eviction of those who have gone",
    [
      ["two", 0, 2573],
      ["three", 0, 2573],
    ],
    [
      { name: "W", acts: [asks("worker"), leaves, leavesAgain] },
      { name: "A", acts: [asks("handler"), leaves, leavesAgain] },
      { name: "V", acts: [asks("worker"), leaves] },
    ],
    { evictions: 1 },
  );

  explored(
    "[S95, S98, L12] stale holders, evicted twice, who check and leave again",
    [["two", 1, 17590]],
    [
      { name: "W", acts: [asks("worker"), checks(), leaves, leavesAgain] },
      { name: "A", acts: handles },
    ],
    { evictions: 2 },
  );

  explored(
    "[S100, S116, L8] the preemptor may be aborted before the worker has left, and so may another worker",
    [
      ["two", 0, 3875],
      ["three", 0, 3875],
    ],
    [
      { name: "W", acts: works },
      { name: "A", acts: handles, aborts: true },
      { name: "V", acts: works, aborts: true },
    ],
  );

  explored(
    "[S100, S116] the preemptor may be aborted before the worker has left",
    [["two", 1, 5129]],
    [
      { name: "W", acts: works, unseen: true },
      { name: "A", acts: handles, aborts: true },
      { name: "V", acts: [asks("worker"), leaves] },
    ],
  );

  explored(
    "[S88, S90, S91] a worker that leaves and asks again in one step goes behind those who wait",
    [
      ["two", 0, 42],
      ["two", 1, 284],
      ["three", 2, 846],
    ],
    [
      { name: "W", acts: [asks("worker"), comesBack("worker"), leaves] },
      { name: "A", acts: handles },
      { name: "B", acts: handles },
    ],
  );

  explored(
    "[S88, S91, L4] a worker that leaves and asks again, by the short way",
    [["two", 2, 5529]],
    [
      { name: "W", acts: [asks("worker"), leaves, asks("worker"), leaves], nameless: true },
      { name: "A", acts: handles, nameless: true },
      { name: "V", acts: [asks("worker"), leaves], nameless: true },
    ],
  );

  explored(
    "[S88, L14] whoever tries comes in only where nobody of the same or a higher class waits",
    [
      ["two", 0, 328],
      ["two", 1, 6236],
    ],
    [
      { name: "W", acts: [tries("worker"), leaves, asks("worker"), leaves] },
      { name: "A", acts: [tries("handler"), leaves] },
      { name: "B", acts: [demands("handler"), asks("handler"), endsDemand, leaves] },
    ],
  );

  explored(
    "[S113, L7, L9] a worker checks twice and may be aborted as it waits, handlers come and one may go",
    [["two", 0, 4363]],
    [
      { name: "W", acts: [asks("worker"), checks(), checks(), leaves], aborts: true },
      { name: "A", acts: handles, aborts: true },
      { name: "B", acts: handles },
    ],
  );

  explored(
    "[S113, L9] a worker checks twice and may be aborted as it waits",
    [
      ["two", 1, 4955],
      ["three", 1, 4955],
    ],
    [
      { name: "W", acts: [asks("worker"), checks(), checks(), leaves], aborts: true },
      { name: "A", acts: handles, aborts: true },
    ],
  );

  explored(
    "[S113, PL1] a worker that has yielded comes before the others of its class",
    [
      ["two", 0, 158],
      ["two", 1, 2265],
      ["three", 1, 2265],
    ],
    [
      { name: "W", acts: [asks("worker"), checks(), leaves, leavesAgain] },
      { name: "V", acts: works },
      { name: "A", acts: handles },
    ],
  );

  explored(
    "[S98, L12] the token of a worker is released by somebody else too, also while it waits to come back",
    [
      ["two", 0, 437],
      ["two", 1, 10104],
    ],
    [
      { name: "W", acts: [asks("worker"), checks(), checks(), leaves], aborts: true },
      { name: "A", acts: handles },
    ],
    { releases: "W" },
  );

  explored(
    "[S93, S111] a handler demands before it asks, another demands only",
    [
      ["two", 0, 233],
      ["three", 0, 233],
      ["two", 1, 3837],
    ],
    [
      { name: "W", acts: works },
      { name: "A", acts: [demands("handler"), asks("handler"), endsDemand, leaves] },
      { name: "B", acts: [demands("handler"), endsDemand] },
    ],
  );

  explored(
    "[S93, S111] a handler demands before it asks",
    [
      ["two", 1, 741],
      ["three", 1, 741],
    ],
    [
      { name: "W", acts: works },
      { name: "A", acts: [demands("handler"), asks("handler"), leaves, endsDemand], aborts: true },
    ],
  );

  explored(
    "[S104, S111] background work demands and asks nobody to yield",
    [["three", 0, 1097]],
    [
      { name: "W", acts: works },
      { name: "G", acts: [demands("background"), asks("background"), endsDemand, leaves] },
      { name: "A", acts: handles, aborts: true },
    ],
  );

  explored(
    "[S105, S113] the holder is evicted while others wait, a second eviction finds the next or nobody",
    [
      ["two", 0, 4521],
      ["three", 0, 4521],
    ],
    [
      { name: "W", acts: works },
      { name: "A", acts: handles },
      { name: "V", acts: [asks("worker"), leaves], aborts: true },
    ],
    { evictions: 1 },
  );

  explored(
    "[S105, S113] the holder is evicted, and nobody looked at its signal before",
    [["two", 1, 15975]],
    [
      { name: "W", acts: works, unseen: true },
      { name: "A", acts: handles, unseen: true },
      { name: "V", acts: [asks("worker"), leaves], unseen: true },
    ],
    { evictions: 1 },
  );

  explored(
    "[PL4, L3] one who waits moves to another class and back",
    [["two", 0, 25479]],
    [
      { name: "W", acts: works },
      { name: "A", acts: [asks("worker"), leaves], movable: true, aborts: true },
      { name: "B", acts: handles },
    ],
    {
      moves: [
        { name: "A", priority: "handler" },
        { name: "A", priority: "worker" },
      ],
    },
  );

  explored(
    "[PL4, S94] two who wait move, one up and one down",
    [["two", 0, 1680]],
    [
      { name: "W", acts: [asks("worker"), leaves] },
      { name: "A", acts: [asks("worker"), leaves], movable: true },
      { name: "B", acts: handles, movable: true },
    ],
    {
      moves: [
        { name: "A", priority: "handler" },
        { name: "B", priority: "worker" },
      ],
    },
  );

  explored(
    "[PL4, S94] one who waits for a handler moves up or down, and a step may come first",
    [
      ["two", 1, 3180],
      ["three", 1, 3180],
    ],
    [
      { name: "W", acts: works },
      { name: "A", acts: handles, movable: true },
    ],
    {
      moves: [
        { name: "A", priority: "worker" },
        { name: "A", priority: "handler" },
      ],
    },
  );

  explored(
    "[L6, L8] the last who waits for a demand to end is aborted, or times out",
    [["two", 1, 10575]],
    [
      { name: "A", acts: [demands("handler"), endsDemand] },
      { name: "V", acts: [asks("worker"), leaves], aborts: true },
      { name: "W", acts: [asks("worker", { timeout: 5 }), leaves] },
    ],
  );

  explored(
    "[PL4, S111] one who is held back by a demand moves above it",
    [["three", 1, 2144]],
    [
      { name: "A", acts: [asks("worker"), leaves], movable: true, aborts: true },
      { name: "B", acts: [demands("background"), endsDemand] },
    ],
    { moves: [{ name: "A", priority: "background" }] },
  );

  explored(
    "[S105, PL4, S93] the holder is evicted, one who waits moves, another demands",
    [["two", 0, 24254]],
    [
      { name: "W", acts: works },
      { name: "A", acts: [asks("worker"), leaves], movable: true },
      { name: "B", acts: [demands("handler"), asks("handler"), endsDemand, leaves] },
    ],
    { evictions: 1, moves: [{ name: "A", priority: "handler" }] },
  );

  explored(
    "[L18, L7] waiters are canceled and the lock is closed",
    [["two", 0, 12164]],
    [
      { name: "W", acts: works },
      { name: "A", acts: [demands("handler"), asks("handler"), endsDemand, leaves] },
      { name: "B", acts: handles, nameless: true },
    ],
    { closes: true, cancels: true },
  );

  explored(
    "[L18, L9] waiters are canceled and the lock is closed, one may be aborted",
    [["two", 1, 37055]],
    [
      { name: "W", acts: works, aborts: true },
      { name: "A", acts: handles },
    ],
    { closes: true, cancels: true },
  );

  explored(
    "[L17, L11] waits time out, that of a checkpoint too, one may be aborted",
    [
      ["two", 0, 733],
      ["three", 0, 733],
    ],
    [
      { name: "W", acts: [asks("worker"), checks({ timeout: 5 }), leaves] },
      { name: "A", acts: [asks("handler", { timeout: 10 }), leaves], aborts: true },
      { name: "B", acts: handles },
    ],
  );

  explored(
    "[L17, L9] waits time out, and a step may come first",
    [["two", 3, 666]],
    [
      { name: "W", acts: [asks("worker", { timeout: 5 }), checks({ timeout: 5 }), leaves] },
      { name: "A", acts: [asks("handler", { timeout: 5 }), leaves] },
    ],
  );

  explored(
    "[L17] a checkpoint and a request that do not wait at all",
    [
      ["two", 0, 97],
      ["two", 1, 1251],
    ],
    [
      { name: "W", acts: [asks("worker"), checks({ timeout: 0 }), leaves, leavesAgain] },
      { name: "A", acts: [asks("handler", { timeout: 0 }), leaves] },
      { name: "B", acts: handles },
    ],
  );

  explored(
    "[S104, S108] background work asks nobody to yield and is not asked, whoever comes and goes",
    [
      ["three", 0, 473],
      ["three", 1, 8297],
    ],
    [
      { name: "W", acts: works },
      { name: "G", acts: [asks("background"), checks(), leaves] },
      { name: "A", acts: handles, aborts: true },
    ],
  );

  explored(
    "[S104, S108] a polite handler asks nobody to yield, and goes before the worker none the less",
    [
      ["two", 0, 312],
      ["two", 1, 5129],
    ],
    [
      { name: "W", acts: works },
      { name: "A", acts: [asks("handler", { polite: true }), leaves] },
      { name: "B", acts: handles, aborts: true },
    ],
  );

  explored(
    "[L18, L19] only one may wait beside those who come back",
    [["two", 0, 3950]],
    [
      { name: "W", acts: works },
      { name: "A", acts: handles, aborts: true },
      { name: "B", acts: handles },
      { name: "V", acts: [asks("worker"), leaves] },
    ],
    { maxWaiters: 1 },
  );
});
