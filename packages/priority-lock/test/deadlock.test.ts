import { gate, observe, reasonOf } from "@holdfast/conformance";
import { type DeadlockDetector, detectDeadlocks } from "@holdfast/core/deadlock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PriorityLock, type PriorityToken } from "../src/index.js";

const classes = ["handler", "worker"] as const;

describe("PriorityLock under the deadlock detector", () => {
  let detector: DeadlockDetector;
  let inversions: string[];

  beforeEach(() => {
    inversions = [];
    detector = detectDeadlocks({ onInversion: ({ message }) => inversions.push(message) });
  });
  afterEach(() => {
    detector.stop();
  });

  it("[G14, S97] rejects waiting for itself, in whatever class, and asks nobody to yield for it", async () => {
    const lock = new PriorityLock({ classes, label: "session" });
    await lock.with(
      async (token) => {
        const error = await reasonOf(lock.acquire({ priority: "handler", label: "inner" }));
        expect(error).toMatchObject({
          code: "ERR_DEADLOCK",
          message: 'Deadlock: "inner" waits for PriorityLock "session" (exclusive), held by "outer"',
        });
        expect([token.preempted, lock.waiters]).toEqual([false, 0]);
      },
      { priority: "worker", label: "outer" },
    );
    expect(lock.locked).toBe(false);
  });

  it("[G14] lets a holder yield and come back, and still knows what it holds then", async () => {
    const lock = new PriorityLock({ classes });
    const asked = gate();
    const work = lock.with(
      async (token) => {
        await asked.promise;
        expect(await token.checkpoint()).toBe(true);
        expect(await reasonOf(lock.acquire({ priority: "worker" }))).toMatchObject({ code: "ERR_DEADLOCK" });
      },
      { priority: "worker" },
    );
    const reply = lock.with(() => "replied", { priority: "handler" });
    asked.open();
    await work;
    expect(await reply).toBe("replied");
    expect(await lock.with(() => "free", { priority: "worker" })).toBe("free");
  });

  it("[G14] knows after a checkpoint() what a task holds, and after its release that it holds nothing", async () => {
    const lock = new PriorityLock({ classes });
    const asked = gate();
    const work = detector.task("worker", async () => {
      const token = await lock.acquire({ priority: "worker" });
      await asked.promise;
      expect(await token.checkpoint()).toBe(true);
      expect(await reasonOf(lock.acquire({ priority: "worker" }))).toMatchObject({ code: "ERR_DEADLOCK" });
      token.release();
      (await lock.acquire({ priority: "worker" })).release();
    });
    const reply = lock.with(() => "replied", { priority: "handler" });
    asked.open();
    await work;
    expect(await reply).toBe("replied");
  });

  it("[G14] knows that a body holds nothing once its token is released, also where others called checkpoint() for it", async () => {
    const [lock, other] = [new PriorityLock({ classes }), new PriorityLock({ classes })];
    const back = gate();
    const inside = gate<PriorityToken>();
    const work = lock.with(
      async (token) => {
        inside.open(token);
        await back.promise;
        token.release();
        // After, and not inside.
        return other.with(() => "done", { priority: "worker" });
      },
      { priority: "worker" },
    );
    const token = await inside.promise;
    const reply = lock.with(() => "replied", { priority: "handler" });
    expect([await token.checkpoint(), await reply]).toEqual([true, "replied"]);
    back.open();
    expect(await work).toBe("done");
    await other.with(() => lock.with(() => "inside", { priority: "worker" }), { priority: "worker" });
    expect(inversions).toEqual([]);
  });

  it("tells of a checkpoint() as a release, a wait and a grant, in this order", async () => {
    const events = observe();
    const lock = new PriorityLock({ classes });
    const worker = await lock.acquire({ priority: "worker", label: "worker" });
    const reply = lock.with(() => "replied", { priority: "handler", label: "handler" });
    await worker.checkpoint();
    await reply;
    worker.release();
    events.stop();
    expect(events.events.map(({ name, request }) => `${name} ${request.label ?? ""}`)).toEqual([
      ...["grant worker", "wait handler"],
      ...["release worker", "wait worker", "grant handler"],
      ...["release handler", "grant worker", "release worker"],
    ]);
  });
});
