import { AsyncLocalStorage } from "node:async_hooks";
import { isLockError, type LockToken, type QueueFullError, type TimeoutError } from "@holdfast/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ExclusiveLock, ExclusiveSubject } from "./subject.js";
import {
  collect,
  countPromises,
  gate,
  listeners,
  observe,
  onEvent,
  reasonOf,
  referee,
  type Referee,
  rejectionOf,
  settle,
  watch,
  watchAll,
} from "./tools.js";

/** Everything that a lock must do which one may hold at a time, and which lets in first who asked first. */
export function exclusiveLockSuite(name: string, subject: ExclusiveSubject): void {
  const { make, mode, keys, observed } = subject;
  // Observed requests cost more.
  const many = observed === true ? 20_000 : 100_000;
  describe(name, () => {
    let observer: Referee | undefined;

    beforeEach(() => {
      observer = observed === true ? referee() : undefined;
    });

    afterEach(() => {
      vi.useRealTimers();
      observer?.stop();
      expect(observer?.mistakes ?? []).toEqual([]);
    });

    /** A lock, and a token of it. */
    async function taken(): Promise<readonly [lock: ExclusiveLock, token: LockToken]> {
      const lock = make();
      return [lock, await lock.acquire()];
    }

    /** Whether the lock looks and works as if nobody had ever used it. */
    async function expectLikeNew(lock: ExclusiveLock): Promise<void> {
      expect(countsOf(lock)).toEqual([false, 0, 0]);
      expect(lock.snapshot()).toEqual({ held: [], pending: [] });
      await lock.whenIdle();
      const token = lock.tryAcquire();
      expect(token?.held).toBe(true);
      expect(lock.tryAcquire()).toBeNull();
      const next = lock.acquire();
      expect(countsOf(lock)).toEqual([true, 1, 1]);
      token?.release();
      (await next).release();
      expect(countsOf(lock)).toEqual([false, 0, 0]);
    }

    describe("excludes", () => {
      it("[L1, T1, T14] never lets two in: many tasks count in one variable across awaits and lose nothing", async () => {
        const lock = make();
        let counter = 0;
        let inside = 0;
        let seen = 0;
        const rounds = 100;
        const visit = async (change: number, turns: number): Promise<void> => {
          for (let round = 0; round < rounds; round += 1) {
            const token = await lock.acquire();
            seen = Math.max(seen, (inside += 1));
            const before = counter;
            for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
            counter = before + change;
            inside -= 1;
            token.release();
          }
        };
        await Promise.all([1, 10_000, 1, 10_000, 1, 10_000].map((change, turns) => visit(change, turns)));
        expect(seen).toBe(1);
        expect(counter).toBe(3 * rounds * 10_001);
        await expectLikeNew(lock);
      });

      it("[L2, G13, T14] holds a free lock before acquire returns, and delivers with microtasks only", async () => {
        const lock = make();
        const request = watch(lock.acquire());
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        expect(lock.tryAcquire()).toBeNull();
        for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
        expect(request.state).toBe("fulfilled");
        request.value?.release();
        expect(countsOf(lock)).toEqual([false, 0, 0]);
      });

      it("[G10, G11] makes one promise for a request that waits and none for a try", async () => {
        const [lock, token] = await taken();
        const requests: Promise<LockToken>[] = [];
        expect(countPromises(() => requests.push(lock.acquire({})))).toBe(1);
        expect(countPromises(() => void lock.tryAcquire())).toBe(0);
        expect(
          countPromises(() => {
            token.release();
          }),
        ).toBe(0);
        (await requests[0])?.release();
        expect(countPromises(() => lock.tryAcquire()?.release())).toBe(0);
      });
    });

    describe("lets in who came first", () => {
      it("[L3, L5, G2, T12] grants in the order of the calls, without those who gave up", async () => {
        const [lock, first] = await taken();
        const order: string[] = [];
        let inside = 0;
        const quitter = new AbortController();
        const visit = async (name: string, signal?: AbortSignal): Promise<void> => {
          const token = await lock.acquire({ signal });
          expect((inside += 1)).toBe(1);
          order.push(name);
          await Promise.resolve();
          inside -= 1;
          token.release();
        };
        const visits = ["a", "b"].map((each) => visit(each));
        const quit = reasonOf(visit("quitter", quitter.signal));
        visits.push(visit("c"));
        quitter.abort();
        visits.push(visit("d"));
        first.release();
        await Promise.all(visits);
        await quit;
        expect(order).toEqual(["a", "b", "c", "d"]);
      });

      it("[L4, L6, G1, T2, T32] hands over within release: the lock is not free for a newcomer of the same step", async () => {
        const [lock, holder] = await taken();
        const waiter = watch(lock.acquire());
        holder.release();
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        expect(lock.tryAcquire()).toBeNull();
        const newcomer = watch(lock.acquire());
        await settle();
        expect([waiter.state, newcomer.state]).toEqual(["fulfilled", "pending"]);
        waiter.value?.release();
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        await settle();
        expect(newcomer.state).toBe("fulfilled");
        newcomer.value?.release();
        await expectLikeNew(lock);
      });

      it("[L4, L14, G10, T5] tryAcquire takes a free lock at once, never overtakes, and changes nothing when it fails", async () => {
        const lock = make();
        const token = lock.tryAcquire();
        expect(token?.held).toBe(true);
        const before = lock.snapshot();
        expect(lock.tryAcquire()).toBeNull();
        expect(lock.snapshot()).toEqual(before);
        const waiter = lock.acquire();
        token?.release();
        expect(lock.tryAcquire()).toBeNull();
        (await waiter).release();
        const again = lock.tryAcquire();
        expect(again?.held).toBe(true);
        again?.release();
        await expectLikeNew(lock);
      });

      it("[L5, L6, G1] lets every waiter in exactly once when every holder leaves", async () => {
        const lock = make();
        const order: number[] = [];
        await Promise.all(
          Array.from({ length: 50 }, async (_, index) => {
            const token = await lock.acquire();
            order.push(index);
            token.release();
            expect(lock.waiters === 0 || lock.locked).toBe(true);
          }),
        );
        expect(order).toEqual(Array.from({ length: 50 }, (_, index) => index));
        await expectLikeNew(lock);
      });
    });

    describe("lets waiters give up", () => {
      const reasons: readonly unknown[] = [new Error("mine"), "a string", 0, "", null, false, { then: null }];

      for (const reason of reasons)
        it(`[L7, G7, T6] rejects an aborted waiter with the very reason, here ${JSON.stringify(reason)}, and with nothing else`, async () => {
          const [lock, holder] = await taken();
          const controller = new AbortController();
          const request = lock.acquire({ signal: controller.signal });
          const behind = watch(lock.acquire());
          controller.abort(reason);
          expect(countsOf(lock)).toEqual([true, 1, 1]);
          expect(Object.is(await reasonOf(request), reason)).toBe(true);
          expect(behind.state).toBe("pending");
          holder.release();
          await settle();
          expect(behind.state).toBe("fulfilled");
          behind.value?.release();
          await expectLikeNew(lock);
        });

      it("[L7, G7] rejects with the platform's own reason where abort() is given none", async () => {
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const request = lock.acquire({ signal: controller.signal });
        controller.abort();
        const reason = await reasonOf(request);
        expect(reason).toBe(controller.signal.reason);
        expect(reason).toMatchObject({ name: "AbortError" });
        holder.release();
      });

      it("[T6] keeps the others in order when one in the middle gives up, and loses no turn", async () => {
        const [lock, holder] = await taken();
        const order: number[] = [];
        const controllers = Array.from({ length: 5 }, () => new AbortController());
        const visits = controllers.map(async ({ signal }, index) => {
          const token = await lock.acquire({ signal });
          order.push(index);
          token.release();
        });
        const outcomes = visits.map((visit) => watch(visit));
        controllers[2]?.abort();
        controllers[4]?.abort();
        await settle();
        expect(outcomes.map(({ state }) => state)).toEqual([
          "pending",
          "pending",
          "rejected",
          "pending",
          "rejected",
        ]);
        expect(lock.waiters).toBe(3);
        holder.release();
        await settle();
        expect(order).toEqual([0, 1, 3]);
        await expectLikeNew(lock);
      });

      it("[L7, L16] never grants a waiter whose signal reads aborted, though another listener of that abort released first", async () => {
        const [lock, holder] = await taken();
        const controller = new AbortController();
        controller.signal.addEventListener("abort", () => {
          holder.release();
        });
        const doomed = watch(lock.acquire({ signal: controller.signal }));
        const doomedToo = watch(lock.acquire({ signal: controller.signal }));
        const behind = watch(lock.acquire());
        controller.abort("gone");
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        await settle();
        expect([doomed.state, doomedToo.state, behind.state]).toEqual(["rejected", "rejected", "fulfilled"]);
        expect([doomed.reason, doomedToo.reason]).toEqual(["gone", "gone"]);
        expect(listeners(controller.signal)).toBe(1);
        behind.value?.release();
        await expectLikeNew(lock);
      });

      it("[L8, L6, G3, T30] moves on in the same call when those at the head of the queue give up as the holder leaves", async () => {
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const doomed = Array.from({ length: 3 }, () => watch(lock.acquire({ signal: controller.signal })));
        const behind = watch(lock.acquire());
        controller.abort("gone");
        expect(countsOf(lock)).toEqual([true, 1, 1]);
        holder.release();
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        await settle();
        expect(doomed.map(({ state }) => state)).toEqual(["rejected", "rejected", "rejected"]);
        expect(behind.state).toBe("fulfilled");
        behind.value?.release();
      });

      it("[L9, G4, T8] lets a grant stand that came first, also before its owner has heard of it", async () => {
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const request = lock.acquire({ signal: controller.signal });
        holder.release();
        controller.abort();
        const token = await request;
        expect(token.held).toBe(true);
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        token.release();
        await expectLikeNew(lock);
      });

      it("[L9, G4, T8] lets an abort stand that came first, and passes the lock on", async () => {
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const request = watch(lock.acquire({ signal: controller.signal }));
        controller.abort("first");
        holder.release();
        expect(countsOf(lock)).toEqual([false, 0, 0]);
        await settle();
        expect(request).toMatchObject({ state: "rejected", reason: "first" });
        await expectLikeNew(lock);
      });

      it("[L9, G4] lets a grant stand on a free lock whose caller aborts in the same step", async () => {
        const lock = make();
        const controller = new AbortController();
        const request = lock.acquire({ signal: controller.signal });
        controller.abort();
        const token = await request;
        expect(token.held).toBe(true);
        token.release();
      });

      it("[L10, G5, T7] rejects with the reason of a signal that is aborted already, and leaves a free lock untouched", async () => {
        const lock = make();
        const signal = AbortSignal.abort("before");
        const request = lock.acquire({ signal, label: "never" });
        expect(countsOf(lock)).toEqual([false, 0, 0]);
        expect(await reasonOf(request)).toBe("before");
        const body = vi.fn();
        expect(await reasonOf(lock.with(body, { signal, timeout: 0 }))).toBe("before");
        expect(body).not.toHaveBeenCalled();
        expect(listeners(signal)).toBe(0);
        await expectLikeNew(lock);
      });

      it("[L10, G5, T7] rejects an aborted caller without a place in the queue of a held lock", async () => {
        const [lock, holder] = await taken();
        const request = reasonOf(lock.acquire({ signal: AbortSignal.abort("before"), timeout: 5 }));
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        expect(await request).toBe("before");
        holder.release();
        await expectLikeNew(lock);
      });

      it("[G6, T8] never runs the body of a with whose signal is aborted between the grant and the body", async () => {
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const body = vi.fn();
        const request = watch(lock.with(body, { signal: controller.signal }));
        const behind = watch(lock.acquire());
        holder.release();
        controller.abort("late");
        await settle();
        expect(body).not.toHaveBeenCalled();
        expect(request).toMatchObject({ state: "rejected", reason: "late" });
        expect(behind.state).toBe("fulfilled");
        behind.value?.release();
        await expectLikeNew(lock);
      });

      it("[T22] does not disturb a body that runs when its signal aborts, and hands its result through", async () => {
        const lock = make();
        const controller = new AbortController();
        const work = gate<string>();
        const request = watch(lock.with(() => work.promise, { signal: controller.signal }));
        expect(listeners(controller.signal)).toBe(0);
        controller.abort();
        await settle();
        expect(request.state).toBe("pending");
        expect(lock.locked).toBe(true);
        work.open("done");
        await settle();
        expect(request).toMatchObject({ state: "fulfilled", value: "done" });
        expect(lock.locked).toBe(false);
      });

      it("[L11, G8] has one listener per signal, however many wait with it, and none once they are through", async () => {
        const warned = vi.fn();
        process.on("warning", warned);
        const [lock, holder] = await taken();
        const { signal } = new AbortController();
        const requests = Array.from({ length: 10_000 }, () => lock.acquire({ signal }));
        expect(listeners(signal)).toBe(1);
        holder.release();
        for (const request of requests) (await request).release();
        expect(listeners(signal)).toBe(0);
        await settle();
        process.off("warning", warned);
        expect(warned).not.toHaveBeenCalled();
        await expectLikeNew(lock);
      });

      it("[L11, G8] has one listener per signal also where those who wait use several in turn", async () => {
        const [lock, holder] = await taken();
        const signals = [1, 2, 3].map(() => new AbortController().signal);
        const requests = Array.from({ length: 30 }, (_, n) => lock.acquire({ signal: signals[n % 3] }));
        expect(signals.map((signal) => listeners(signal))).toEqual([1, 1, 1]);
        holder.release();
        for (const request of requests) (await request).release();
        expect(signals.map((signal) => listeners(signal))).toEqual([0, 0, 0]);
      });

      it("[L3, L7, L19, T6, T9] keeps its order while the queue grows and shrinks, whoever leaves it and from where", async () => {
        const [lock, first] = await taken();
        let holder: LockToken = first;
        let queue: {
          readonly label: string;
          readonly controller: AbortController;
          readonly request: Promise<LockToken>;
        }[] = [];
        // Always the same numbers.
        let seed = 7;
        const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
        const shown = (): unknown => lock.snapshot().pending.map(({ label }) => label);
        for (let round = 0; round < 1500; round += 1) {
          const what = random(round % 300 < 150 ? 10 : 16);
          if (what < 6) {
            const controller = new AbortController();
            const label = `w${round}`;
            const request = lock.acquire({ label, signal: controller.signal });
            queue.push({ label, controller, request });
          } else if (what < 12 && queue.length > 0) {
            const [gone] = queue.splice(random(queue.length), 1);
            gone?.controller.abort("gone");
            expect(await reasonOf(gone?.request ?? Promise.resolve())).toBe("gone");
          } else if (queue.length > 0) {
            holder.release();
            const [next, ...rest] = queue;
            queue = rest;
            holder = (await next?.request) ?? holder;
          }
          if (round % 10 === 0) expect(shown()).toEqual(queue.map(({ label }) => label));
        }
        for (const { controller, request } of queue) {
          controller.abort();
          await reasonOf(request);
        }
        holder.release();
        await expectLikeNew(lock);
      });

      it("[L11, G8, T9, T10] keeps no listener, timer or queue entry after any outcome", async () => {
        vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
        const outcomes: Record<string, (lock: ExclusiveLock, holder: LockToken, abort: () => void) => void> =
          {
            grant: (_, holder) => {
              holder.release();
            },
            abort: (_lock, _holder, abort) => {
              abort();
            },
            timeout: () => {
              vi.advanceTimersByTime(50);
            },
            cancel: (lock) => {
              lock.cancelWaiters("canceled");
            },
            close: (lock) => {
              lock.close("closed");
            },
          };
        for (const [outcome, end] of Object.entries(outcomes)) {
          const [lock, holder] = await taken();
          const controller = new AbortController();
          const { signal } = controller;
          const requests = [1, 2].map(() => watch(lock.acquire({ signal, timeout: 50, label: outcome })));
          expect([listeners(signal), vi.getTimerCount(), lock.waiters]).toEqual([1, 2, 2]);
          end(lock, holder, () => {
            controller.abort();
          });
          await settle();
          if (outcome === "grant") {
            requests[0]?.value?.release();
            await settle();
            requests[1]?.value?.release();
          }
          expect(requests.map(({ state }) => state)).toEqual(
            Array(2).fill(outcome === "grant" ? "fulfilled" : "rejected"),
          );
          expect([listeners(signal), vi.getTimerCount(), lock.waiters]).toEqual([0, 0, 0]);
          expect(lock.snapshot().pending).toEqual([]);
          holder.release();
          expect(countsOf(lock)).toEqual([false, 0, 0]);
        }
      });

      it("[L11, G8, G12, T9] keeps nothing of 10,000 waiters that gave up, though the holder never leaves", async () => {
        const [lock] = await taken();
        const controllers: AbortController[] = [];
        const outcomes: Promise<unknown>[] = [];
        const kept: WeakRef<AbortSignal>[] = [];
        for (let count = 0; count < 10_000; count += 1) {
          const controller = new AbortController();
          controllers.push(controller);
          kept.push(new WeakRef(controller.signal));
          outcomes.push(reasonOf(lock.acquire({ signal: controller.signal })));
        }
        expect(lock.waiters).toBe(10_000);
        for (const controller of controllers) controller.abort();
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        await Promise.all(outcomes);
        controllers.length = outcomes.length = 0;
        await settle();
        collect();
        expect(kept.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(100);
      });

      it("[L11, G11, T10] leaves no rejection unhandled but the one it returned", async () => {
        const unhandled = vi.fn();
        process.on("unhandledRejection", unhandled);
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const { signal } = controller;
        const rejections = [
          lock.acquire({ signal }),
          lock.with(() => 1, { signal }),
          lock.wrap(() => 1, { signal })(),
          lock.whenIdle({ signal }),
          lock.acquire({ timeout: 0 }),
        ].map((request) => reasonOf(request));
        controller.abort();
        await Promise.all(rejections);
        const late = [lock.acquire(), lock.with(() => 1), lock.acquire({ label: "late" })].map(reasonOf);
        lock.close();
        await Promise.all(late);
        await settle();
        process.off("unhandledRejection", unhandled);
        expect(unhandled).not.toHaveBeenCalled();
        holder.release();
      });
    });

    describe("binds a token to its grant", () => {
      it("[L12, G9, T3, T29] does nothing when released or disposed again, also while somebody else is inside", async () => {
        const [lock, first] = await taken();
        const second = lock.acquire();
        const third = watch(lock.acquire());
        first.release();
        expect(first.held).toBe(false);
        first.release();
        first[Symbol.dispose]();
        expect(countsOf(lock)).toEqual([true, 1, 1]);
        const token = await second;
        first.release();
        first[Symbol.dispose]();
        expect(token.held).toBe(true);
        expect(countsOf(lock)).toEqual([true, 1, 1]);
        expect(third.state).toBe("pending");
        token[Symbol.dispose]();
        expect(token.held).toBe(false);
        await settle();
        expect(third.state).toBe("fulfilled");
        third.value?.release();
        await expectLikeNew(lock);
      });

      it("[L12, G9, L15] stays exclusive when stale tokens are released at every moment", async () => {
        const lock = make();
        const stale: LockToken[] = [];
        let inside = 0;
        await Promise.all(
          Array.from({ length: 30 }, async () => {
            const token = await lock.acquire();
            expect((inside += 1)).toBe(1);
            for (const old of stale) old.release();
            await Promise.resolve();
            for (const old of stale) old[Symbol.dispose]();
            expect(token.held).toBe(true);
            inside -= 1;
            stale.push(token);
            token.release();
            token.release();
          }),
        );
        await expectLikeNew(lock);
      });

      it("[T35] cannot be released below zero: no token and no body can free what it does not hold", async () => {
        const lock = make();
        let inner: LockToken | undefined;
        await lock.with((token) => {
          inner = token;
          token.release();
          expect(countsOf(lock)).toEqual([false, 0, 0]);
          token.release();
        });
        inner?.release();
        await expectLikeNew(lock);
      });

      it("[L12, G9] frees nobody else when a body releases early and the lock has passed on by its end", async () => {
        const lock = make();
        const work = gate();
        const early = lock.with(async (token) => {
          token.release();
          await work.promise;
        });
        const token = lock.tryAcquire();
        work.open();
        await early;
        expect(token?.held).toBe(true);
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        token?.release();
      });
    });

    describe("releases on every way out", () => {
      it("[L13, L2] starts the body at once where the lock is free, and hands its result through", async () => {
        const lock = make();
        const body = vi.fn((token: LockToken) => {
          expect(token.held).toBe(true);
          expect(countsOf(lock)).toEqual([true, 1, 0]);
          return "result";
        });
        const result = lock.with(body);
        expect(body).toHaveBeenCalledTimes(1);
        expect(countsOf(lock)).toEqual([false, 0, 0]);
        expect(await result).toBe("result");
      });

      it("[L13] holds until what the body returned has settled", async () => {
        const lock = make();
        const work = gate<number>();
        const result = lock.with(() => work.promise);
        await settle();
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        work.open(5);
        expect(await result).toBe(5);
        await expectLikeNew(lock);
      });

      const thenable = {
        then: (resolve: (value: unknown) => void) => {
          resolve("adopted");
        },
      };
      const failures: Record<string, unknown> = {
        "an error": new Error("mine"),
        undefined: undefined,
        "a string": "mine",
        "a thenable": thenable,
        "a promise": Promise.resolve("adopted"),
      };

      for (const [what, failure] of Object.entries(failures)) {
        it(`[L13, T4, T15] passes on ${what} that the body throws, as it is, and lets the next in`, async () => {
          const lock = make();
          const request = lock.with(() => {
            throw failure;
          });
          expect((await rejectionOf(request)).reason).toBe(failure);
          await expectLikeNew(lock);
        });

        it(`[L13, T4, T15] passes on ${what} that the body rejects with, as it is, and lets the next in`, async () => {
          const [lock, holder] = await taken();
          const request = lock.with(async () => {
            await Promise.resolve();
            throw failure;
          });
          const behind = lock.with(() => "next");
          holder.release();
          expect((await rejectionOf(request)).reason).toBe(failure);
          expect(await behind).toBe("next");
          await expectLikeNew(lock);
        });

        it(`[L13, T4] passes on ${what} that a body throws which had to wait`, async () => {
          const [lock, holder] = await taken();
          const request = lock.with(() => {
            throw failure;
          });
          holder.release();
          expect((await rejectionOf(request)).reason).toBe(failure);
          await expectLikeNew(lock);
        });
      }

      it("[L13] waits for a foreign thenable, object or function, and releases when it is done", async () => {
        const lock = make();
        let finish: ((value: number) => void) | undefined;
        const foreign = { then: (resolve: (value: number) => void) => void (finish = resolve) };
        const result = lock.with(() => foreign);
        await settle();
        expect(lock.locked).toBe(true);
        finish?.(7);
        finish?.(8);
        expect(await result).toBe(7);
        const callable = Object.assign(() => undefined, {
          then: (resolve: (value: number) => void) => {
            resolve(9);
          },
        });
        expect(await lock.with(() => callable)).toBe(9);
        await expectLikeNew(lock);
      });

      it("[L13] releases when the then of what the body returned throws, or getting it does", async () => {
        const lock = make();
        const error = new Error("then");
        const throwing = {
          then: () => {
            throw error;
          },
        };
        expect(await reasonOf(lock.with(() => throwing))).toBe(error);
        expect(lock.locked).toBe(false);
        const trap = Object.defineProperty({}, "then", {
          get: () => {
            throw error;
          },
        });
        expect(await reasonOf(lock.with(() => trap))).toBe(error);
        await expectLikeNew(lock);
      });

      it("[L13] releases a token at the end of its scope, whether that returns, throws or breaks off", async () => {
        const lock = make();
        const use = async (body: () => void): Promise<void> => {
          const token = await lock.acquire();
          try {
            body();
          } finally {
            token[Symbol.dispose]();
          }
        };
        await use(() => undefined);
        expect(lock.locked).toBe(false);
        const error = new Error("mine");
        expect(
          await reasonOf(
            use(() => {
              throw error;
            }),
          ),
        ).toBe(error);
        await expectLikeNew(lock);
      });

      it("[L13] wraps a function with its own this and arguments, each call with a turn of its own", async () => {
        const lock = make();
        const account = {
          balance: 10,
          spend: lock.wrap(async function (this: { balance: number }, amount: number, times: number) {
            const before = this.balance;
            await Promise.resolve();
            this.balance = before - amount * times;
            return this.balance;
          }),
        };
        expect(await Promise.all([account.spend(1, 2), account.spend(3, 1)])).toEqual([8, 5]);
        const aborted = lock.wrap(() => "never", { signal: AbortSignal.abort("no") });
        expect(await reasonOf(aborted())).toBe("no");
        await expectLikeNew(lock);
      });
    });

    describe("limits the wait", () => {
      beforeEach(() => {
        vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      });

      it("[L17, L8, T21] rejects with a TimeoutError when the time is up, and leaves the holder and the others alone", async () => {
        const [lock, holder] = await taken();
        const request = watch(lock.acquire({ timeout: 50, label: "impatient" }));
        const behind = watch(lock.acquire());
        vi.advanceTimersByTime(49);
        await settle();
        expect(request.state).toBe("pending");
        vi.advanceTimersByTime(1);
        expect(countsOf(lock)).toEqual([true, 1, 1]);
        await settle();
        expect(request.state).toBe("rejected");
        expect(isLockError(request.reason, "ERR_TIMEOUT")).toBe(true);
        const error = request.reason as TimeoutError;
        expect([error.name, error.timeout]).toEqual(["TimeoutError", 50]);
        expect(error.message).toMatch(/50 ms.*"impatient"/);
        holder.release();
        await settle();
        expect(behind.state).toBe("fulfilled");
        behind.value?.release();
        await expectLikeNew(lock);
      });

      it("[L17] names it as the platform names the reason of AbortSignal.timeout()", async () => {
        const [lock, holder] = await taken();
        const error = (await reasonOf(lock.acquire({ timeout: 0 }))) as Error;
        vi.useRealTimers();
        const signal = AbortSignal.timeout(0);
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        expect(error.name).toBe((signal.reason as Error).name);
        expect(await reasonOf(lock.acquire({ signal }))).toBe(signal.reason);
        holder.release();
      });

      it("[L17, L14] takes timeout 0 as now or never, without a timer", async () => {
        const lock = make();
        const token = await lock.acquire({ timeout: 0 });
        const before = lock.snapshot();
        const refused = watch(lock.acquire({ timeout: 0, signal: new AbortController().signal }));
        expect([vi.getTimerCount(), lock.waiters]).toEqual([0, 0]);
        expect(lock.snapshot()).toEqual(before);
        await settle();
        expect(isLockError(refused.reason, "ERR_TIMEOUT")).toBe(true);
        const waiter = watch(lock.acquire());
        token.release();
        expect(isLockError(await reasonOf(lock.acquire({ timeout: 0 })), "ERR_TIMEOUT")).toBe(true);
        await settle();
        waiter.value?.release();
        await expectLikeNew(lock);
      });

      it("[L17, L11, T21] stops the timer with the grant, so it cannot come later", async () => {
        const [lock, holder] = await taken();
        const request = lock.acquire({ timeout: 50 });
        expect(vi.getTimerCount()).toBe(1);
        holder.release();
        expect(vi.getTimerCount()).toBe(0);
        const token = await request;
        vi.advanceTimersByTime(1000);
        expect(token.held).toBe(true);
        token.release();
        await lock.with(() => undefined, { timeout: 50 });
        expect(vi.getTimerCount()).toBe(0);
      });

      it("[L17] waits without end and without a timer for Infinity, and as long as a timer can for the rest", async () => {
        const [lock, holder] = await taken();
        const endless = watch(lock.acquire({ timeout: Infinity }));
        expect(vi.getTimerCount()).toBe(0);
        const longest = watch(lock.acquire({ timeout: 2 ** 31 - 1 }));
        expect(vi.getTimerCount()).toBe(1);
        vi.advanceTimersByTime(2 ** 31 - 2);
        await settle();
        expect([endless.state, longest.state]).toEqual(["pending", "pending"]);
        vi.advanceTimersByTime(1);
        await settle();
        expect([endless.state, longest.state]).toEqual(["pending", "rejected"]);
        holder.release();
        await settle();
        expect(endless.state).toBe("fulfilled");
        endless.value?.release();
      });

      it("[L17, L7] decides between abort and timeout by which comes first", async () => {
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const { signal } = controller;
        const late = watch(lock.acquire({ signal, timeout: 100 }));
        const early = watch(lock.acquire({ signal, timeout: 10 }));
        vi.advanceTimersByTime(10);
        controller.abort("aborted");
        vi.advanceTimersByTime(100);
        await settle();
        expect(late.reason).toBe("aborted");
        expect(isLockError(early.reason, "ERR_TIMEOUT")).toBe(true);
        holder.release();
        await expectLikeNew(lock);
      });
    });

    describe("can be emptied and closed", () => {
      it("[L18, L9, G4] rejects who waits and who comes later with an error of its own each, and lets the holder finish", async () => {
        const [lock, holder] = await taken();
        const waiting = watchAll([
          lock.acquire(),
          lock.acquire({ label: "second" }),
          lock.with(() => "never"),
        ]);
        expect(lock.closed).toBe(false);
        lock.close();
        expect(lock.closed).toBe(true);
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        expect(holder.held).toBe(true);
        expect(lock.tryAcquire()).toBeNull();
        const later = watchAll([lock.acquire(), lock.acquire({ timeout: 5 }), lock.with(() => "never")]);
        await settle();
        const errors = [...waiting, ...later].map(({ reason }) => reason);
        expect(errors.every((error) => isLockError(error, "ERR_CLOSED"))).toBe(true);
        expect(new Set(errors).size).toBe(6);
        holder.release();
        expect(countsOf(lock)).toEqual([false, 0, 0]);
        expect(lock.tryAcquire()).toBeNull();
        expect(isLockError(await reasonOf(lock.acquire()), "ERR_CLOSED")).toBe(true);
        await lock.whenIdle();
      });

      it("[L18] rejects with the reason that close was given first, as it is", async () => {
        for (const reason of [new Error("mine"), "", 0, null, { then: () => undefined }]) {
          const [lock, holder] = await taken();
          const waiting = [lock.acquire(), lock.acquire({ label: "second" })].map((request) =>
            watch(request),
          );
          lock.close(reason);
          lock.close("again");
          const later = watch(lock.acquire());
          await settle();
          for (const request of [...waiting, later]) {
            expect(request.state).toBe("rejected");
            expect(Object.is(request.reason, reason)).toBe(true);
          }
          holder.release();
        }
      });

      it("[L18, L10] answers an aborted caller of a closed lock with the signal's reason", async () => {
        const lock = make();
        lock.close("closed");
        expect(await reasonOf(lock.acquire({ signal: AbortSignal.abort("mine") }))).toBe("mine");
      });

      it("[L18, L9] lets a grant stand that came before the close, also before its owner has heard of it", async () => {
        const [lock, holder] = await taken();
        const request = lock.acquire();
        holder.release();
        lock.close();
        const token = await request;
        expect(token.held).toBe(true);
        token.release();
        expect(countsOf(lock)).toEqual([false, 0, 0]);
      });

      it("[L16, G3] cancels all who wait, tells how many, leaves the holder alone and stays open", async () => {
        const [lock, holder] = await taken();
        const waiting = watchAll([lock.acquire(), lock.acquire({ label: "second" }), lock.with(() => 1)]);
        expect(lock.cancelWaiters()).toBe(3);
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        expect(lock.cancelWaiters()).toBe(0);
        await settle();
        const errors = waiting.map(({ reason }) => reason);
        expect(errors.every((error) => isLockError(error, "ERR_CANCELED"))).toBe(true);
        expect(errors.every((error) => (error as Error).name === "AbortError")).toBe(true);
        expect(new Set(errors).size).toBe(3);
        const reason = new Error("mine");
        const more = [lock.acquire(), lock.acquire({ label: "second" })].map((request) => watch(request));
        expect(lock.cancelWaiters(reason)).toBe(2);
        await settle();
        for (const request of more) expect(request.reason).toBe(reason);
        holder.release();
        await expectLikeNew(lock);
      });

      it("[L18] refuses more waiters than it may have, with the limit in the error, and takes them again later", async () => {
        const lock = make({ maxWaiters: 2, label: "narrow" });
        const holder = await lock.acquire();
        const waiting = [lock.acquire(), lock.acquire()].map((request) => watch(request));
        const before = lock.snapshot();
        const error = await reasonOf(lock.acquire({ label: "third", signal: new AbortController().signal }));
        expect(isLockError(error, "ERR_QUEUE_FULL")).toBe(true);
        expect((error as QueueFullError).limit).toBe(2);
        expect((error as QueueFullError).message).toContain("narrow");
        expect(lock.snapshot()).toEqual(before);
        expect(isLockError(await reasonOf(lock.with(() => 1)), "ERR_QUEUE_FULL")).toBe(true);
        holder.release();
        const third = lock.acquire();
        await settle();
        waiting[0]?.value?.release();
        await settle();
        waiting[1]?.value?.release();
        (await third).release();
        await expectLikeNew(lock);
      });
    });

    describe("can be called from anywhere", () => {
      it("[L16] is the same from inside an abort listener as in a row", async () => {
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const other = new AbortController();
        const seen: unknown[] = [];
        const doomed = watch(lock.acquire({ signal: controller.signal }));
        const second = watch(lock.acquire({ signal: other.signal }));
        const third = watch(lock.acquire());
        const late: Promise<unknown>[] = [];
        controller.signal.addEventListener("abort", () => {
          seen.push(countsOf(lock));
          other.abort("both");
          seen.push(countsOf(lock));
          late.push(
            lock.acquire().then((token) => {
              token.release();
            }),
          );
          seen.push(lock.tryAcquire());
          holder.release();
          seen.push(countsOf(lock));
        });
        controller.abort("one");
        expect(seen).toEqual([[true, 1, 2], [true, 1, 1], null, [true, 1, 1]]);
        await settle();
        expect([doomed.reason, second.reason]).toEqual(["one", "both"]);
        third.value?.release();
        await Promise.all(late);
        await expectLikeNew(lock);
      });

      it("[L16] is the same from inside a body or a then callback as in a row", async () => {
        const lock = make();
        const order: string[] = [];
        await lock.with(async (token) => {
          const inner = lock.acquire().then((next) => {
            order.push("inner");
            expect(countsOf(lock)).toEqual([true, 1, 1]);
            const last = lock.tryAcquire();
            expect(last).toBeNull();
            next.release();
          });
          const after = lock.with(() => order.push("after"));
          order.push("body");
          token.release();
          await Promise.all([inner, after]);
        });
        expect(order).toEqual(["body", "inner", "after"]);
        await expectLikeNew(lock);
      });

      it("[L16, L18] may be closed or canceled from inside its own body and from an abort listener", async () => {
        const lock = make();
        const controller = new AbortController();
        const waiting: Promise<unknown>[] = [];
        await lock.with(() => {
          waiting.push(reasonOf(lock.acquire()), reasonOf(lock.acquire({ signal: controller.signal })));
          expect(lock.cancelWaiters("canceled")).toBe(2);
          waiting.push(reasonOf(lock.acquire({ signal: controller.signal })), reasonOf(lock.acquire()));
          controller.signal.addEventListener("abort", () => {
            lock.close("closed");
          });
          controller.abort("aborted");
        });
        expect(await Promise.all(waiting)).toEqual(["canceled", "canceled", "aborted", "closed"]);
        expect(countsOf(lock)).toEqual([false, 0, 0]);
      });

      it("[L22, G14] waits for itself when asked again by whoever is inside, and that wait can be given up", async () => {
        const lock = make();
        const controller = new AbortController();
        const reason = await lock.with(async () => {
          const inner = watch(lock.acquire({ signal: controller.signal }));
          await settle();
          expect(inner.state).toBe("pending");
          controller.abort("gave up");
          await settle();
          return inner.reason;
        });
        expect(reason).toBe("gave up");
        await expectLikeNew(lock);
      });

      it("[L20] runs a body in the context of its caller, not of whoever released", async () => {
        const storage = new AsyncLocalStorage<string>();
        const lock = make();
        const holder = await storage.run("holder", () => lock.acquire());
        const seen: (string | undefined)[] = [];
        const bodies = ["a", "b"].map((name) =>
          storage.run(name, () =>
            lock.with(async () => {
              seen.push(storage.getStore());
              await Promise.resolve();
              seen.push(storage.getStore());
            }),
          ),
        );
        const acquired = storage.run("c", async () => {
          const token = await lock.acquire();
          seen.push(storage.getStore());
          token.release();
        });
        storage.run("releaser", () => {
          holder.release();
        });
        await Promise.all([...bodies, acquired]);
        expect(seen).toEqual(["a", "a", "b", "b", "c"]);
        storage.run("free", () => void lock.with(() => seen.push(storage.getStore())));
        expect(seen.at(-1)).toBe("free");
      });
    });

    describe("tells what it is doing", () => {
      it("[L19, G13, T11] counts exactly and lists who waits in the order in which they will get in", async () => {
        const lock = make();
        expect(lock.snapshot()).toEqual({ held: [], pending: [] });
        const start = performance.now();
        const holder = await lock.acquire({ label: "holder" });
        const controller = new AbortController();
        const requests = [
          lock.acquire({ label: "a" }),
          lock.acquire(),
          lock.acquire({ label: "b", signal: controller.signal }),
          lock.acquire({ label: "c", timeout: 1000 }),
        ].map((request) => watch(request));
        const shown = (): unknown => {
          const { held, pending } = lock.snapshot();
          return [held.map(({ label }) => label), pending.map(({ label }) => label)];
        };
        expect(shown()).toEqual([["holder"], ["a", undefined, "b", "c"]]);
        const { held, pending } = lock.snapshot();
        for (const entry of [...held, ...pending]) expect(entry.mode).toBe(mode);
        expect(held[0]?.since).toBeGreaterThanOrEqual(start);
        expect(pending[0]?.since).toBeLessThanOrEqual(performance.now());
        expect(countsOf(lock)).toEqual([true, 1, 4]);
        controller.abort();
        expect(shown()).toEqual([["holder"], ["a", undefined, "c"]]);
        holder.release();
        expect(shown()).toEqual([["a"], [undefined, "c"]]);
        await settle();
        requests[0]?.value?.release();
        expect(shown()).toEqual([[undefined], ["c"]]);
        await settle();
        requests[1]?.value?.release();
        expect(shown()).toEqual([["c"], []]);
        await settle();
        requests[3]?.value?.release();
        await expectLikeNew(lock);
      });

      it("[L19] gives snapshots that do not change later", async () => {
        const [lock, holder] = await taken();
        const request = lock.acquire({ label: "a" });
        const before = lock.snapshot();
        const copy = structuredClone(before);
        holder.release();
        (await request).release();
        expect(before).toEqual(copy);
      });

      it("[L15, T36] is as new once all who held have released and all who asked have their answer", async () => {
        vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const requests = [
          lock.acquire({ signal: controller.signal }),
          lock.acquire({ timeout: 5 }),
          lock.acquire(),
          lock.acquire({ label: "canceled" }),
        ].map((request) => watch(request));
        controller.abort();
        vi.advanceTimersByTime(5);
        holder.release();
        expect(countsOf(lock)).toEqual([true, 1, 1]);
        lock.cancelWaiters();
        await settle();
        requests[2]?.value?.release();
        vi.useRealTimers();
        await expectLikeNew(lock);
      });

      it("[T11] tells whenIdle when nobody holds and nobody waits, and not before", async () => {
        const [lock, holder] = await taken();
        const idle = watch(lock.whenIdle());
        const waiter = lock.acquire();
        holder.release();
        const token = await waiter;
        await settle();
        expect(idle.state).toBe("pending");
        const again = watch(lock.whenIdle({ label: "again" }));
        token.release();
        expect(lock.tryAcquire()?.release()).toBeUndefined();
        await settle();
        expect([idle.state, again.state]).toEqual(["fulfilled", "fulfilled"]);
        await lock.whenIdle({ timeout: 0 });
      });

      it("[T11, L11] lets those who wait for it to be idle give up, and is not held up by them", async () => {
        vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const aborted = watch(lock.whenIdle({ signal: controller.signal }));
        const late = watch(lock.whenIdle({ timeout: 5 }));
        const never = watch(lock.whenIdle({ timeout: 0 }));
        const before = watch(lock.whenIdle({ signal: AbortSignal.abort("before") }));
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        controller.abort("mine");
        vi.advanceTimersByTime(5);
        await settle();
        expect(aborted.reason).toBe("mine");
        expect(before.reason).toBe("before");
        for (const { reason } of [late, never]) expect(isLockError(reason, "ERR_TIMEOUT")).toBe(true);
        expect([listeners(controller.signal), vi.getTimerCount()]).toEqual([0, 0]);
        holder.release();
        await expectLikeNew(lock);
      });
    });

    describe("scales", () => {
      it("[L21, G12] drains 100,000 waiters (fewer where observed) without overflowing the stack", async () => {
        const [lock, holder] = await taken();
        let count = 0;
        const visit = (token: LockToken): void => {
          count += 1;
          token.release();
        };
        const visits = Array.from({ length: many }, () => lock.acquire().then(visit));
        expect(lock.waiters).toBe(many);
        holder.release();
        await Promise.all(visits);
        expect(count).toBe(many);
        await expectLikeNew(lock);
      });

      it("[L21, L8, L16] survives 10,000 waiters whose signals all follow one parent that aborts", async () => {
        const [lock, holder] = await taken();
        const parent = new AbortController();
        const outcomes: Promise<unknown>[] = [];
        for (let count = 0; count < 10_000; count += 1)
          outcomes.push(reasonOf(lock.acquire({ signal: AbortSignal.any([parent.signal]) })));
        const behind = lock.acquire();
        expect(lock.waiters).toBe(10_001);
        // The holder leaves while the first of them are told: all who wait behind read aborted by then.
        parent.signal.addEventListener("abort", () => {
          holder.release();
        });
        parent.abort("all");
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["all"]));
        (await behind).release();
        await expectLikeNew(lock);
      });

      it("[L21, L8] survives as many waiters of one signal that aborts as the holder leaves", async () => {
        const [lock, holder] = await taken();
        const controller = new AbortController();
        const { signal } = controller;
        const outcomes = Array.from({ length: many }, () => reasonOf(lock.acquire({ signal })));
        signal.addEventListener("abort", () => {
          holder.release();
        });
        controller.abort("all");
        expect(countsOf(lock)).toEqual([false, 0, 0]);
        expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["all"]));
        await expectLikeNew(lock);
      });

      it("[L18, L21] survives being closed with as many who wait", async () => {
        const [lock, holder] = await taken();
        const outcomes = Array.from({ length: many }, () => reasonOf(lock.acquire()));
        lock.close("closed");
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["closed"]));
        holder.release();
        expect(countsOf(lock)).toEqual([false, 0, 0]);
      });
    });

    describe("refuses misuse at once", () => {
      const wrong: readonly (readonly [options: unknown, Kind: typeof TypeError, naming: RegExp])[] = [
        [null, TypeError, /options.*null/],
        [5, TypeError, /options.*5/],
        ["soon", TypeError, /options.*soon/],
        [{ timeout: "5" }, TypeError, /timeout.*"5"/],
        [{ timeout: null }, TypeError, /timeout.*null/],
        [{ timeout: 5n }, TypeError, /timeout.*5/],
        [{ timeout: NaN }, RangeError, /timeout.*NaN/],
        [{ timeout: -1 }, RangeError, /timeout.*-1/],
        [{ timeout: 2 ** 31 }, RangeError, /timeout.*2147483648/],
        [{ timeout: -Infinity }, RangeError, /timeout.*-Infinity/],
        [{ signal: {} }, TypeError, /signal.*Object/],
        [{ signal: null }, TypeError, /signal.*null/],
        [{ signal: new AbortController() }, TypeError, /signal.*AbortController/],
        [{ signal: "abort" }, TypeError, /signal.*abort/],
        [{ label: 5 }, TypeError, /label.*5/],
        [{ label: Symbol("mine") }, TypeError, /label.*mine/],
        [{ label: null }, TypeError, /label.*null/],
      ];

      for (const [options, Kind, naming] of wrong) {
        const given = options as Record<string, never>;
        it(`[L22] throws a ${Kind.name} that matches ${String(naming)}, and changes nothing`, async () => {
          const lock = make();
          const body = vi.fn();
          const expectThrows = (call: () => unknown): void => {
            expect(call).toThrow(Kind);
            expect(call).toThrow(naming);
          };
          for (const held of [false, true]) {
            const holder = held ? lock.tryAcquire() : null;
            expectThrows(() => lock.acquire(given));
            expectThrows(() => lock.with(body, given));
            expectThrows(() => lock.wrap(body, given));
            expectThrows(() => lock.whenIdle(given));
            expect(countsOf(lock)).toEqual([held, held ? 1 : 0, 0]);
            holder?.release();
          }
          expect(body).not.toHaveBeenCalled();
          await expectLikeNew(lock);
        });
      }

      it("[L22] throws a TypeError for a body that is no function, and changes nothing", async () => {
        const lock = make();
        for (const body of [undefined, null, 5, "f", {}, Promise.resolve()]) {
          expect(() => lock.with(body as never)).toThrow(TypeError);
          expect(() => lock.wrap(body as never)).toThrow(/fn must be a function, received/);
        }
        await expectLikeNew(lock);
      });

      it("[L22] accepts options that say nothing, and explicit undefined", async () => {
        const lock = make();
        (await lock.acquire({})).release();
        (await lock.acquire({ signal: undefined, timeout: undefined, label: undefined })).release();
        (await lock.acquire({ label: "" })).release();
        await expectLikeNew(lock);
      });
    });

    describe("can be observed", () => {
      it("[L19, T11] tells wait, grant and release of one request in order, as one object with all that is known of it", async () => {
        const lock = make({ label: "the lock" });
        const listener = observe();
        const holder = await lock.acquire({ label: "holder" });
        const request = lock.acquire({ label: "waiter" });
        holder.release();
        const token = await request;
        token.release();
        listener.stop();
        expect(listener.events.map(({ name: event, request: { label } }) => [event, label])).toEqual([
          ["grant", "holder"],
          ["wait", "waiter"],
          ["release", "holder"],
          ["grant", "waiter"],
          ["release", "waiter"],
        ]);
        expect(listener.histories.size).toBe(2);
        const [first, second] = [...listener.histories.keys()];
        expect(first).toMatchObject({ mode, keys: keys ?? [], waited: 0 });
        expect(second).toMatchObject({ mode, keys: keys ?? [] });
        expect(second?.waited).toBeGreaterThan(0);
        expect(second?.token).toBe(token);
        expect(second?.lock.name).toContain("the lock");
      });

      it("[L17, G7] tells abort and timeout instead of a grant, and nothing of who never waited", async () => {
        vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
        const lock = make();
        const listener = observe();
        const holder = lock.tryAcquire();
        const controller = new AbortController();
        const outcomes = [
          lock.acquire({ label: "aborted", signal: controller.signal }),
          lock.acquire({ label: "late", timeout: 5 }),
          lock.acquire({ label: "canceled" }),
          lock.acquire({ label: "before", signal: AbortSignal.abort() }),
          lock.acquire({ label: "zero", timeout: 0 }),
        ].map(reasonOf);
        controller.abort("mine");
        vi.advanceTimersByTime(5);
        lock.cancelWaiters("canceled");
        await Promise.all(outcomes);
        holder?.release();
        listener.stop();
        const told = new Map([...listener.histories].map(([{ label }, history]) => [label, history]));
        expect(told).toEqual(
          new Map([
            [undefined, ["grant", "release"]],
            ["aborted", ["wait", "abort"]],
            ["late", ["wait", "timeout"]],
            ["canceled", ["wait", "abort"]],
          ]),
        );
        const reasons = [...listener.histories.keys()].map(({ reason }) => reason);
        expect(reasons.slice(1)).toEqual([
          "mine",
          expect.objectContaining({ name: "TimeoutError" }),
          "canceled",
        ]);
      });

      it("[G13] has the lock in its new state when it tells of it", async () => {
        const lock = make();
        const seen: unknown[] = [];
        const listener = observe();
        const requests: Promise<LockToken>[] = [];
        requests.push(lock.acquire(), lock.acquire());
        const before = listener.events.length;
        const [first, second] = requests;
        (await first)?.release();
        seen.push(countsOf(lock));
        (await second)?.release();
        seen.push(countsOf(lock));
        listener.stop();
        expect(before).toBe(2);
        expect(seen).toEqual([
          [true, 1, 0],
          [false, 0, 0],
        ]);
      });

      for (const end of ["cancel", "abort", "timeout"] as const)
        // A known mistake: cancelWaiters() drops who asks while it tells of those that it cancels; they never settle.
        it(`[L16, G3] may be asked for, tried and released from within what it tells: after ${end}`, async () => {
          vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
          const lock = make();
          const holder = await lock.acquire();
          const controller = new AbortController();
          const doomed = ["a", "b"].map((label) =>
            watch(lock.acquire({ label, signal: controller.signal, timeout: 5 })),
          );
          const late: Promise<LockToken>[] = [];
          const tried: unknown[] = [];
          const stop = onEvent(end === "timeout" ? "timeout" : "abort", () => {
            tried.push(lock.tryAcquire());
            late.push(lock.acquire());
          });
          if (end === "cancel") expect(lock.cancelWaiters("gone")).toBe(2);
          else if (end === "abort") controller.abort("gone");
          else vi.advanceTimersByTime(5);
          stop();
          expect(tried).toEqual([null, null]);
          expect(countsOf(lock)).toEqual([true, 1, 2]);
          await settle();
          expect(doomed.map(({ state }) => state)).toEqual(["rejected", "rejected"]);
          const stopReleasing = onEvent("grant", ({ token }) => {
            token?.release();
          });
          holder.release();
          stopReleasing();
          for (const request of late) (await request).release();
          vi.useRealTimers();
          await expectLikeNew(lock);
        });

      for (const end of ["cancel", "close"] as const)
        // A known mistake: both take what they see once for what is there later, take it out twice, and then look for ever
        // for the first of minus one waiters. Skipped, because nothing stops a test that never returns.
        it(`[L16, L9, G13] counts right when a waiter is aborted from within what is told of another: during ${end}`, async () => {
          const lock = make();
          const holder = await lock.acquire();
          const controllers = [new AbortController(), new AbortController(), new AbortController()];
          const doomed = controllers.map(({ signal }) => watch(lock.acquire({ signal, label: "doomed" })));
          const stop = onEvent("abort", () => {
            for (const controller of controllers) controller.abort("aborted");
          });
          if (end === "cancel") lock.cancelWaiters("canceled");
          else lock.close("closed");
          stop();
          expect(countsOf(lock)).toEqual([true, 1, 0]);
          expect(lock.snapshot().pending).toEqual([]);
          await settle();
          expect(doomed.map(({ state }) => state)).toEqual(["rejected", "rejected", "rejected"]);
          holder.release();
          if (end === "cancel") await expectLikeNew(lock);
          else expect(countsOf(lock)).toEqual([false, 0, 0]);
        });

      it("[G4, T3] can be watched from the middle of a hold on: a release of somebody unknown is no event", async () => {
        const lock = make();
        observer?.stop();
        const holder = await lock.acquire();
        const waiting = lock.acquire();
        const listener = observe();
        holder.release();
        (await waiting).release();
        (await lock.acquire()).release();
        listener.stop();
        expect([...listener.histories.values()]).toEqual([["grant", "release"]]);
      });
    });
  });
}

function countsOf(lock: ExclusiveLock): readonly [locked: boolean, holders: number, waiters: number] {
  return [lock.locked, lock.holders, lock.waiters];
}
