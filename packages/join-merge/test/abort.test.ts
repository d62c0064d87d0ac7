import { getEventListeners } from "node:events";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  type BranchContext,
  join,
  JoinError,
  joinMerge,
  type JoinReport,
  TimeoutError,
} from "../src/index.js";
import { Gates, rejection, settled } from "./gates.js";

afterEach(() => {
  vi.useRealTimers();
});

const stop = new Error("stop");

describe("an abort from outside", () => {
  it("[F94, G5, G7, U17] before the call starts nothing, and rejects with its reason itself", async () => {
    const gates = new Gates();
    const reports: JoinReport[] = [];
    const signal = AbortSignal.abort(stop);
    expect(await rejection(join(gates.branches("a"), { signal, report: (each) => reports.push(each) }))).toBe(
      stop,
    );
    expect(await rejection(join({}, { signal }))).toBe(stop);
    expect(gates.started).toEqual([]);
    expect(reports).toEqual([
      { type: "end", records: [{ name: "a", index: 0, status: "not-started" }], error: stop },
    ]);
  });

  it("[JM5, F93, P78, P113, P126, U17] tells those that run, once, and never starts those that wait", async () => {
    const gates = new Gates();
    const controller = new AbortController();
    const reports: JoinReport[] = [];
    const failed = rejection(
      join(
        { a: gates.branch("a"), b: gates.branch("b", false), c: gates.branch("c") },
        { signal: controller.signal, concurrency: 2, report: (each) => reports.push(each) },
      ),
    );
    controller.abort(stop);
    expect([...gates.stopped]).toEqual([
      ["a", stop],
      ["b", stop],
    ]);
    let isOver = false;
    void failed.then(() => (isOver = true));
    await settled();
    expect(isOver).toBe(false);
    await gates.end("b", "late");
    expect(await failed).toBe(stop);
    expect(gates.started).toEqual(["a", "b"]);
    expect(reports.at(-1)).toEqual({
      type: "end",
      error: stop,
      records: [
        { name: "a", index: 0, settled: 1, status: "cancelled", reason: stop, error: stop },
        { name: "b", index: 1, settled: 2, status: "succeeded", value: "late" },
        { name: "c", index: 2, status: "not-started" },
      ],
    });
  });

  it("[U17, F83] while it waits for branches to end after a failure changes nothing", async () => {
    const gates = new Gates();
    const controller = new AbortController();
    const failed = rejection(
      join({ a: gates.branch("a"), b: gates.branch("b", false) }, { signal: controller.signal }),
    );
    await gates.fail("a");
    controller.abort(stop);
    await gates.end("b");
    expect(await failed).toBeInstanceOf(JoinError);
  });

  it("[F95, U17] after the last branch has ended, or during the merge, changes nothing", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const merged = joinMerge(
      { a: () => ({ k: 1 }), b: () => ({ k: 2 }) },
      {
        signal,
        keys: {
          k: (existing: number, incoming: number) => {
            controller.abort(stop);
            return existing + incoming;
          },
        },
        report: ({ type }) => {
          if (type === "collision") controller.abort(stop);
        },
      },
    );
    expect(await merged).toEqual({ k: 3 });
    expect(signal.aborted).toBe(true);
  });

  it("[F94] wins over a failure that is not certain yet, and over wait-all", async () => {
    const gates = new Gates();
    const controller = new AbortController();
    const { signal } = controller;
    const ordered = rejection(join(gates.branches("a", "b"), { signal }));
    const waiting = rejection(join(gates.branches("c", "d"), { signal, mode: "wait-all" }));
    await gates.fail("b");
    await gates.fail("c");
    controller.abort(stop);
    expect([await ordered, await waiting]).toEqual([stop, stop]);
  });

  it("[F82, F93] that comes while others are told of a failure changes the outcome, and tells nobody twice", async () => {
    const gates = new Gates();
    const controller = new AbortController();
    const reports: JoinReport[] = [];
    const failed = rejection(
      join(
        {
          a: gates.branch("a"),
          b: ({ signal }) => {
            signal.addEventListener("abort", () => {
              controller.abort(stop);
            });
          },
          c: ({ signal, name }) => {
            signal.addEventListener("abort", () => {
              controller.abort(stop);
            });
            return gates.branch(name)({ signal } as never);
          },
          d: gates.branch("d"),
        },
        { signal: controller.signal, report: (each) => reports.push(each) },
      ),
    );
    await gates.fail("a");
    expect(await failed).toBe(stop);
    const last = reports.at(-1);
    expect(last?.type === "end" && last.records[3]).toMatchObject({
      status: "cancelled",
      reason: { code: "ERR_CANCELED" },
    });
  });

  it.each([{}, { concurrency: 1 }, { drain: false }])(
    "[F94, G6, P78] from who is told of a start comes before it: %o",
    async (options) => {
      const controller = new AbortController();
      const gates = new Gates();
      const reports: JoinReport[] = [];
      const failed = rejection(
        join(gates.branches("a", "b", "c"), {
          ...options,
          signal: controller.signal,
          report: (report) => {
            reports.push(report);
            if (report.type === "start" && report.name === "b") controller.abort(stop);
          },
        }),
      );
      if (gates.open.length > 0 && gates.stopped.size === 0) await gates.end("a");
      expect(await failed).toBe(stop);
      expect(gates.started).toEqual(["a"]);
      expect(reports.at(-1)).toMatchObject({
        type: "end",
        records: [{ name: "a" }, { name: "b", status: "not-started" }, { name: "c", status: "not-started" }],
      });
    },
  );

  it("[F94, G6, P77] from who is told of a start leaves the slot to others", async () => {
    const controller = new AbortController();
    const gates = new Gates();
    const inner = (context: BranchContext): Promise<unknown> =>
      rejection(
        join(gates.branches("x"), {
          within: context,
          signal: controller.signal,
          report: ({ type }) => {
            if (type === "start") controller.abort(stop);
          },
        }),
      );
    const all = join({ a: inner, b: gates.branch("b") }, { concurrency: 1 });
    await settled();
    await gates.end("b");
    expect(await all).toEqual({ a: stop, b: "b" });
    expect([gates.started, gates.most]).toEqual([["b"], 1]);
  });

  it("[F94, G6, P77] from who is told of a start, in the step of another join, leaves the slot to others at once", async () => {
    const controller = new AbortController();
    const gates = new Gates();
    const inner = async (context: BranchContext): Promise<unknown> => {
      // So that b has the other slot.
      await gates.branch("a")(context);
      return rejection(
        join(
          { x: gates.branch("x", false), y: gates.branch("y") },
          {
            within: context,
            signal: controller.signal,
            report: (report) => {
              if (report.type === "start" && report.name === "y") controller.abort(stop);
            },
          },
        ),
      );
    };
    const all = join({ a: inner, b: gates.branch("b"), c: gates.branch("c") }, { concurrency: 2 });
    await settled();
    await gates.end("a");
    expect([gates.open, gates.stopped.size]).toEqual([["b", "x"], 0]);
    await gates.end("b");
    // What b had was for y.
    expect(gates.open).toEqual(["x", "c"]);
    await gates.end("x");
    await gates.end("c");
    expect(await all).toEqual({ a: stop, b: "b", c: "c" });
  });

  it("[F94, G6] from who is told of a start comes before a governor's refusal", async () => {
    const controller = new AbortController();
    const gates = new Gates();
    const settles: string[] = [];
    let asked = 0;
    const concurrency = {
      tryAcquire: () => ((asked += 1) === 1 ? { release: () => undefined } : null),
      acquire: () => Promise.reject(new Error("closed")),
    };
    const failed = rejection(
      join(
        { a: gates.branch("a", false), b: gates.branch("b") },
        {
          concurrency: concurrency as never,
          signal: controller.signal,
          report: (report) => {
            if (report.type === "start" && report.name === "b") controller.abort(stop);
            if (report.type === "settle") settles.push(report.record.name);
          },
        },
      ),
    );
    await settled();
    expect([...gates.stopped]).toEqual([["a", stop]]);
    await gates.end("a");
    expect(await failed).toBe(stop);
    expect(settles).toEqual(["a"]);
  });

  it("[F93] can come from a branch, of the join itself", async () => {
    const controller = new AbortController();
    const gates = new Gates();
    const failed = join(
      {
        a: () => {
          controller.abort(stop);
        },
        b: gates.branch("b"),
      },
      { signal: controller.signal },
    );
    expect(await rejection(failed)).toBe(stop);
    expect(gates.started).toEqual([]);
  });

  it("[F76, F210] leaves no listener, however the join ends", async () => {
    const { signal } = new AbortController();
    await join({ a: () => 1 }, { signal });
    await rejection(join({ a: () => Promise.reject(stop) }, { signal }));
    await join({}, { signal });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("[F93] is seen by who looks at the signal only afterwards, and a signal is not aborted when the branch has ended", async () => {
    const controller = new AbortController();
    let seen: AbortSignal | undefined;
    const failed = rejection(
      join(
        {
          a: async (context) => {
            await settled();
            controller.abort(stop);
            seen = context.signal;
          },
        },
        { signal: controller.signal },
      ),
    );
    expect(await failed).toBe(stop);
    expect([seen?.aborted, seen?.reason]).toEqual([true, stop]);
    let other: AbortSignal | undefined;
    await rejection(
      join({
        ok: ({ signal }) => {
          other = signal;
        },
        bad: async () => {
          await settled();
          throw stop;
        },
      }),
    );
    expect(other?.aborted).toBe(false);
  });
});

describe("a timeout", () => {
  it("[F93] covers the whole join, and stops it with a TimeoutError", async () => {
    vi.useFakeTimers();
    const gates = new Gates();
    const failed = rejection(join(gates.branches("a", "b"), { timeout: 50, concurrency: 1, label: "x" }));
    await vi.advanceTimersByTimeAsync(49);
    expect(gates.stopped.size).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    const error = await failed;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({
      code: "ERR_TIMEOUT",
      timeout: 50,
      message: 'Timed out after 50 ms waiting for join "x"',
    });
    expect(gates.stopped.get("a")).toBe(error);
    expect(gates.started).toEqual(["a"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("of 0 starts nothing, unless there is nothing to wait for", async () => {
    const gates = new Gates();
    expect(await rejection(join(gates.branches("a"), { timeout: 0, label: "x" }))).toMatchObject({
      message: 'Timed out after 0 ms waiting for join "x"',
    });
    expect(gates.started).toEqual([]);
    expect(await join({}, { timeout: 0 })).toEqual({});
  });

  it("of 0 starts nothing where there is something left to run, and is no limit where all was completed before", async () => {
    const gates = new Gates();
    const branches = gates.branches("a", "b");
    expect(await join(branches, { timeout: 0, completed: { a: 1, b: 2 } })).toEqual({ a: 1, b: 2 });
    expect(await rejection(join(branches, { timeout: 0, completed: { a: 1 } }))).toMatchObject({
      name: "TimeoutError",
    });
    expect(gates.started).toEqual([]);
  });

  it("[F210] has no timer where it is not used, and leaves none where it is", async () => {
    vi.useFakeTimers();
    const gates = new Gates();
    const controller = new AbortController();
    const { signal } = controller;
    const without = join(gates.branches("a"), { timeout: Infinity, signal });
    expect(vi.getTimerCount()).toBe(0);
    const limited = join(gates.branches("b"), { timeout: 5, signal });
    expect(vi.getTimerCount()).toBe(1);
    controller.abort();
    await rejection(limited);
    expect(vi.getTimerCount()).toBe(0);
    await rejection(without);
  });
});

describe("how long a join waits for branches that are told to stop", () => {
  const deaf = (gates: Gates): Record<"a" | "b", ReturnType<Gates["branch"]>> => ({
    a: gates.branch("a"),
    b: gates.branch("b", false),
  });

  it("[F67, F83, P104, U11] is until they have ended", async () => {
    const gates = new Gates();
    let isOver = false;
    const failed = rejection(join(deaf(gates))).finally(() => (isOver = true));
    await gates.fail("a");
    expect(isOver).toBe(false);
    await gates.end("b");
    expect(await failed).toMatchObject({ branch: "a", pending: [] });
  });

  it("[F83, U11] is not at all with `drain: false`", async () => {
    const gates = new Gates();
    const failed = rejection(join(deaf(gates), { drain: false }));
    await gates.fail("a");
    expect(await failed).toMatchObject({ branch: "a", pending: ["b"] });
    expect(gates.running).toBe(1);
    await gates.fail("b");
  });

  it("[F83, F79] with `drain: false` is still for branches on which the outcome depends", async () => {
    const gates = new Gates();
    const failed = rejection(join(gates.branches("a", "b", "c"), { drain: false }));
    await gates.fail("b");
    await gates.fail("a", "earlier");
    expect(await failed).toMatchObject({ branch: "a", cause: "earlier" });
  });

  it.each([100, 1])("[F83, P114, U11] is so many milliseconds at most: %d", async (drain) => {
    vi.useFakeTimers();
    const gates = new Gates();
    const failing: { reject?: (error: unknown) => void } = {};
    let outcome: unknown;
    const failed = rejection(
      join(
        {
          a: () =>
            new Promise((_, reject) => {
              failing.reject = reject;
            }),
          b: gates.branch("b", false),
        },
        { drain },
      ),
    );
    void failed.then((error) => (outcome = error));
    failing.reject?.(stop);
    await vi.advanceTimersByTimeAsync(drain - 1);
    expect(outcome).toBe(undefined);
    await vi.advanceTimersByTimeAsync(1);
    expect(outcome).toMatchObject({ branch: "a", pending: ["b"] });
  });

  it("[F83] leaves no timer when they end in time", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const gates = new Gates();
    const failed = rejection(join(deaf(gates), { drain: 100 }));
    await gates.fail("a");
    expect(vi.getTimerCount()).toBe(1);
    await gates.end("b");
    await failed;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("[F83] is not at all with 0, and until they have ended with Infinity", async () => {
    const gates = new Gates();
    const atOnce = rejection(join(deaf(gates), { drain: 0 }));
    await gates.fail("a");
    expect(await atOnce).toMatchObject({ pending: ["b"] });
    await gates.end("b");
    const later = rejection(join(deaf(gates), { drain: Infinity }));
    await gates.fail("a");
    await gates.end("b");
    expect(await later).toMatchObject({ pending: [] });
  });

  it("[F83] counts after an abort too", async () => {
    const gates = new Gates();
    const controller = new AbortController();
    const failed = rejection(join(deaf(gates), { drain: false, signal: controller.signal }));
    controller.abort(stop);
    expect(await failed).toBe(stop);
    expect(gates.open).toEqual(["b"]);
    await gates.end("b");
  });
});
