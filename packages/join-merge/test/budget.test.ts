import { AsyncLocalStorage } from "node:async_hooks";
import { GateLock, Gate, GateGovernor, type Governor, LockState, type LockToken } from "@holdfast/core";
import { describe, expect, it } from "vitest";
import { type BranchContext, join, JoinError, joinGraph } from "../src/index.js";
import { Gates, rejection, settled, thrown, uncaught } from "./gates.js";

/** A lock that lets in so many, as a governor. */
class Slots extends GateLock<LockToken> {
  readonly governor: GateGovernor<LockToken>;

  constructor(room: number) {
    super(new Gate(new LockState("Slots", undefined, ["shared", "exclusive"], Infinity, room)));
    this.governor = new GateGovernor(this.gate, false);
  }
}

/** Three joins of three branches each within one join. */
function nested(gates: Gates, concurrency: number | GateGovernor<LockToken>): Promise<unknown> {
  const leaves = (context: BranchContext): Promise<unknown> =>
    join(gates.branches(...([1, 2, 3] as const).map((n) => `${context.name}${n}`)), { within: context });
  return join({ a: leaves, b: leaves, c: leaves }, { concurrency });
}

const leaves = ["a", "b", "c"].flatMap((name) => [1, 2, 3].map((n) => `${name}${n}`));

