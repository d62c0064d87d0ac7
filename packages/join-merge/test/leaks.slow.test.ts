import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { join, joinGraph, joinMerge } from "../src/index.js";
import { settled } from "./gates.js";

const unhandled: unknown[] = [];
const warnings: Error[] = [];
const noteUnhandled = (reason: unknown): void => void unhandled.push(reason);
const noteWarning = (warning: Error): void => void warnings.push(warning);

beforeEach(() => {
  process.on("unhandledRejection", noteUnhandled);
  process.on("warning", noteWarning);
});

afterEach(() => {
  process.off("unhandledRejection", noteUnhandled);
  process.off("warning", noteWarning);
  unhandled.length = warnings.length = 0;
});

/** Timers that keep the process alive. */
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

describe("10,000 joins on one signal", () => {
  it("[F76, F75, JM6, U28] at once have one listener, and leave none, no timer and no rejection", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const before = timers();
    const release: (() => void)[] = [];
    const wait = (): Promise<void> => new Promise((resolve) => release.push(resolve));
    const all = Array.from({ length: 10_000 }, () => join({ a: wait }, { signal, timeout: 60_000 }));
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    for (const each of release) each();
    await Promise.all(all);
    await settled();
    expect(getEventListeners(signal, "abort")).toEqual([]);
    // The test runner's own come and go; ours would be thousands.
    expect(timers()).toBeLessThanOrEqual(before);
    expect([unhandled, warnings]).toEqual([[], []]);
  });

  it("[F75, F76, JM6, U28] one after the other leave nothing, however they end", async () => {
    const { signal } = new AbortController();
    const before = timers();
    const fail = (): never => {
      throw new Error("x");
    };
    for (let round = 0; round < 2500; round += 1) {
      await join({ a: () => 1, b: () => 2 }, { signal, timeout: 60_000 });
      await join(
        { a: fail, b: fail, c: () => Promise.reject(new Error("y")) },
        { signal, drain: 60_000 },
      ).catch(() => undefined);
      await joinMerge({ a: () => ({ k: 1 }), b: () => ({ k: 2 }) }, { signal }).catch(() => undefined);
      await joinGraph(
        { a: fail, b: { dependsOn: ["a"], run: fail } },
        { signal, mode: "wait-all", concurrency: 1 },
      );
    }
    await settled();
    expect(getEventListeners(signal, "abort")).toEqual([]);
    // The test runner's own come and go; ours would be thousands.
    expect(timers()).toBeLessThanOrEqual(before);
    expect([unhandled, warnings]).toEqual([[], []]);
  });

  it("[F75, JM5, JM6] that an abort stops leave nothing either", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const stop = new Error("stop");
    let told = 0;
    const all = Array.from({ length: 10_000 }, () =>
      join(
        {
          a: (context) =>
            new Promise((_, reject) => {
              context.signal.addEventListener("abort", () => {
                told += 1;
                reject(context.signal.reason as Error);
              });
            }),
        },
        { signal },
      ),
    );
    controller.abort(stop);
    const outcomes = await Promise.allSettled(all);
    expect(outcomes.every((each) => each.status === "rejected" && each.reason === stop)).toBe(true);
    expect([told, getEventListeners(signal, "abort").length]).toEqual([10_000, 0]);
    expect([unhandled, warnings]).toEqual([[], []]);
  });
});

describe("what a branch does not use", () => {
  it("[F210] costs nothing: an AbortController is made only when a branch looks at its signal", async () => {
    const { AbortController: original } = globalThis;
    let made = 0;
    globalThis.AbortController = class extends original {
      constructor() {
        super();
        made += 1;
      }
    };
    try {
      await join({ a: () => 1, b: () => Promise.reject(new Error("x")) }).catch(() => undefined);
      await joinGraph({ a: () => 1, b: { dependsOn: ["a"], run: () => 1 } }, { concurrency: 1 });
      expect(made).toBe(0);
      await join({ a: ({ signal }) => signal.aborted, b: ({ signal }) => [signal, signal].length });
      expect(made).toBe(2);
    } finally {
      globalThis.AbortController = original;
    }
  });
});
