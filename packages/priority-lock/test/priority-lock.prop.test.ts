import { settle } from "@holdfast/conformance";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { PriorityLock, type PriorityToken } from "../src/index.js";
import { anyClasses, fourClasses, runCommands } from "./random-commands.js";

const slow = 60_000;

describe("PriorityLock, at random", () => {
  it(
    "[L1, L3, L4, L5, L6, L7, L8, L15, L19, PL1, PL2, PL4, PL5] agrees with the model, up to four classes of any kind",
    () => runCommands({ classes: anyClasses, runs: 300 }),
    slow,
  );

  it(
    "[S93, S94, S95, S105, PL1, PL4, PL5] agrees with the model, four classes that preempt",
    () => runCommands({ classes: fourClasses, runs: 300 }),
    slow,
  );

  it(
    "[L18, L19, L15] agrees with the model when few may wait and it may be closed",
    () => runCommands({ classes: anyClasses, maxWaiters: 3, closes: true, runs: 300 }),
    slow,
  );

  it(
    "[PL3, PL1, L3] agrees with the model when those who wait move up",
    () => runCommands({ classes: anyClasses, agingMs: 10, runs: 300 }),
    slow,
  );

  it(
    "[PL3, L19] those who wait move up in the same order when nobody looks",
    () => runCommands({ classes: fourClasses, agingMs: 7, looks: false, runs: 300 }),
    slow,
  );
});

/** One request of an endless stream. */
interface Request {
  readonly index: number;
  /** When it is in the highest class at the latest. */
  readonly top: number;
  granted: boolean;
}

const agingMs = 10;
const names = ["c0", "c1", "c2", "c3"] as const;

/** Arrivals and releases at random times: the class that arrives, or nothing for a release, and then a pause. */
const stream = fc.array(
  fc.tuple(fc.option(fc.constantFrom(0, 0, 0, 0, 1, 2, 3), { freq: 2 }), fc.constantFrom(0, 0, 1, 3, 10, 30)),
  { minLength: 50, maxLength: 200 },
);

describe("Starvation", () => {
  it(
    "[PL3] with aging, whoever has waited for its rank times agingMs is overtaken by nobody who came to the top later",
    async () => {
      await fc.assert(
        fc.asyncProperty(stream, async (moments) => {
          vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
          try {
            const lock = new PriorityLock({ classes: names, agingMs });
            const requests: Request[] = [];
            const mistakes: string[] = [];
            let now = 0;
            let held: PriorityToken | undefined;
            const arrive = (rank: number): void => {
              const request = { index: requests.length, top: now + rank * agingMs, granted: false };
              requests.push(request);
              void lock.acquire({ priority: names[rank] ?? "c0" }).then((token) => {
                held = token;
                request.granted = true;
                for (const { index, top, granted } of requests)
                  if (!granted && top <= now && top < request.top)
                    mistakes.push(
                      `at ${now} ms, ${request.index} overtook ${index}, at the top since ${top} ms`,
                    );
              });
            };
            for (const [rank, ms] of moments) {
              if (rank !== null) arrive(rank);
              else {
                held?.release();
                held = undefined;
              }
              // A grant is heard of before time passes.
              await settle();
              now += ms;
              vi.advanceTimersByTime(ms);
            }
            // Then there come more of the highest class than can ever be served, and each of the others still gets in.
            const others = requests.filter(({ granted }) => !granted);
            vi.advanceTimersByTime(names.length * agingMs);
            now += names.length * agingMs;
            for (let left = others.length; left > 0; left -= 1) {
              arrive(0);
              arrive(0);
              held?.release();
              await settle();
            }
            expect(mistakes).toEqual([]);
            expect(others.filter(({ granted }) => !granted)).toEqual([]);
          } finally {
            vi.useRealTimers();
          }
        }),
        { numRuns: 150 },
      );
    },
    slow,
  );

  it("[PL3, S103] without aging, a low class waits for as long as higher ones come", async () => {
    const lock = new PriorityLock({ classes: ["handler", "worker"] });
    let held = await lock.acquire({ priority: "handler" });
    let isIn = false;
    const worker = lock.acquire({ priority: "worker" }).then((token) => {
      isIn = true;
      return token;
    });
    for (let round = 0; round < 1000; round += 1) {
      const next = lock.acquire({ priority: "handler" });
      held.release();
      held = await next;
    }
    expect(isIn).toBe(false);
    held.release();
    expect((await worker).held).toBe(true);
  });
});