describe("joins within joins", () => {
  it.each([1, 2, 3])(
    "[JM10, F68, P79, U15] share one budget of %d, do not hold each other up, and start their leaves in order",
    async (room) => {
      for (const concurrency of [room, new Slots(room).governor]) {
        const gates = new Gates();
        const all = nested(gates, concurrency);
        await settled();
        while (gates.open.length > 0) await gates.end(gates.open[0] ?? "");
        expect(Object.keys((await all) as object)).toEqual(["a", "b", "c"]);
        expect(gates.most).toBe(room);
        expect(gates.started).toEqual(leaves);
      }
    },
  );

  it("[F68] run three levels deep with 1", async () => {
    let running = 0;
    let most = 0;
    const deep =
      (depth: number) =>
      async (context: BranchContext): Promise<unknown> => {
        running += 1;
        most = Math.max(most, running);
        await settled();
        running -= 1;
        if (depth === 0) return context.name;
        const all = await join({ x: deep(depth - 1), y: deep(depth - 1) }, { within: context });
        running += 1;
        most = Math.max(most, running);
        await settled();
        running -= 1;
        return all;
      };
    const two = { x: "x", y: "y" };
    const four = { x: two, y: two };
    expect(await join({ x: deep(2), y: deep(2) }, { concurrency: 1 })).toEqual({ x: four, y: four });
    expect(most).toBe(1);
  });

  it("[JM9, F65] let the branch that waited go on before any after it", async () => {
    const order: string[] = [];
    const gates = new Gates();
    const all = join(
      {
        a: async (context) => {
          await join(gates.branches("a1", "a2"), { within: context });
          order.push("a goes on");
        },
        b: () => {
          order.push("b");
        },
      },
      { concurrency: 1 },
    );
    await gates.end("a1");
    expect(order).toEqual([]);
    await gates.end("a2");
    await all;
    expect(order).toEqual(["a goes on", "b"]);
  });

  it("[JM10] count although the branch does not wait for them", async () => {
    const gates = new Gates();
    let isOver = false;
    const all = join({
      a: (context) => {
        void join(gates.branches("late"), { within: context });
        return "early";
      },
    }).finally(() => (isOver = true));
    await settled();
    expect(isOver).toBe(false);
    await gates.end("late");
    expect(await all).toEqual({ a: "early" });
  });

  it("[JM10] count each, and no more begin once the branch has returned", async () => {
    const gates = new Gates();
    let isOver = false;
    let context: BranchContext | undefined;
    const all = join({
      a: (given) => {
        context = given;
        void join(gates.branches("one"), { within: given });
        void join(gates.branches("two"), { within: given });
      },
    }).finally(() => (isOver = true));
    await gates.end("one");
    expect(isOver).toBe(false);
    expect(() => join({}, { within: context })).toThrow('branch "a" is over');
    await gates.end("two");
    await all;
  });

  it("[JM10] need no slot for a branch that has returned before they were over", async () => {
    const gates = new Gates();
    const ended: string[] = [];
    const all = join(
      {
        a: async (context) => {
          await context.idle(() => gates.branch("pause")(context));
          await gates.branch("a goes on")(context);
        },
        b: (context) => void join(gates.branches("x"), { within: context }),
      },
      {
        concurrency: 1,
        report: (event) => {
          if (event.type === "settle") ended.push(event.record.name);
        },
      },
    );
    await settled();
    await gates.end("pause");
    await gates.end("x");
    expect([ended, gates.open]).toEqual([["b"], ["a goes on"]]);
    await gates.end("a goes on");
    await all;
  });

  it("[JM4] are stopped when the branch fails, and it has failed when they are over", async () => {
    const gates = new Gates();
    const inner: unknown[] = [];
    const failed = rejection(
      join({
        a: (context) => {
          void rejection(join(gates.branches("x"), { within: context })).then((error) => inner.push(error));
          throw new Error("boom");
        },
        b: gates.branch("b"),
      }),
    );
    const error = (await failed) as JoinError;
    expect(error.message).toBe('join: branch "a" failed: boom');
    expect(inner).toEqual([gates.stopped.get("x")]);
    expect(inner).toMatchObject([{ message: 'Cancelled: branch "a" failed: boom' }]);
  });

  it("[F93, P113] are stopped with their branch, by the same reason", async () => {
    const gates = new Gates();
    const stop = new Error("stop");
    const controller = new AbortController();
    const failed = rejection(nestedIn(gates, controller.signal));
    expect(gates.started).toEqual(["x"]);
    controller.abort(stop);
    expect(await failed).toBe(stop);
    expect(gates.stopped.get("x")).toBe(stop);
  });

  function nestedIn(gates: Gates, signal: AbortSignal): Promise<unknown> {
    return join(
      { a: (context) => join(gates.branches("x", "y"), { within: context }) },
      { signal, concurrency: 1 },
    );
  }

  it("[F83, U17] keep an outcome that is certain when their branch is stopped while they wait for others to end", async () => {
    const gates = new Gates();
    const controller = new AbortController();
    let inner: unknown;
    const failed = rejection(
      join(
        {
          a: async (context) => {
            inner = await rejection(
              join({ x: gates.branch("x"), y: gates.branch("y", false) }, { within: context }),
            );
          },
        },
        { signal: controller.signal },
      ),
    );
    await gates.fail("x");
    controller.abort();
    await gates.end("y");
    await failed;
    expect(inner).toMatchObject({ branch: "x" });
  });

  it("[F93] do not start in a branch that has been stopped", async () => {
    const gates = new Gates();
    const stop = new Error("stop");
    const controller = new AbortController();
    let inner: unknown;
    const failed = rejection(
      join(
        {
          a: async (context) => {
            await settled();
            controller.abort(stop);
            inner = await rejection(join(gates.branches("x"), { within: context }));
          },
        },
        { signal: controller.signal },
      ),
    );
    expect(await failed).toBe(stop);
    expect(inner).toBe(stop);
    expect(gates.started).toEqual([]);
  });

  it("refuse a branch that is over, and what is no branch", async () => {
    let context: BranchContext | undefined;
    await join({
      a: (given) => {
        context = given;
      },
    });
    expect(thrown(() => join({}, { within: context }))).toMatchObject({
      name: "TypeError",
      message: 'options.within: branch "a" is over; await the join in the branch',
    });
    expect(thrown(() => join({}, { within: {} as BranchContext }))).toMatchObject({
      name: "TypeError",
      message: "options.within must be the context of a branch, received [object Object]",
    });
    expect(thrown(() => join({}, { within: context, concurrency: 2 }))).toMatchObject({
      message: "options.concurrency must be left out beside options.within, which brings its own, received 2",
    });
  });

  it("[F68, P77] that are over at once leave the branch its slot", async () => {
    const slots = new Slots(1);
    const order: string[] = [];
    const all = join(
      {
        a: async (context) => {
          await join({}, { within: context });
          await rejection(join({ x: () => 1 }, { within: context, signal: AbortSignal.abort() }));
          order.push("a");
        },
        b: () => order.push("b"),
      },
      { concurrency: slots.governor },
    );
    await all;
    expect(order).toEqual(["a", "b"]);
    expect([slots.holders, slots.waiters]).toEqual([0, 0]);
  });

  it("[F68, P77] and pauses that overlap in one branch take one slot again, and give it back", async () => {
    const slots = new Slots(1);
    const gates = new Gates();
    const alone = { signal: new AbortController().signal } as BranchContext;
    const done: string[] = [];
    const all = join(
      {
        a: async (context) => {
          const pause = (name: string): Promise<void> =>
            context.idle(() => gates.branch(name)(alone)).then(() => void done.push(name));
          await Promise.all([pause("one"), pause("two").then(() => pause("three"))]);
        },
        b: gates.branch("b"),
        c: gates.branch("c"),
      },
      { concurrency: slots.governor },
    );
    await settled();
    expect(gates.open).toEqual(["one", "two", "b"]);
    await gates.end("two");
    // Another one still pauses, so the slot is not needed.
    expect([done, gates.open]).toEqual([["two"], ["one", "b", "three"]]);
    await gates.end("one");
    await gates.end("three");
    expect(done).toEqual(["two", "one"]);
    await gates.end("b");
    expect(done).toEqual(["two", "one", "three"]);
    await gates.end("c");
    await all;
    expect([slots.holders, slots.waiters]).toEqual([0, 0]);
  });

  it("[F68, P77] that begin while the branch waits for its slot do not make it take two", async () => {
    const slots = new Slots(1);
    const gates = new Gates();
    const alone = { signal: new AbortController().signal } as BranchContext;
    const all = join(
      {
        a: async (context) => {
          const later = gates
            .branch("later")(alone)
            .then(() => join({ x: () => "x" }, { within: context }));
          await context.idle(() => undefined);
          return later;
        },
        b: gates.branch("b"),
        c: gates.branch("c"),
      },
      { concurrency: slots.governor },
    );
    await settled();
    await gates.end("later");
    await gates.end("b");
    await gates.end("c");
    expect(await all).toEqual({ a: { x: "x" }, b: "b", c: "c" });
    expect([slots.holders, slots.waiters]).toEqual([0, 0]);
  });

  it("[F68] go on in order where a branch has several at once", async () => {
    const gates = new Gates();
    const all = join(
      {
        a: (context) =>
          Promise.all([
            join(gates.branches("p1", "p2", "p3"), { within: context }),
            join(gates.branches("q1", "q2"), { within: context }),
          ]),
        b: gates.branch("b"),
      },
      { concurrency: 1 },
    );
    for (const name of ["p1", "p2", "p3", "q1", "q2", "b"]) {
      expect(gates.open).toEqual([name]);
      await gates.end(name);
    }
    await all;
  });
});

