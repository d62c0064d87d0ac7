import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  DeadlockError,
  Gate,
  GateLock,
  isLockError,
  LockState,
  type LockToken,
  type WaitOptions,
} from "../src/index.js";
import { type DeadlockDetector, detectDeadlocks } from "../src/node/deadlock.js";
import type { OrderInversion } from "../src/node/lock-order.js";

/** The least that a lock can be: `room` shared holders or one exclusive one. */
class TestLock extends GateLock<LockToken> {
  constructor(label: string, room = Infinity) {
    const state = new LockState("TestLock", label, ["shared", "exclusive"], Infinity);
    super(new Gate<LockToken>(state, room));
  }
  acquire(options?: WaitOptions): Promise<LockToken> {
    return this.gate.acquire(true, options);
  }
  share(options?: WaitOptions): Promise<LockToken> {
    return this.gate.acquire(false, options);
  }
  with<R>(fn: (token: LockToken) => R, label?: string): Promise<Awaited<R>> {
    return this.gate.with(true, fn, { label });
  }
  withShared<R>(fn: (token: LockToken) => R, label?: string): Promise<Awaited<R>> {
    return this.gate.with(false, fn, { label });
  }
}

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("detectDeadlocks", () => {
  let detector: DeadlockDetector;
  let inversions: OrderInversion[];

  beforeEach(() => {
    inversions = [];
    detector = detectDeadlocks({ onInversion: (inversion) => inversions.push(inversion) });
  });
  afterEach(() => {
    detector.stop();
  });

  it("[T17] rejects a request that waits for its own body, and names the lock and both labels", async () => {
    const lock = new TestLock("db");
    const inner = gate();
    const error = await lock.with(async () => {
      inner.open();
      return await failure(lock.with(() => "never", "inner"));
    }, "outer");
    expect(isLockError(error, "ERR_DEADLOCK")).toBe(true);
    expect((error as DeadlockError).chain).toEqual([
      '"inner" waits for TestLock "db" (exclusive), held by "outer"',
    ]);
    expect(lock.locked).toBe(false);
    expect(lock.waiters).toBe(0);
  });

  it("[T17, L22] without a detector the same request waits for itself, and can be aborted", async () => {
    detector.stop();
    const lock = new TestLock("db");
    const controller = new AbortController();
    const reason = new Error("enough");
    const error = await lock.with(() => {
      const waiting = failure(lock.acquire({ signal: controller.signal }));
      expect(lock.waiters).toBe(1);
      controller.abort(reason);
      return waiting;
    });
    expect(error).toBe(reason);
  });

  it("rejects the request that closes a circle of two, and the other one goes on", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    const [hasA, hasB] = [gate(), gate()];
    const first = a.with(async () => {
      hasA.open();
      await hasB.opened;
      return await b.with(() => "first", "first wants b");
    }, "first");
    const second = b.with(async () => {
      hasB.open();
      await hasA.opened;
      return await failure(a.with(() => "second", "second wants a"));
    }, "second");
    const results = await Promise.all([failure(first), second]);
    const errors = results.filter((result) => result instanceof DeadlockError);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.chain).toHaveLength(2);
  });

  it("rejects the request that closes a circle of three", async () => {
    const locks = [new TestLock("a"), new TestLock("b"), new TestLock("c")] as const;
    const gates = [gate(), gate(), gate()] as const;
    const results = await Promise.all(
      ([0, 1, 2] as const).map((index) =>
        locks[index].with(async () => {
          gates[index].open();
          await Promise.all(gates.map(({ opened }) => opened));
          return await failure(locks[((index + 1) % 3) as 0 | 1 | 2].with(() => undefined));
        }),
      ),
    );
    const errors = results.filter((result) => result instanceof DeadlockError);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.chain).toHaveLength(3);
  });

  it("rejects a writer that waits for its own reader, and calls it by the label of the body it is in", async () => {
    const lock = new TestLock("config");
    const error = await lock.withShared(() => failure(lock.with(() => "never")), "reader");
    expect((error as DeadlockError).chain).toEqual([
      '"reader" waits for TestLock "config" (exclusive), held by "reader"',
    ]);
  });

  it("rejects a second read behind a writer that waits for the first", async () => {
    const lock = new TestLock("config");
    const writer = gate();
    const outcome = lock.withShared(async () => {
      await writer.opened;
      return await failure(lock.withShared(() => "never", "second read"));
    }, "first read");
    const writing = detector.task("elsewhere", () => lock.with(() => "written", "writer"));
    writer.open();
    const error = await outcome;
    expect((error as DeadlockError).chain).toEqual([
      '"second read" waits for TestLock "config" (shared), wanted before it by "writer"',
      '"writer" waits for TestLock "config" (exclusive), held by "first read"',
    ]);
    expect(await writing).toBe("written");
  });

  it("knows the tokens that a task has acquired", async () => {
    const lock = new TestLock("db");
    await detector.task("job", async () => {
      const token = await lock.acquire();
      const error = await failure(lock.acquire());
      expect((error as DeadlockError).chain).toEqual([
        '"job" waits for TestLock "db" (exclusive), held by "job"',
      ]);
      token.release();
      (await lock.acquire()).release();
    });
  });

  it("lets siblings wait for each other", async () => {
    const lock = new TestLock("db");
    const order: number[] = [];
    await Promise.all([1, 2, 3].map((n) => lock.with(() => order.push(n))));
    expect(order).toEqual([1, 2, 3]);
  });

  it("lets a holder of one permit wait for another that somebody else will give back", async () => {
    const pool = new TestLock("pool", 2);
    const other = await pool.share();
    const inner = pool.withShared(() => {
      const second = pool.withShared(() => "second");
      expect(pool.waiters).toBe(1);
      other.release();
      return second;
    });
    expect(await inner).toBe("second");
  });

  it("rejects a holder of all permits that waits for one more", async () => {
    const pool = new TestLock("pool", 2);
    const error = await pool.withShared(() => pool.withShared(() => failure(pool.withShared(() => "never"))));
    expect(isLockError(error, "ERR_DEADLOCK")).toBe(true);
  });

  it("reports two locks taken in both orders, once, though nobody had to wait", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    for (let round = 0; round < 2; round += 1) {
      await a.with(() => b.with(() => undefined));
      await b.with(() => a.with(() => undefined));
    }
    expect(inversions).toEqual([
      {
        message:
          'Lock order: TestLock "a" is asked for while TestLock "b" is held, and at another time the other way round',
        wanted: 'TestLock "a"',
        held: 'TestLock "b"',
      },
    ]);
  });

  it("reports a circle of three orders", async () => {
    const [a, b, c] = [new TestLock("a"), new TestLock("b"), new TestLock("c")];
    await a.with(() => b.with(() => undefined));
    await b.with(() => c.with(() => undefined));
    expect(inversions).toEqual([]);
    await c.with(() => a.with(() => undefined));
    expect(inversions).toHaveLength(1);
  });

  it("says nothing of locks that are always taken in one order, or one after the other", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    await a.with(() => b.with(() => undefined));
    await a.with(() => b.with(() => undefined));
    await b.with(() => undefined);
    await a.with(() => undefined);
    expect(inversions).toEqual([]);
  });

  it("warns through the process where it is not told what else to do", async () => {
    detector.stop();
    detector = detectDeadlocks();
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    await a.with(() => b.with(() => undefined));
    await b.with(() => a.with(() => undefined));
    expect((await warned).name).toBe("LockOrderWarning");
  });

  it("forgets requests that are aborted, timed out or released", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    const token = await a.acquire();
    const controller = new AbortController();
    const aborted = failure(b.with(() => failure(a.acquire({ signal: controller.signal }))));
    controller.abort();
    expect(await aborted).toBeUndefined();
    token.release();
    // b's body is over, so whoever holds a may wait for b now.
    expect(await a.with(() => b.with(() => "fine"))).toBe("fine");
  });

  it("stops when told to", async () => {
    detector.stop();
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    await a.with(() => b.with(() => undefined));
    await b.with(() => a.with(() => undefined));
    expect(inversions).toEqual([]);
  });
});
