import { channel } from "node:diagnostics_channel";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Gate, GateLock, IdleWaiters, LockRequest, LockState, type LockToken } from "../src/index.js";

const modes = ["shared", "exclusive"] as const;

class TestLock extends GateLock<LockToken> {
  readonly inside: Gate;
  constructor(label?: string) {
    const gate = new Gate<LockToken>(new LockState("TestLock", label, modes, Infinity));
    super(gate);
    this.inside = gate;
  }
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Listens to an event until the test is over. */
const stops: (() => void)[] = [];
function on(event: string, listener: (request: LockRequest) => void): void {
  const told = (message: unknown): void => {
    listener(message as LockRequest);
  };
  channel(`holdfast:${event}`).subscribe(told);
  stops.push(() => {
    channel(`holdfast:${event}`).unsubscribe(told);
  });
}

describe("a lock with one gate", () => {
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
  });

  it("[L22] goes by its kind in messages, and by its label where it has one", () => {
    const state = new LockState("TestLock", undefined, modes, Infinity);
    expect([state.name, state.describe()]).toEqual(["TestLock", "TestLock"]);
    expect(state.describe(new LockRequest(state, [true], "me", []))).toBe('TestLock as "me"');
    expect(new LockState("TestLock", "db", modes, Infinity).name).toBe('TestLock "db"');
  });

  it("[L18, L22] says whose waiting was canceled", async () => {
    const lock = new TestLock("db");
    const token = await lock.inside.acquire(true, undefined);
    const errors = [undefined, { label: "me" }].map((options) => failure(lock.inside.acquire(true, options)));
    expect(lock.cancelWaiters()).toBe(2);
    expect((await Promise.all(errors)).map(String)).toEqual([
      'AbortError: Waiting for TestLock "db" was canceled',
      expect.stringMatching(/^AbortError: Waiting for TestLock "db" as "me" was canceled after \d+ ms$/),
    ]);
    token.release();
  });

  it("[L22] says that a body must be a function", () => {
    const lock = new TestLock();
    expect(() => lock.inside.with(true, 5 as never, undefined)).toThrow("fn must be a function, received 5");
    expect(lock.locked).toBe(false);
  });

  it("[L16, G3] lets those in who ask while it is canceled, as soon as nobody before them waits", async () => {
    const lock = new TestLock();
    const reader = await lock.inside.acquire(false, undefined);
    const writers = ["first", "second"].map((label) => failure(lock.inside.acquire(true, { label })));
    const late: Promise<LockToken>[] = [];
    on("abort", ({ label }) => {
      if (label === "first") late.push(lock.inside.acquire(false, undefined));
    });
    expect(lock.cancelWaiters("gone")).toBe(2);
    expect([lock.holders, lock.waiters]).toEqual([2, 0]);
    expect(await Promise.all(writers)).toEqual(["gone", "gone"]);
    for (const token of await Promise.all(late)) token.release();
    reader.release();
    expect(lock.locked).toBe(false);
  });

  it("[G3, L8] lets those behind in at once when an observer rejects a request that waits", async () => {
    const lock = new TestLock();
    const reader = await lock.inside.acquire(false, undefined);
    const requests: LockRequest[] = [];
    on("wait", (request) => requests.push(request));
    const writer = failure(lock.inside.acquire(true, undefined));
    const behind = lock.inside.acquire(false, undefined);
    expect([lock.holders, lock.waiters]).toEqual([1, 2]);
    requests[0]?.cancel?.("enough");
    expect([lock.holders, lock.waiters]).toEqual([2, 0]);
    expect(await writer).toBe("enough");
    (await behind).release();
    reader.release();
  });

  it("[L19, T11] tells how long a request waited, and that is not when", async () => {
    const lock = new TestLock();
    const token = await lock.inside.acquire(true, undefined);
    const told: { waited: number; since: number }[] = [];
    on("grant", ({ waited, since }) => told.push({ waited, since }));
    const before = performance.now();
    const waiting = lock.inside.acquire(true, undefined);
    token.release();
    (await waiting).release();
    const [{ waited, since } = { waited: NaN, since: NaN }] = told;
    expect(since).toBeGreaterThanOrEqual(before);
    expect(waited).toBeGreaterThanOrEqual(0);
    expect(waited).toBeLessThanOrEqual(performance.now() - since);
  });

  it("[L19] shows no label where there is none", async () => {
    const lock = new TestLock();
    on("grant", () => undefined);
    const token = await lock.inside.acquire(true, undefined);
    expect(lock.snapshot().held.map((entry) => Object.keys(entry))).toEqual([["mode", "since"]]);
    token.release();
    const labelled = await lock.inside.acquire(true, { label: "me" });
    expect(lock.snapshot().held.map((entry) => Object.keys(entry))).toEqual([["mode", "label", "since"]]);
    labelled.release();
  });
});

describe("those who wait for a lock to be idle", () => {
  const state = new LockState("TestLock", "db", modes, Infinity);

  it("[L17] reject at once, without a timer, where they will not wait", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const rejected = failure(new IdleWaiters().wait(state, false, { timeout: 0 }));
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    expect(String(await rejected)).toBe('TimeoutError: Timed out after 0 ms waiting for TestLock "db"');
    await new IdleWaiters().wait(state, true, { timeout: 0 });
  });

  it("[L11, G8] are kept no longer than they wait, and nor is their signal", async () => {
    const idlers = new IdleWaiters();
    const wait = async (end: (controller: AbortController) => void): Promise<WeakRef<AbortSignal>> => {
      const controller = new AbortController();
      const outcome = failure(idlers.wait(state, false, { signal: controller.signal }));
      end(controller);
      await outcome;
      return new WeakRef(controller.signal);
    };
    const signals = [
      await wait((controller) => {
        controller.abort();
      }),
      await wait(() => {
        idlers.notify();
      }),
    ];
    await settled();
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
    expect(signals.map((signal) => signal.deref())).toEqual([undefined, undefined]);
    idlers.notify();
  });
});