describe("idle", () => {
  it("[F69, U16] lends the slot to another branch, and takes one again", async () => {
    const gates = new Gates();
    const order: string[] = [];
    const all = join(
      {
        a: async ({ idle }) => {
          order.push("a waits");
          const value = await idle(() =>
            gates.branch("backoff")({ signal: new AbortController().signal } as never),
          );
          order.push("a goes on");
          return value;
        },
        b: gates.branch("b"),
        c: gates.branch("c"),
      },
      { concurrency: 1 },
    );
    await settled();
    expect(gates.open).toEqual(["backoff", "b"]);
    await gates.end("backoff", 1);
    expect(order).toEqual(["a waits"]);
    await gates.end("b");
    // Before c, which comes after a.
    expect(order).toEqual(["a waits", "a goes on"]);
    await gates.end("c");
    const result = await all;
    expect(result).toEqual({ a: 1, b: "b", c: "c" });
    expect(Object.keys(result)).toEqual(["a", "b", "c"]);
  });

  it("[P77] passes on what it is given or throws, and gives the slot back either way", async () => {
    const boom = new Error("boom");
    const all = join(
      {
        a: async ({ idle }) => {
          const error = await rejection(idle(() => Promise.reject(boom)));
          const thrownAtOnce = await rejection(
            idle(() => {
              throw boom;
            }),
          );
          return [error, thrownAtOnce];
        },
        b: () => 2,
      },
      { concurrency: 1 },
    );
    expect(await all).toEqual({ a: [boom, boom], b: 2 });
  });

  it("is but waiting where there is no bound", async () => {
    expect(await join({ a: ({ idle }) => idle(() => 5) })).toEqual({ a: 5 });
  });

  it("[U17, P78] ends at once for a branch that is stopped, also while it waits to get its slot back", async () => {
    const gates = new Gates();
    const slots = new Slots(1);
    const stop = new Error("stop");
    const controller = new AbortController();
    let wentOn = false;
    const failed = rejection(
      join(
        {
          a: async ({ idle }) => {
            await idle(() => undefined);
            wentOn = true;
          },
          b: gates.branch("b", false),
        },
        { concurrency: slots.governor, signal: controller.signal },
      ),
    );
    await settled();
    expect(wentOn).toBe(false);
    controller.abort(stop);
    await settled();
    expect(wentOn).toBe(true);
    await gates.end("b");
    expect(await failed).toBe(stop);
    expect([slots.holders, slots.waiters]).toEqual([0, 0]);
  });

  it("[P77] keeps no slot for a branch that has not waited for it", async () => {
    const gates = new Gates();
    const all = join(
      {
        a: ({ idle }) => {
          void idle(() => gates.branch("forgotten")({ signal: new AbortController().signal } as never));
        },
        b: gates.branch("b"),
        c: gates.branch("c"),
      },
      { concurrency: 1 },
    );
    await settled();
    await gates.end("forgotten");
    await gates.end("b");
    await gates.end("c");
    expect(await all).toEqual({ a: undefined, b: "b", c: "c" });
  });
});

