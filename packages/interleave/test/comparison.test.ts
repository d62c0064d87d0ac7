import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Program } from "../src/index.js";
import { bugs } from "./toy-locks/bugs.js";
import { contention } from "./toy-locks/contention.js";
import { ToyLock } from "./toy-locks/toy-lock.js";
import { unseenByScheduler } from "./toy-locks/unseen-by-scheduler.js";

/** Runs a program under fast-check's own scheduler, with the same steps, events and checks. */
async function runUnder(scheduler: fc.Scheduler, program: Program): Promise<void> {
  const checks: (() => unknown)[] = [];
  const bodies: (() => unknown)[] = [];
  const wait = async (label: string, model: (() => unknown) | undefined): Promise<void> => {
    await scheduler.schedule(Promise.resolve(), label);
    model?.();
  };
  const failed: unknown[] = [];
  await program({
    task: (name, body, { mayReject } = {}) => {
      bodies.push(async () => {
        try {
          await body({
            name,
            step: (label, options) => wait(`${name}: ${label}`, options?.model),
            choose: (_name, values) => values[0] as (typeof values)[number],
          });
        } catch (error) {
          if (mayReject?.(error) !== true) failed.push(error);
        }
      });
    },
    event: () => undefined,
    controller: (name, { model } = {}) => {
      const controller = new AbortController();
      const reason = Object.assign(new Error(`abort ${name}`), { name: "AbortError" });
      bodies.push(async () => {
        await wait(`abort ${name}`, model);
        controller.abort(reason);
      });
      return { signal: controller.signal, reason, listeners: 0, abort: () => undefined };
    },
    invariant: (_name, check) => checks.push(check),
    compare: (_name, subject, model) =>
      checks.push(() => JSON.stringify(subject()) === JSON.stringify(model())),
    atEnd: () => undefined,
    state: () => undefined,
    choose: (_name, values) => values[0] as (typeof values)[number],
    clock: {
      pending: 0,
      now: () => 0,
      setTimeout: () => {
        throw new Error("no timers here");
      },
      clearTimeout: () => undefined,
      onExpiry: () => undefined,
    },
  });
  for (const body of bodies) void body();
  while (scheduler.count() > 0) {
    await scheduler.waitNext(1);
    // The checks are meant for settled states, and `waitNext` returns a little sooner.
    await new Promise((resolve) => setImmediate(resolve));
    if (checks.some((check) => check() === false)) throw new Error("a check failed");
  }
  if (failed.length > 0) throw new Error("a task failed");
}

/** What it was not asked: it has no timers, and the adapter above does not count listeners. */
const notAsked = new Set(["timeout that does not wake", "listener leak"]);

describe("fast-check's scheduler, with 1,000 runs of the same program", () => {
  const property = (make: () => ToyLock, visitors: (typeof bugs)[number]["visitors"]) =>
    fc.check(
      fc.asyncProperty(fc.scheduler(), (scheduler) => runUnder(scheduler, contention(make, visitors))),
      { numRuns: 1000, seed: 1 },
    );

  it.each(bugs.filter(({ bug }) => !notAsked.has(bug)))(
    "finds or does not find $bug, as the README says",
    async ({ bug, make, visitors }) => {
      expect((await property(make, visitors)).failed).toBe(!unseenByScheduler.has(bug));
    },
  );

  it("finds nothing wrong with the correct lock", async () => {
    expect(
      (await property(() => new ToyLock(), { A: {}, B: { abortable: true }, C: { shared: true } })).failed,
    ).toBe(false);
  });
});
