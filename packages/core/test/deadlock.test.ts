import { AsyncLocalStorage } from "node:async_hooks";
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  DeadlockError,
  Gate,
  GateLock,
  hold,
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
    const state = new LockState("TestLock", label, ["shared", "exclusive"], Infinity, room);
    super(new Gate<LockToken>(state));
  }
  get state(): LockState {
    return this.gate.state;
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

/** How a promise stands once every microtask has run. */
const standing = (promise: Promise<unknown>): Promise<string> =>
  Promise.race([
    promise.then(
      () => "fulfilled",
      () => "rejected",
    ),
    new Promise<string>((resolve) => setImmediate(resolve, "pending")),
  ]);

const chainOf = async (promise: Promise<unknown>): Promise<readonly string[]> => {
  const error = await failure(promise);
  expect(isLockError(error, "ERR_DEADLOCK")).toBe(true);
  return (error as DeadlockError).chain;
};

const channels = ["wait", "grant", "release", "abort", "timeout", "hold"].map((name) => `holdfast:${name}`);

/** Who can be told, step by step, what to do within one task or body. */
type Actor = <R>(step: () => R) => R;

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

  const actor = (label: string): Actor => detector.task(label, () => AsyncLocalStorage.snapshot());

  it("[T17] says of every request in a circle who waits for what, and who has it", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    const [first, second] = [actor("first"), actor("second")];
    const tokens = [await first(() => a.acquire()), await second(() => b.acquire())];
    const waiting = first(() => b.acquire());
    const error = await failure(second(() => a.acquire({ label: "again" })));
    const chain = [
      '"again" waits for TestLock "a" (exclusive), held by "first"',
      '"first" waits for TestLock "b" (exclusive), held by "second"',
    ];
    expect((error as DeadlockError).chain).toEqual(chain);
    expect((error as DeadlockError).message).toBe(`Deadlock: ${chain.join("; ")}`);
    tokens[1]?.release();
    (await waiting).release();
    tokens[0]?.release();
  });

  it("calls those who have no label just that, also in a task that has one", async () => {
    const lock = new TestLock("db");
    const error = await detector.task("job", () => lock.with(() => failure(lock.with(() => "never"))));
    expect((error as DeadlockError).chain).toEqual([
      'a request without a label waits for TestLock "db" (exclusive), held by a request without a label',
    ]);
  });

  it("lets a request wait that is made by nobody it knows, and names it where it is in the way", async () => {
    const lock = new TestLock("db");
    const reader = actor("reader");
    const token = await reader(() => lock.share());
    const writing = lock.acquire();
    expect(await standing(writing)).toBe("pending");
    expect(await standing(lock.acquire())).toBe("pending");
    // Whose the writer is, is not known; that it waits for the reader is.
    expect(await chainOf(reader(() => lock.share()))).toEqual([
      '"reader" waits for TestLock "db" (shared), wanted before it by a request without a label',
      'a request without a label waits for TestLock "db" (exclusive), held by "reader"',
    ]);
    token.release();
    (await writing).release();
  });

  it("leaves what does not lead back out of the chain", async () => {
    const lock = new TestLock("db");
    const [other, me] = [actor("other"), actor("me")];
    const tokens = [await other(() => lock.share()), await me(() => lock.share())];
    // The other reader will leave, and that does not help.
    expect(await chainOf(me(() => lock.acquire()))).toEqual([
      '"me" waits for TestLock "db" (exclusive), held by "me"',
    ]);
    for (const token of tokens) token.release();
  });

  it("looks at every request once, however many ways lead to it, and blames none of them for nothing", async () => {
    const ranks = 24;
    const locks = Array.from({ length: ranks + 1 }, (_, rank) => new TestLock(`rank ${rank}`));
    const acquire = async (rank: number): Promise<LockToken | undefined> => locks[rank]?.acquire();
    const last = actor("last");
    await last(() => acquire(ranks));
    const waiting: Promise<unknown>[] = [];
    for (let rank = ranks - 1; rank >= 0; rank -= 1) {
      const sides = [actor(`left ${rank}`), actor(`right ${rank}`)];
      for (const side of sides) await side(() => locks[rank]?.share());
      for (const side of sides) waiting.push(side(() => acquire(rank + 1)));
    }
    const [first, start] = [actor("first"), new TestLock("start")];
    await first(() => start.acquire());
    waiting.push(first(() => acquire(0)));
    expect(await standing(Promise.race(waiting))).toBe("pending");
    const chain = await chainOf(last(() => start.acquire()));
    // Each waits for the one that the next line begins with, and the last for the first.
    const names = chain.map((line) => /^"(.*?)" waits .* by "(.*?)"$/.exec(line)?.slice(1) ?? []);
    expect(names.map(([who]) => who).slice(1)).toEqual(names.map(([, by]) => by).slice(0, -1));
    expect([names[0]?.[0], names.at(-1)?.[1]]).toEqual(["last", "last"]);
    expect(new Set(chain).size).toBe(chain.length);
  });

  it("ends its search in a circle that nobody's request has closed", async () => {
    const [a, b, c] = [new TestLock("a"), new TestLock("b"), new TestLock("c")];
    const [t, u, v, x] = [actor("t"), actor("u"), actor("v"), actor("x")];
    await u(() => a.acquire());
    const mine = await v(() => b.acquire());
    // t asks for both side by side, which a task is not meant to.
    const waiting = [t(() => a.acquire()), t(() => b.acquire()), u(() => b.acquire())];
    mine.release();
    await waiting[1];
    // Now t has b and waits for a, and u has a and waits for b.
    await x(() => c.acquire());
    expect(await standing(x(() => b.acquire()))).toBe("pending");
    expect(await standing(waiting[0] as Promise<unknown>)).toBe("pending");
  });

  it("knows of one key nothing but who has and wants that key", async () => {
    const state = new LockState("Files", undefined, ["shared", "exclusive"], Infinity);
    const file = (key: string): Gate => Object.assign(new Gate(state), { key });
    const [a, b] = [file("a"), file("b")];
    const [me, other] = [actor("me"), actor("other")];
    const mine = await me(() => a.acquire(true, undefined));
    const theirs = await other(() => b.acquire(true, undefined));
    const waiting = me(() => b.acquire(true, undefined));
    expect(await standing(waiting)).toBe("pending");
    expect(await chainOf(other(() => a.acquire(true, undefined)))).toEqual([
      '"other" waits for Files a (exclusive), held by "me"',
      '"me" waits for Files b (exclusive), held by "other"',
    ]);
    theirs.release();
    (await waiting).release();
    mine.release();
  });

  for (const how of ["is aborted", "times out", "is canceled"] as const)
    it(`forgets a request that ${how}, though who made it goes on`, async () => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const [a, b] = [new TestLock("a"), new TestLock("b")];
      const [me, other] = [actor("me"), actor("other")];
      const tokens = [await me(() => a.acquire()), await other(() => b.acquire())];
      const controller = new AbortController();
      const given = failure(me(() => b.acquire({ signal: controller.signal, timeout: 5 })));
      if (how === "is aborted") controller.abort();
      if (how === "times out") vi.advanceTimersByTime(5);
      if (how === "is canceled") b.cancelWaiters();
      vi.useRealTimers();
      expect(await given).toBeInstanceOf(Error);
      const waiting = other(() => a.acquire());
      expect(await standing(waiting)).toBe("pending");
      for (const token of tokens) token.release();
      (await waiting).release();
    });

  it("keeps nothing of a lock that nobody holds and nobody waits for", async () => {
    const use = async (): Promise<WeakRef<LockState>> => {
      const lock = new TestLock("short-lived");
      const token = await actor("me")(() => lock.acquire());
      const controller = new AbortController();
      const waiting = [failure(lock.acquire({ signal: controller.signal })), lock.share()];
      controller.abort();
      await waiting[0];
      token.release();
      ((await waiting[1]) as LockToken).release();
      return new WeakRef(lock.state);
    };
    const state = await use();
    await standing(new Promise(() => undefined));
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
    expect(state.deref()).toBeUndefined();
  });

  it("still knows who else holds a lock when one of them leaves", async () => {
    const lock = new TestLock("config");
    const [me, other] = [actor("me"), actor("other")];
    const mine = await me(() => lock.share());
    (await other(() => lock.share())).release();
    expect(await chainOf(me(() => lock.acquire()))).toEqual([
      '"me" waits for TestLock "config" (exclusive), held by "me"',
    ]);
    mine.release();
  });

  it("still knows who waits for a lock when its holder leaves", async () => {
    const lock = new TestLock("config");
    const [holder, me, writer] = [actor("holder"), actor("me"), actor("writer")];
    const token = await holder(() => lock.acquire());
    const reading = me(() => lock.share());
    const writing = writer(() => lock.acquire());
    token.release();
    const mine = await reading;
    expect(await chainOf(me(() => lock.share()))).toEqual([
      '"me" waits for TestLock "config" (shared), wanted before it by "writer"',
      '"writer" waits for TestLock "config" (exclusive), held by "me"',
    ]);
    mine.release();
    (await writing).release();
  });

  it("counts a permit no longer that was given back", async () => {
    const pool = new TestLock("pool", 2);
    const me = actor("me");
    (await me(() => pool.share())).release();
    const tokens = [await me(() => pool.share()), await me(() => pool.share())];
    expect(await chainOf(me(() => pool.share()))).toHaveLength(1);
    for (const token of tokens) token.release();
  });

  it("lets a holder of one permit wait for another, also one that had to wait for the first", async () => {
    const pool = new TestLock("pool", 2);
    const [me, other] = [actor("me"), actor("other")];
    const tokens = [await other(() => pool.share()), await other(() => pool.share())];
    const first = me(() => pool.share());
    tokens[0]?.release();
    const mine = await first;
    const second = me(() => pool.share());
    expect(await standing(second)).toBe("pending");
    tokens[1]?.release();
    (await second).release();
    mine.release();
  });

  it("lets a holder wait for a lock whose holder it does not know, and that one leave", async () => {
    detector.stop();
    const [a, b] = [new TestLock("a"), new TestLock("b", 1)];
    const unseen = [await a.acquire({ label: "before" }), await b.share()];
    const uncaught = vi.fn();
    process.on("uncaughtException", uncaught);
    detector = detectDeadlocks();
    const me = actor("me");
    const mine = await me(() => new TestLock("mine").acquire());
    const waiting = [me(() => a.acquire()), me(() => b.share())];
    expect(await Promise.all(waiting.map(standing))).toEqual(["pending", "pending"]);
    for (const token of unseen) token.release();
    for (const token of await Promise.all(waiting)) token.release();
    mine.release();
    const again = new TestLock("again");
    detector.stop();
    const before = await again.acquire({ label: "before" });
    detector = detectDeadlocks();
    before.release();
    await standing(new Promise(() => undefined));
    process.off("uncaughtException", uncaught);
    expect(uncaught).not.toHaveBeenCalled();
  });

  it("says nothing to a request that somebody else, told of it first, has ended", async () => {
    detector.stop();
    const lock = new TestLock("db");
    const controller = new AbortController();
    const abort = (): void => {
      controller.abort("mine");
    };
    const uncaught = vi.fn();
    process.on("uncaughtException", uncaught);
    subscribe("holdfast:wait", abort);
    detector = detectDeadlocks();
    const me = actor("me");
    const token = await me(() => lock.acquire());
    expect(await failure(me(() => lock.acquire({ signal: controller.signal })))).toBe("mine");
    unsubscribe("holdfast:wait", abort);
    await standing(new Promise(() => undefined));
    process.off("uncaughtException", uncaught);
    expect(uncaught).not.toHaveBeenCalled();
    token.release();
  });

  it("learns the order of locks from requests that had to wait too", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    const [me, other] = [actor("me"), actor("other")];
    const theirs = await other(() => a.acquire());
    const mine = await me(() => b.acquire());
    const waiting = me(() => a.acquire());
    theirs.release();
    (await waiting).release();
    mine.release();
    expect(inversions).toEqual([]);
    await a.with(() => b.with(() => undefined));
    expect(inversions).toHaveLength(1);
  });

  it("does not take what a task has released for held", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    const me = actor("me");
    for (const lock of [a, b, a]) (await me(() => lock.acquire())).release();
    expect(inversions).toEqual([]);
  });

  it("gives a token to the task that asked for it, and not to the one that let it in", async () => {
    const lock = new TestLock("db");
    const [me, other] = [actor("me"), actor("other")];
    const theirs = await other(() => lock.acquire());
    const asked = me(() => lock.acquire());
    other(() => {
      theirs.release();
    });
    const mine = await asked;
    const waiting = other(() => lock.acquire());
    expect(await standing(waiting)).toBe("pending");
    expect(await chainOf(me(() => lock.acquire({ label: "again" })))).toEqual([
      '"again" waits for TestLock "db" (exclusive), held by "me"',
    ]);
    // It may be released by anybody.
    other(() => {
      mine.release();
    });
    (await waiting).release();
    expect(await me(() => lock.with(() => "free"))).toBe("free");
  });

  it("leaves a token to its task that was acquired in a body, and is held when that ends", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    await detector.task("job", async () => {
      const token = await a.with(() => b.acquire());
      expect(await chainOf(b.acquire())).toEqual([
        '"job" waits for TestLock "b" (exclusive), held by a request without a label',
      ]);
      token.release();
    });
  });

  it("leaves a token to nobody that was acquired in a body outside of any task", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    await a.with(async () => {
      const token = await b.acquire();
      const waiting = b.acquire();
      expect(await standing(waiting)).toBe("pending");
      token.release();
      (await waiting).release();
    });
    expect(inversions).toEqual([]);
  });

  it("takes nothing that a task inside a body has acquired for its parent's", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    await detector.task("outer", () =>
      a.with(async () => {
        const token = await detector.task("inner", () => b.acquire());
        const waiting = b.acquire();
        expect(await standing(waiting)).toBe("pending");
        // What is held around a task is held for it as well.
        expect(await chainOf(detector.task("inner", () => a.acquire()))).toHaveLength(1);
        token.release();
        (await waiting).release();
      }),
    );
  });

  it("counts a lock no longer that a body has released early", async () => {
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    await a.with(async (token) => {
      token.release();
      await b.with(() => undefined);
    });
    await b.with(() => a.with(() => undefined));
    expect(inversions).toEqual([]);
  });

  it("runs the body of somebody it does not know as part of the task around it", async () => {
    detector.stop();
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    const unseen = await a.acquire();
    const uncaught = vi.fn();
    process.on("uncaughtException", uncaught);
    detector = detectDeadlocks();
    await detector.task("job", () =>
      hold(unseen, async () => {
        const token = await b.acquire();
        expect(await chainOf(b.acquire())).toEqual([
          '"job" waits for TestLock "b" (exclusive), held by "job"',
        ]);
        token.release();
      }),
    );
    const late = await a.acquire();
    expect(await hold(late, () => b.with(() => "fine"))).toBe("fine");
    await standing(new Promise(() => undefined));
    process.off("uncaughtException", uncaught);
    expect(uncaught).not.toHaveBeenCalled();
  });

  it("listens to nothing any more once it is stopped", () => {
    expect(channels.map((name) => channel(name).hasSubscribers)).toEqual(channels.map(() => true));
    detector.stop();
    expect(channels.map((name) => channel(name).hasSubscribers)).toEqual(channels.map(() => false));
  });

  it("does not count a request as waiting that an observer before it has aborted", async () => {
    detector.stop();
    const controller = new AbortController();
    const abort = (): void => {
      controller.abort();
    };
    subscribe("holdfast:wait", abort);
    detector = detectDeadlocks();
    const [a, b] = [new TestLock("a"), new TestLock("b")];
    const token = await a.acquire();
    await b.with(() => failure(a.acquire({ signal: controller.signal })));
    unsubscribe("holdfast:wait", abort);
    // Were it still thought to wait for a, whoever has b and a could not go on.
    const inner = b.with(() => {
      const waiting = detector.task("other", () => a.acquire());
      token.release();
      return waiting;
    });
    (await inner).release();
    expect([a.locked, b.locked]).toEqual([false, false]);
  });
});
