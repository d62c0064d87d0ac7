import type { ExploreOptions } from "../../src/index.js";
import {
  AbortWakesNobody,
  AbortedConsumesGrant,
  Barging,
  CheckAwaitAct,
  DoubleRelease,
  IgnoresEarlierAbort,
  LeaksListener,
  Lifo,
  LostWakeUp,
  SlowHandOver,
  WakesOne,
} from "./broken.js";
import type { Visitor } from "./contention.js";
import type { ToyLock } from "./toy-lock.js";

export interface Bug {
  readonly bug: string;
  readonly make: () => ToyLock;
  readonly visitors: Readonly<Record<string, Visitor>>;
  readonly options?: ExploreOptions;
  /** The shortest schedule that fails. */
  readonly schedule: readonly string[];
  readonly reason: string;
  readonly seed: string;
  /** How many schedules the correct lock passes. */
  readonly schedules: number;
}

const writer: Visitor = {};
const reader: Visitor = { shared: true };
const twoInside = "one writer, or readers only: does not hold";

export const bugs: readonly Bug[] = [
  {
    bug: "lost wake-up",
    make: () => new LostWakeUp(),
    visitors: { A: writer, B: writer },
    schedule: ["A: ask, then all settles", "B: ask, then 0 turns", "A: leave, then all settles"],
    reason: 'who is inside: the subject says [], the model ["B"]',
    seed: "1:0.0.1.1",
    schedules: 10,
  },
  {
    bug: "barging",
    make: () => new Barging(),
    visitors: { A: reader, B: writer, C: reader },
    schedule: ["A: ask, then all settles", "B: ask, then all settles", "C: ask, then all settles"],
    reason: 'who is inside: the subject says ["A","C"], the model ["A"]',
    seed: "1:0.0.1.0.1",
    schedules: 374,
  },
  {
    bug: "LIFO",
    make: () => new Lifo(),
    visitors: { A: writer, B: writer, C: writer },
    schedule: [
      "A: ask, then all settles",
      "B: ask, then all settles",
      "C: ask, then all settles",
      "A: leave, then all settles",
    ],
    reason: 'who is inside: the subject says ["C"], the model ["B"]',
    seed: "1:0.0.1.0.1",
    schedules: 192,
  },
  {
    bug: "wake-one instead of all readers",
    make: () => new WakesOne(),
    visitors: { A: writer, B: reader, C: reader },
    schedule: [
      "A: ask, then all settles",
      "B: ask, then all settles",
      "C: ask, then all settles",
      "A: leave, then all settles",
    ],
    reason: 'who is inside: the subject says ["B"], the model ["B","C"]',
    seed: "1:0.0.1.0.1",
    schedules: 374,
  },
  {
    bug: "abort that does not wake",
    make: () => new AbortWakesNobody(),
    visitors: { A: reader, B: { abortable: true }, C: reader },
    schedule: [
      "A: ask, then all settles",
      "B: ask, then all settles",
      "C: ask, then all settles",
      "abort B, then all settles",
    ],
    reason: 'who is inside: the subject says ["A"], the model ["A","C"]',
    seed: "1:0.0.1.0.1.0.1",
    schedules: 5726,
  },
  {
    bug: "timeout that does not wake",
    make: () => new AbortWakesNobody(),
    visitors: { A: reader, B: { timeout: 50 }, C: reader },
    options: { timers: true },
    schedule: [
      "A: ask, then all settles",
      "B: ask, then all settles",
      "C: ask, then all settles",
      "timer 1 of B expires (50 ms), then all settles",
    ],
    reason: 'who is inside: the subject says ["A"], the model ["A","C"]',
    seed: "1t:0.0.1.0.1.0.1",
    schedules: 800,
  },
  {
    bug: "aborted waiter that consumes the grant",
    make: () => new AbortedConsumesGrant(),
    visitors: { A: writer, B: { abortable: true }, C: writer },
    schedule: [
      "A: ask, then all settles",
      "B: ask, then all settles",
      "C: ask, then all settles",
      "abort B, then all settles",
      "A: leave, then all settles",
    ],
    reason: 'who is inside: the subject says [], the model ["C"]',
    seed: "1:0.0.1.0.1.0.1",
    schedules: 2888,
  },
  {
    bug: "double release",
    make: () => new DoubleRelease(),
    visitors: { A: { releases: 2 }, B: writer, C: writer },
    schedule: [
      "A: ask, then all settles",
      "A: leave, then all settles",
      "B: ask, then all settles",
      "A: leave again, then all settles",
      "C: ask, then all settles",
    ],
    reason: twoInside,
    seed: "1:0.0.0.0.1.0.0.0.1",
    schedules: 910,
  },
  ...[1, 2, 3].map((open): Bug => ({
    bug: `free for ${["one turn", "two turns", "three turns"][open - 1] ?? ""} while handing over`,
    make: () => new SlowHandOver({ open }),
    visitors: { A: writer, B: writer, C: writer },
    schedule: [
      "A: ask, then all settles",
      "B: ask, then all settles",
      "A: leave, then 0 turns",
      "C: ask, then all settles",
    ],
    reason: twoInside,
    seed: "1:0.0.1.0.0.1",
    schedules: 192,
  })),
  ...[1, 2, 3].map((closed): Bug => ({
    bug: `free for one turn, ${["one turn", "two turns", "three turns"][closed - 1] ?? ""} after the release`,
    make: () => new SlowHandOver({ closed, open: 1 }),
    visitors: { A: writer, B: writer, C: writer },
    options: { turns: closed + 1 },
    schedule: [
      "A: ask, then all settles",
      "B: ask, then all settles",
      `A: leave, then ${closed} ${closed === 1 ? "turn" : "turns"}`,
      "C: ask, then all settles",
    ],
    reason: twoInside,
    seed: `${closed + 1}:0.0.1.0.0.${closed + 1}`,
    schedules: [558, 2598, 7782][closed - 1] ?? 0,
  })),
  {
    bug: "check-await-act",
    make: () => new CheckAwaitAct(),
    visitors: { A: writer, B: writer },
    schedule: ["A: ask, then 0 turns", "B: ask, then all settles"],
    reason: twoInside,
    seed: "1:0.1",
    schedules: 10,
  },
  {
    bug: "abort before the call",
    make: () => new IgnoresEarlierAbort(),
    visitors: { A: { abortable: true } },
    schedule: ["abort A, then all settles", "A: ask, then all settles"],
    reason: 'who is inside: the subject says ["A"], the model []',
    seed: "1:1",
    schedules: 7,
  },
  {
    bug: "listener leak",
    make: () => new LeaksListener(),
    visitors: { A: writer, B: { abortable: true } },
    schedule: ["A: ask, then all settles", "B: ask, then all settles", "A: leave, then all settles"],
    reason: "no listener for B, who waits no more: does not hold",
    seed: "1:0.0.1",
    schedules: 112,
  },
];