describe("a governor", () => {
  it("[F59, P77] grants each branch its slot, and has all of them back", async () => {
    const slots = new Slots(2);
    const gates = new Gates();
    const failed = rejection(join(gates.branches("a", "b", "c"), { concurrency: slots.governor }));
    expect(slots.holders).toBe(2);
    await gates.fail("a");
    expect(await failed).toBeInstanceOf(JoinError);
    expect([slots.holders, slots.waiters]).toEqual([0, 0]);
    expect(gates.started).toEqual(["a", "b"]);
  });

  it("[P77] is asked for no more than are needed", async () => {
    const slots = new Slots(3);
    const gates = new Gates();
    const all = join(gates.branches("a", "b"), { concurrency: slots.governor });
    expect([slots.holders, slots.waiters]).toEqual([2, 0]);
    await gates.end("a");
    await gates.end("b");
    await all;
  });

  it("[F60] lets in as many as it has at once", async () => {
    const slots = new Slots(2);
    const held = [await slots.governor.acquire(), await slots.governor.acquire()];
    const gates = new Gates();
    const all = join(gates.branches("a", "b", "c"), { concurrency: slots.governor });
    for (const each of held) each.release();
    await settled();
    expect(gates.open).toEqual(["a", "b"]);
    for (const name of ["a", "b", "c"]) await gates.end(name);
    await all;
  });

  it("[P78] keeps its place in the queue when some who wait are stopped", async () => {
    const slots = new Slots(1);
    const gates = new Gates();
    const controller = new AbortController();
    const order: string[] = [];
    const all = join(
      {
        p: async (context) => {
          const inner = join(
            { x: gates.branch("x", false), y: gates.branch("y") },
            { within: context, signal: controller.signal },
          );
          await rejection(inner);
          order.push("p goes on");
        },
        q: () => void order.push("q"),
      },
      { concurrency: slots.governor },
    );
    await settled();
    const other = slots.governor.acquire().then((token) => {
      order.push("other");
      token.release();
    });
    controller.abort();
    expect(slots.waiters).toBe(2);
    await gates.end("x");
    await all;
    await other;
    expect(order[0]).toBe("p goes on");
    expect([slots.holders, slots.waiters]).toEqual([0, 0]);
  });

  it("[P78] is asked again for those who come when the last one who waited has just been stopped", async () => {
    const slots = new Slots(1);
    const gates = new Gates();
    const controller = new AbortController();
    const { signal } = controller;
    const all = join(
      {
        p: async (context) => {
          await settled();
          const first = rejection(join(gates.branches("x"), { within: context, signal }));
          controller.abort();
          const second = join(gates.branches("z"), { within: context });
          return [await first, await second].length;
        },
      },
      { concurrency: slots.governor },
    );
    // It gets what p lends.
    const other = await slots.governor.acquire();
    await settled();
    expect(gates.started).toEqual([]);
    other.release();
    await settled();
    await gates.end("z");
    expect(await all).toEqual({ p: 2 });
    expect(gates.started).toEqual(["z"]);
    expect([slots.holders, slots.waiters]).toEqual([0, 0]);
  });

  it.each([0, 1, 2, 3, 4, 5])(
    "[P77, G6] has back what it granted to a branch that is stopped before it starts: %d turns later",
    async (turns) => {
      const slots = new Slots(1);
      const held = await slots.governor.acquire();
      const gates = new Gates();
      const controller = new AbortController();
      const { signal } = controller;
      const failed = rejection(join(gates.branches("a"), { concurrency: slots.governor, signal }));
      held.release();
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      const hadStarted = gates.started.length;
      controller.abort();
      await failed;
      await settled();
      expect([gates.started.length, slots.holders, slots.waiters]).toEqual([hadStarted, 0, 0]);
    },
  );

  it("[P76] is asked once for all who wait, and whoever is first in order gets what it grants", async () => {
    const slots = new Slots(1);
    const held = await slots.governor.acquire();
    const gates = new Gates();
    const all = join(gates.branches("a", "b", "c"), { concurrency: slots.governor });
    expect([gates.started, slots.waiters]).toEqual([[], 1]);
    held.release();
    await settled();
    for (const name of ["a", "b", "c"]) {
      expect(gates.open).toEqual([name]);
      await gates.end(name);
    }
    await all;
    expect([slots.holders, slots.waiters]).toEqual([0, 0]);
  });

  it("[P77, P78] is left when nobody wants to start any more", async () => {
    const slots = new Slots(1);
    const held = await slots.governor.acquire();
    const controller = new AbortController();
    const stop = new Error("stop");
    const failed = rejection(
      join({ a: () => 1 }, { concurrency: slots.governor, signal: controller.signal }),
    );
    expect(slots.waiters).toBe(1);
    controller.abort(stop);
    expect(slots.waiters).toBe(0);
    expect(await failed).toBe(stop);
    held.release();
    await settled();
    expect(slots.holders).toBe(0);
  });

  it("[P77] has back what it grants in the moment in which the last one who waits is stopped", async () => {
    const slots = new Slots(1);
    const held = await slots.governor.acquire();
    const controller = new AbortController();
    const failed = rejection(
      join({ a: () => 1 }, { concurrency: slots.governor, signal: controller.signal }),
    );
    held.release();
    controller.abort();
    await failed;
    await settled();
    expect(slots.holders).toBe(0);
  });

  it("fails the branches that it will never let in", async () => {
    const slots = new Slots(1);
    await slots.governor.acquire();
    const gates = new Gates();
    const ordered = rejection(join(gates.branches("a", "b"), { concurrency: slots.governor }));
    const all = join(gates.branches("c", "d"), { concurrency: slots.governor, mode: "wait-all" });
    slots.close();
    const error = (await ordered) as JoinError;
    expect(error.message).toBe('join: branch "a" failed: Slots was closed');
    expect(error.records.map(({ status }) => status)).toEqual(["failed", "not-started"]);
    expect(await all).toMatchObject({ c: { status: "failed" }, d: { status: "failed" } });
    expect(gates.started).toEqual([]);
  });

  it("lets a branch go on that wants its slot back when it will never let anybody in", async () => {
    const slots = new Slots(1);
    const gates = new Gates();
    const all = join(
      {
        a: async (context) => {
          await context.idle(() => gates.branch("pause")(context));
          return "went on";
        },
        b: gates.branch("b"),
      },
      { concurrency: slots.governor },
    );
    await gates.end("pause");
    slots.close();
    await gates.end("b");
    expect(await all).toEqual({ a: "went on", b: "b" });
    expect([slots.holders, slots.waiters]).toEqual([0, 0]);
  });
});

