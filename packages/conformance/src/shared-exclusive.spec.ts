import type { LockToken } from "@holdfast/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SharedExclusiveLock, SharedExclusiveSubject } from "./subject.js";
import { gate, observe, reasonOf, referee, type Referee, settle, watch } from "./tools.js";

/** Everything that a lock must do which many may share or one may have alone, and which lets in first who asked first. */
export function sharedExclusiveLockSuite(name: string, subject: SharedExclusiveSubject): void {
  const { make, makeLimited, modes, observed, downgrade, tryUpgrade } = subject;
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

    async function expectLikeNew(lock: SharedExclusiveLock): Promise<void> {
      expect(countsOf(lock)).toEqual([false, 0, 0]);
      expect(lock.snapshot()).toEqual({ held: [], pending: [] });
      await lock.whenIdle();
      const alone = lock.exclusive.tryAcquire();
      expect(alone?.held).toBe(true);
      expect(lock.shared.tryAcquire()).toBeNull();
      alone?.release();
      const both = [lock.shared.tryAcquire(), lock.shared.tryAcquire()];
      expect(lock.exclusive.tryAcquire()).toBeNull();
      for (const token of both) token?.release();
      expect(countsOf(lock)).toEqual([false, 0, 0]);
    }

    it("[RW1, T23] lets many share", async () => {
      const lock = make();
      const tokens = await Promise.all([lock.shared.acquire(), lock.shared.acquire(), lock.shared.acquire()]);
      expect(countsOf(lock)).toEqual([true, 3, 0]);
      expect(tokens.every(({ held }) => held)).toBe(true);
      for (const token of tokens) token.release();
      await expectLikeNew(lock);
    });

    it("[RW1, L1, T24] keeps out who wants it alone while it is shared", async () => {
      const lock = make();
      const first = await lock.shared.acquire();
      const second = lock.shared.tryAcquire();
      const writer = watch(lock.exclusive.acquire());
      expect(lock.exclusive.tryAcquire()).toBeNull();
      first.release();
      await settle();
      expect(writer.state).toBe("pending");
      second?.release();
      expect(countsOf(lock)).toEqual([true, 1, 0]);
      await settle();
      expect(writer.state).toBe("fulfilled");
      writer.value?.release();
      await expectLikeNew(lock);
    });

    it("[RW1, L1, T24, T25] keeps out everybody while one has it alone", async () => {
      const lock = make();
      const writer = await lock.exclusive.acquire();
      expect([lock.shared.tryAcquire(), lock.exclusive.tryAcquire()]).toEqual([null, null]);
      const reader = watch(lock.shared.acquire());
      const next = watch(lock.exclusive.acquire());
      await settle();
      expect([reader.state, next.state]).toEqual(["pending", "pending"]);
      writer.release();
      await settle();
      expect([reader.state, next.state]).toEqual(["fulfilled", "pending"]);
      reader.value?.release();
      await settle();
      expect(next.state).toBe("fulfilled");
      next.value?.release();
      await expectLikeNew(lock);
    });

    it("[L1, RW1, T1] never lets a writer in beside anybody: writers count in one variable and readers see no half of it", async () => {
      const lock = make();
      let left = 0;
      let right = 0;
      let readers = 0;
      let writers = 0;
      let together = 0;
      const write = async (): Promise<void> => {
        for (let round = 0; round < 50; round += 1) {
          await lock.exclusive.with(async () => {
            expect([readers, (writers += 1)]).toEqual([0, 1]);
            const before = left;
            left = before + 1;
            await Promise.resolve();
            right += 1;
            writers -= 1;
          });
        }
      };
      const read = async (turns: number): Promise<void> => {
        for (let round = 0; round < 50; round += 1) {
          const token = await lock.shared.acquire();
          together = Math.max(together, (readers += 1));
          expect(writers).toBe(0);
          for (let turn = 0; turn < turns; turn += 1) {
            expect(left).toBe(right);
            await Promise.resolve();
          }
          readers -= 1;
          token.release();
        }
      };
      await Promise.all([write(), read(1), read(2), write(), read(3), write(), read(4)]);
      expect([left, right]).toEqual([150, 150]);
      expect(together).toBeGreaterThan(1);
      await expectLikeNew(lock);
    });

    it("[RW2, L4, T26] makes who wants to share wait behind a writer that waits, though it is shared at the moment", async () => {
      const lock = make();
      const first = await lock.shared.acquire();
      const order: string[] = [];
      const note = (who: string) => (token: LockToken) => {
        order.push(who);
        token.release();
      };
      const writer = lock.exclusive.acquire().then(note("writer"));
      const late = lock.shared.acquire().then(note("late reader"));
      expect(lock.shared.tryAcquire()).toBeNull();
      expect(countsOf(lock)).toEqual([true, 1, 2]);
      first.release();
      expect(countsOf(lock)).toEqual([true, 1, 1]);
      await Promise.all([writer, late]);
      expect(order).toEqual(["writer", "late reader"]);
      await expectLikeNew(lock);
    });

    it("[RW3, L6, T28] lets all in together who share and wait before the next writer, when a writer leaves", async () => {
      const lock = make();
      const writer = await lock.exclusive.acquire();
      const group = [1, 2, 3].map(() => watch(lock.shared.acquire()));
      const second = watch(lock.exclusive.acquire());
      const after = watch(lock.shared.acquire());
      writer.release();
      expect(countsOf(lock)).toEqual([true, 3, 2]);
      expect(lock.snapshot().held.map(({ mode }) => mode)).toEqual(Array(3).fill(modes.shared));
      await settle();
      expect(group.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
      expect([second.state, after.state]).toEqual(["pending", "pending"]);
      for (const { value } of group) value?.release();
      await settle();
      expect([second.state, after.state]).toEqual(["fulfilled", "pending"]);
      second.value?.release();
      await settle();
      after.value?.release();
      await expectLikeNew(lock);
    });

    it("[RW4, T27, L5] lets each in after those alone who asked before: writers and groups of readers take turns", async () => {
      const lock = make();
      const order: string[] = [];
      const visit = async (side: "shared" | "exclusive", who: string): Promise<void> => {
        const token = await lock[side].acquire();
        order.push(who);
        await Promise.resolve();
        token.release();
      };
      await Promise.all([
        visit("shared", "r1"),
        visit("shared", "r2"),
        visit("exclusive", "w1"),
        visit("shared", "r3"),
        visit("exclusive", "w2"),
        visit("exclusive", "w3"),
        visit("shared", "r4"),
        visit("shared", "r5"),
      ]);
      expect(order).toEqual(["r1", "r2", "w1", "r3", "w2", "w3", "r4", "r5"]);
      await expectLikeNew(lock);
    });

    it("[T27, L5] starves nobody: a reader gets in though new writers come all the time, and a writer though readers do", async () => {
      for (const [busy, quiet] of [
        ["exclusive", "shared"],
        ["shared", "exclusive"],
      ] as const) {
        const lock = make();
        let done = false;
        let bypassed = 0;
        const stream = async (): Promise<void> => {
          let token = await lock[busy].acquire();
          for (let round = 0; !done && round < 1000; round += 1) {
            const next = lock[busy].acquire();
            await Promise.resolve();
            token.release();
            token = await next;
            bypassed += 1;
          }
          token.release();
        };
        const streams = [stream(), stream()];
        await settle();
        done = false;
        const request = lock[quiet].acquire().then((token) => {
          done = true;
          token.release();
        });
        bypassed = 0;
        await Promise.all([...streams, request]);
        expect(bypassed).toBeLessThan(10);
        await expectLikeNew(lock);
      }
    });

    for (const how of ["aborts", "times out"] as const)
      it(`[RW5, L8, L6, G3, T30, T33] lets the readers behind in at once when the only writer that waits ${how}`, async () => {
        vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
        const lock = make();
        const first = await lock.shared.acquire();
        const controller = new AbortController();
        const writer = watch(lock.exclusive.acquire({ signal: controller.signal, timeout: 50 }));
        const behind = [watch(lock.shared.acquire()), watch(lock.shared.acquire({ label: "behind" }))];
        expect(countsOf(lock)).toEqual([true, 1, 3]);
        if (how === "aborts") controller.abort("gone");
        else vi.advanceTimersByTime(50);
        expect(countsOf(lock)).toEqual([true, 3, 0]);
        expect(first.held).toBe(true);
        await settle();
        expect(writer.state).toBe("rejected");
        expect(behind.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled"]);
        for (const { value } of behind) value?.release();
        first.release();
        await expectLikeNew(lock);
      });

    it("[RW5, L7, L8] lets the readers behind in at once when several writers give up with one signal, and they alone", async () => {
      const lock = make();
      const first = await lock.shared.acquire();
      const controller = new AbortController();
      const { signal } = controller;
      const requests = [
        lock.exclusive.acquire({ signal }),
        lock.shared.acquire(),
        lock.exclusive.acquire({ signal }),
        lock.shared.acquire({ signal }),
        lock.shared.acquire(),
        lock.exclusive.acquire(),
        lock.shared.acquire(),
      ].map((request) => watch(request));
      controller.abort("gone");
      expect(countsOf(lock)).toEqual([true, 3, 2]);
      await settle();
      expect(requests.map(({ state }) => state)).toEqual([
        "rejected",
        "fulfilled",
        "rejected",
        "rejected",
        "fulfilled",
        "pending",
        "pending",
      ]);
      first.release();
      requests[1]?.value?.release();
      requests[4]?.value?.release();
      await settle();
      requests[5]?.value?.release();
      await settle();
      requests[6]?.value?.release();
      await expectLikeNew(lock);
    });

    it("[T31, L7] does not delay the writer behind when a reader gives up that waited, and counts right", async () => {
      const lock = make();
      const first = await lock.exclusive.acquire();
      const controller = new AbortController();
      const reader = watch(lock.shared.acquire({ signal: controller.signal }));
      const writer = watch(lock.exclusive.acquire());
      controller.abort("gone");
      expect(countsOf(lock)).toEqual([true, 1, 1]);
      first.release();
      expect(countsOf(lock)).toEqual([true, 1, 0]);
      await settle();
      expect([reader.state, writer.state]).toEqual(["rejected", "fulfilled"]);
      writer.value?.release();
      await expectLikeNew(lock);
    });

    it("[T32, L6, G1] hands over to the writer within the release of the last reader", async () => {
      const lock = make();
      const readers = [lock.shared.tryAcquire(), lock.shared.tryAcquire()];
      const writer = lock.exclusive.acquire();
      readers[0]?.release();
      expect(countsOf(lock)).toEqual([true, 1, 1]);
      expect(lock.shared.tryAcquire()).toBeNull();
      readers[1]?.release();
      expect(countsOf(lock)).toEqual([true, 1, 0]);
      expect(lock.snapshot().held.map(({ mode }) => mode)).toEqual([modes.exclusive]);
      (await writer).release();
      await expectLikeNew(lock);
    });

    it("[RW8, T29, T35, L12, G9] never lets a stale token of either kind free anybody", async () => {
      const lock = make();
      const staleReader = await lock.shared.acquire();
      const staleWriter = lock.exclusive.acquire();
      staleReader.release();
      (await staleWriter).release();
      const stale = [staleReader, await staleWriter];
      const freeAgain = (): void => {
        for (const token of stale) {
          token.release();
          token[Symbol.dispose]();
          expect(token.held).toBe(false);
        }
      };

      const readers = [lock.shared.tryAcquire(), lock.shared.tryAcquire()];
      freeAgain();
      expect(countsOf(lock)).toEqual([true, 2, 0]);
      readers[0]?.release();
      readers[0]?.release();
      expect(countsOf(lock)).toEqual([true, 1, 0]);
      expect(lock.exclusive.tryAcquire()).toBeNull();
      readers[1]?.release();

      const writer = lock.exclusive.tryAcquire();
      freeAgain();
      readers[1]?.release();
      expect(writer?.held).toBe(true);
      expect([lock.shared.tryAcquire(), lock.exclusive.tryAcquire()]).toEqual([null, null]);
      writer?.release();
      await expectLikeNew(lock);
    });

    it("[L19, G13] shows who shares and who waits, each with their way and in order", async () => {
      const lock = make();
      const tokens = [await lock.shared.acquire({ label: "r1" }), lock.shared.tryAcquire()];
      const writer = lock.exclusive.acquire({ label: "w1" });
      const reader = lock.shared.acquire();
      const other = lock.shared.acquire({ label: "r2" });
      const shown = (): unknown => {
        const { held, pending } = lock.snapshot();
        const text = ({ mode, label = "-" }: { mode: string; label?: string }): string => `${mode} ${label}`;
        return [held.map(text).sort(), pending.map(text)];
      };
      expect(shown()).toEqual([
        [`${modes.shared} -`, `${modes.shared} r1`],
        [`${modes.exclusive} w1`, `${modes.shared} -`, `${modes.shared} r2`],
      ]);
      for (const token of tokens) token?.release();
      expect(shown()).toEqual([[`${modes.exclusive} w1`], [`${modes.shared} -`, `${modes.shared} r2`]]);
      (await writer).release();
      expect(shown()).toEqual([[`${modes.shared} -`, `${modes.shared} r2`], []]);
      (await reader).release();
      (await other).release();
      await expectLikeNew(lock);
    });

    it("[L3, RW3] lets no more share than may, and hands each place that gets free to the next in order", async () => {
      const lock = makeLimited(2);
      const order: number[] = [];
      const tokens = [lock.shared.tryAcquire(), lock.shared.tryAcquire()];
      expect(lock.shared.tryAcquire()).toBeNull();
      const waiting = [0, 1, 2].map(async (index) => {
        const token = await lock.shared.acquire();
        order.push(index);
        return token;
      });
      expect(countsOf(lock)).toEqual([true, 2, 3]);
      tokens[0]?.release();
      expect(countsOf(lock)).toEqual([true, 2, 2]);
      tokens[1]?.release();
      expect(countsOf(lock)).toEqual([true, 2, 1]);
      for (const request of waiting) (await request).release();
      expect(order).toEqual([0, 1, 2]);
      const alone = lock.exclusive.tryAcquire();
      expect(lock.shared.tryAcquire()).toBeNull();
      const group = [1, 2, 3].map(() => watch(lock.shared.acquire()));
      alone?.release();
      expect(countsOf(lock)).toEqual([true, 2, 1]);
      await settle();
      for (const { value } of group) value?.release();
      await settle();
      group[2]?.value?.release();
      await expectLikeNew(lock);
    });

    it("[L13, T4, T15] releases either side on every way out of a body", async () => {
      const lock = make();
      const error = new Error("mine");
      const work = gate();
      for (const side of [lock.shared, lock.exclusive]) {
        expect(await side.with(() => 5)).toBe(5);
        expect(
          await reasonOf(
            side.with(() => {
              throw error;
            }),
          ),
        ).toBe(error);
        expect(await reasonOf(side.with(() => Promise.reject(error)))).toBe(error);
        expect(await side.wrap((a: number, b: number) => a + b)(1, 2)).toBe(3);
      }
      const readers = [1, 2].map(() => lock.shared.with(() => work.promise));
      expect(countsOf(lock)).toEqual([true, 2, 0]);
      work.open();
      await Promise.all(readers);
      await expectLikeNew(lock);
    });

    it("[L18] rejects both kinds that wait when it is closed, and lets both kinds that hold finish", async () => {
      const lock = make();
      const reader = await lock.shared.acquire();
      const waiting = [lock.exclusive.acquire(), lock.shared.acquire(), lock.shared.acquire({ label: "r" })];
      lock.close("closed");
      expect(await Promise.all(waiting.map((request) => reasonOf(request)))).toEqual(Array(3).fill("closed"));
      expect([lock.shared.tryAcquire(), lock.exclusive.tryAcquire()]).toEqual([null, null]);
      expect(reader.held).toBe(true);
      reader.release();
      expect(countsOf(lock)).toEqual([false, 0, 0]);
    });

    it("[L21, RW3] lets 100,000 readers in together behind a writer, and out again", async () => {
      const lock = make();
      const writer = await lock.exclusive.acquire();
      const readers = Array.from({ length: 100_000 }, () => lock.shared.acquire());
      writer.release();
      expect(countsOf(lock)).toEqual([true, 100_000, 0]);
      for (const reader of readers) (await reader).release();
      await expectLikeNew(lock);
    });

    it("[T11, L19] tells observers in which way each request wants it", async () => {
      const lock = make();
      const listener = observe();
      (await lock.shared.acquire({ label: "r" })).release();
      (await lock.exclusive.acquire({ label: "w" })).release();
      listener.stop();
      expect([...listener.histories.keys()].map(({ mode, label }) => [label, mode])).toEqual([
        ["r", modes.shared],
        ["w", modes.exclusive],
      ]);
    });

    if (downgrade !== undefined) {
      it("[RW6, T34, L6] downgrades in one step: readers at the head of the queue join, and no writer gets between", async () => {
        const lock = make();
        const writer = await lock.exclusive.acquire({ label: "d" });
        const group = [watch(lock.shared.acquire()), watch(lock.shared.acquire({ label: "r" }))];
        const next = watch(lock.exclusive.acquire());
        const late = watch(lock.shared.acquire());
        const reader = downgrade(writer);
        expect([writer.held, reader.held]).toEqual([false, true]);
        expect(countsOf(lock)).toEqual([true, 3, 2]);
        expect(lock.snapshot().held.every(({ mode }) => mode === modes.shared)).toBe(true);
        writer.release();
        writer[Symbol.dispose]();
        expect(countsOf(lock)).toEqual([true, 3, 2]);
        await settle();
        expect(group.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled"]);
        expect([next.state, late.state]).toEqual(["pending", "pending"]);
        for (const { value } of group) value?.release();
        expect(countsOf(lock)).toEqual([true, 1, 2]);
        reader.release();
        expect(countsOf(lock)).toEqual([true, 1, 1]);
        await settle();
        expect(next.state).toBe("fulfilled");
        next.value?.release();
        await settle();
        late.value?.release();
        await expectLikeNew(lock);
      });

      it("[RW6, RW2] keeps later readers out after a downgrade when a writer is at the head of the queue", async () => {
        const lock = make();
        const writer = await lock.exclusive.acquire();
        const next = lock.exclusive.acquire();
        const late = lock.shared.acquire();
        const reader = downgrade(writer);
        expect(countsOf(lock)).toEqual([true, 1, 2]);
        expect(lock.shared.tryAcquire()).toBeNull();
        reader.release();
        (await next).release();
        (await late).release();
        await expectLikeNew(lock);
      });

      it("[RW6, L12] refuses to downgrade what is not held any more", async () => {
        const lock = make();
        const writer = await lock.exclusive.acquire();
        const reader = downgrade(writer);
        expect(() => downgrade(writer)).toThrow(TypeError);
        reader.release();
        expect(() => downgrade(writer)).toThrow(TypeError);
        await expectLikeNew(lock);
      });

      it("[RW6] downgrades to a place among no more than may share", async () => {
        const lock = makeLimited(2);
        const writer = await lock.exclusive.acquire();
        const group = [1, 2].map(() => lock.shared.acquire());
        const reader = downgrade(writer);
        expect(countsOf(lock)).toEqual([true, 2, 1]);
        reader.release();
        for (const request of group) (await request).release();
        await expectLikeNew(lock);
      });

      it("[L13, RW6] releases at the end of a body what its token was exchanged for", async () => {
        const lock = make();
        let reader: LockToken | undefined;
        await lock.exclusive.with((token) => {
          reader = downgrade(token);
          expect(countsOf(lock)).toEqual([true, 1, 0]);
        });
        expect(reader?.held).toBe(false);
        await expectLikeNew(lock);
      });
    }

    if (tryUpgrade !== undefined) {
      it("[RW7, T34] upgrades the only reader, in one step", async () => {
        const lock = make();
        const reader = await lock.shared.acquire({ label: "u" });
        const writer = tryUpgrade(reader);
        expect([reader.held, writer?.held]).toEqual([false, true]);
        expect([lock.shared.tryAcquire(), lock.exclusive.tryAcquire()]).toEqual([null, null]);
        expect(lock.snapshot().held.map(({ mode, label }) => [mode, label])).toEqual([
          [modes.exclusive, "u"],
        ]);
        reader.release();
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        writer?.release();
        await expectLikeNew(lock);
      });

      it("[RW7, T34] refuses while another reads: two that both try stay readers, and neither waits", async () => {
        const lock = make();
        const [first, second] = await Promise.all([lock.shared.acquire(), lock.shared.acquire()]);
        expect([tryUpgrade(first), tryUpgrade(second)]).toEqual([null, null]);
        expect([first.held, second.held]).toEqual([true, true]);
        expect(countsOf(lock)).toEqual([true, 2, 0]);
        first.release();
        tryUpgrade(second)?.release();
        await expectLikeNew(lock);
      });

      it("[RW7, RW2, L4] refuses while a writer waits, who came first", async () => {
        const lock = make();
        const reader = await lock.shared.acquire();
        const writer = lock.exclusive.acquire();
        expect(tryUpgrade(reader)).toBeNull();
        expect(reader.held).toBe(true);
        reader.release();
        expect(tryUpgrade(reader)).toBeNull();
        (await writer).release();
        await expectLikeNew(lock);
      });

      it("[RW7, L12] refuses a token that is not held any more, also while somebody else reads alone", async () => {
        const lock = make();
        const stale = await lock.shared.acquire();
        stale.release();
        const reader = await lock.shared.acquire();
        expect(tryUpgrade(stale)).toBeNull();
        expect(countsOf(lock)).toEqual([true, 1, 0]);
        expect(lock.shared.tryAcquire()?.release()).toBeUndefined();
        reader.release();
        await expectLikeNew(lock);
      });

      it("[RW6, RW7] goes up and down again, and lets readers in only after that", async () => {
        const lock = make();
        const reader = await lock.shared.acquire();
        const writer = tryUpgrade(reader);
        const late = watch(lock.shared.acquire());
        await settle();
        expect(late.state).toBe("pending");
        const again = writer === null ? undefined : downgrade?.(writer);
        await settle();
        expect(late.state).toBe("fulfilled");
        late.value?.release();
        again?.release();
        await expectLikeNew(lock);
      });
    }
  });
}

function countsOf(lock: SharedExclusiveLock): readonly [locked: boolean, holders: number, waiters: number] {
  return [lock.locked, lock.holders, lock.waiters];
}