describe("a governor that throws", () => {
  const boom = new Error("boom");
  const fail = (): never => {
    throw boom;
  };

  /** A governor with room for so many, parts of which can be replaced. */
  function slotsWith(room: number, parts: Partial<Governor> & { release?: () => void }): Governor {
    const { governor } = new Slots(room);
    const { release, ...rest } = parts;
    const change = (token: LockToken): LockToken =>
      release === undefined ? token : Object.assign(Object.create(token) as LockToken, { release });
    return {
      acquire: async (options) => change(await governor.acquire(options)),
      tryAcquire: () => {
        const token = governor.tryAcquire();
        return token && change(token);
      },
      with: fail,
      wrap: fail,
      ...rest,
    };
  }

  it("[JM1, JM6] when it is asked at once fails those that wait, when those that run have ended", async () => {
    const { governor } = new Slots(2);
    let asked = 0;
    const tryAcquire = (): LockToken | null => ((asked += 1) > 2 ? fail() : governor.tryAcquire());
    const gates = new Gates();
    const failed = rejection(
      join(gates.branches("a", "b", "c", "d"), { concurrency: slotsWith(0, { tryAcquire }) }),
    );
    expect(gates.started).toEqual(["a", "b"]);
    await gates.end("b");
    await gates.end("a");
    const error = (await failed) as JoinError;
    expect([error.message, error.cause]).toEqual(['join: branch "c" failed: boom', boom]);
    expect(error.records.map(({ status }) => status)).toEqual([
      "succeeded",
      "succeeded",
      "failed",
      "not-started",
    ]);
  });

  it("[JM1, JM6] in the middle of a run fails those that wait, and those that run are waited for", async () => {
    const { governor } = new Slots(2);
    let isBroken = false;
    const tryAcquire = (): LockToken | null => (isBroken ? fail() : governor.tryAcquire());
    const acquire: Governor["acquire"] = (options) => governor.acquire(options);
    const gates = new Gates();
    const tasks = {
      a: gates.branch("a"),
      b: gates.branch("b"),
      c: { dependsOn: ["a"], run: gates.branch("c") },
      d: { dependsOn: ["c"], run: gates.branch("d") },
    };
    const concurrency = slotsWith(0, { tryAcquire, acquire });
    const all = joinGraph(tasks, { concurrency, mode: "wait-all" });
    isBroken = true;
    await gates.end("a");
    expect(gates.open).toEqual(["b"]);
    await gates.end("b");
    expect(await all).toEqual({
      a: { status: "succeeded", value: "a" },
      b: { status: "succeeded", value: "b" },
      c: { status: "failed", error: boom },
      d: { status: "skipped", because: "c" },
    });
    expect(governor.tryAcquire()).not.toBe(null);
  });

  it("[JM1, JM6] when it is asked to grant a slot later does not make the call throw while branches run", async () => {
    const gates = new Gates();
    const failed = rejection(
      join(gates.branches("a", "b"), { concurrency: slotsWith(1, { acquire: fail }) }),
    );
    expect(gates.started).toEqual(["a"]);
    await gates.end("a");
    const error = (await failed) as JoinError;
    expect([error.message, error.partial]).toEqual(['join: branch "b" failed: boom', { a: "a" }]);
  });

  it("[JM1, JM6] when it is given a slot back ends the join with that error, and those that run are waited for", async () => {
    const gates = new Gates();
    let isOver = false;
    const failed = rejection(
      join(
        { a: gates.branch("a"), b: gates.branch("b", false), c: gates.branch("c") },
        { concurrency: slotsWith(2, { release: fail }) },
      ),
    ).finally(() => (isOver = true));
    await gates.end("a");
    expect([isOver, gates.stopped.get("b")]).toEqual([false, boom]);
    // Thrown once more, when nobody waits for more than that.
    expect(await uncaught(() => gates.end("b"))).toEqual([]);
    expect(await failed).toBe(boom);
    expect(gates.started).toEqual(["a", "b"]);
  });

  it("[JM6] when the last slot is given back ends the join with that error", async () => {
    expect(await rejection(join({ a: () => 1 }, { concurrency: slotsWith(1, { release: fail }) }))).toBe(
      boom,
    );
  });

  it("[JM1, JM6] when a branch lends its slot ends the join with that error", async () => {
    const gates = new Gates();
    const failed = rejection(
      join(
        { a: (context) => join(gates.branches("x"), { within: context }) },
        { concurrency: slotsWith(1, { release: fail }) },
      ),
    );
    expect(await failed).toBe(boom);
    expect(gates.started).toEqual([]);
  });

  it("[P77, JM6] when it has back what nobody wants any more is not silent", async () => {
    let grant: (token: LockToken) => void = fail;
    const granted = new Promise<LockToken>((resolve) => (grant = resolve));
    const concurrency = slotsWith(1, { tryAcquire: () => null, acquire: () => granted });
    const controller = new AbortController();
    const failed = rejection(join({ a: () => 1 }, { concurrency, signal: controller.signal }));
    controller.abort(boom);
    expect(await failed).toBe(boom);
    const errors = await uncaught(() => {
      grant({ release: fail } as never);
      return settled();
    });
    expect(errors).toEqual([boom]);
  });
});

describe("asynchronous context", () => {
  it("is that of the join to which a branch belongs, whoever's slot it gets", async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const see = async ({ name }: BranchContext): Promise<void> => {
      seen.push(`${name} ${storage.getStore()}`);
      await settled();
    };
    await storage.run("outer", () =>
      join(
        {
          a: (context) => storage.run("inner", () => join({ a1: see, a2: see }, { within: context })),
          b: see,
          c: see,
        },
        { concurrency: 1 },
      ),
    );
    expect(seen).toEqual(["a1 inner", "a2 inner", "b outer", "c outer"]);
  });
});
