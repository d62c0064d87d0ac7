import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isLockError, type LockToken } from "@holdfast/core";
import {
  type Controller,
  explore,
  type ExploreOptions,
  type Program,
  type Report,
} from "@holdfast/interleave";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Reference, type Wants } from "./model.js";
import { type ModelledLock, theKey } from "./modelled.js";
import { referee, type Referee } from "./tools.js";

/** One task of an explored program: what it asks for, and what may befall it. */
export interface Visitor {
  readonly wants: Wants;
  /** Whether its signal aborts, at any point. */
  readonly aborts?: boolean;
  /** Milliseconds it will wait; its timer expires at any point. */
  readonly timeout?: number;
  /** Whether it tries first, and asks only if that fails. */
  readonly tries?: boolean;
  /** Whether it releases again, later. */
  readonly releasesAgain?: boolean;
  /** Whether it turns from exclusive to shared, or the other way round if that can be, before it leaves. */
  readonly changes?: boolean;
  /** Whether it goes without a label: such requests take a shorter way. */
  readonly nameless?: boolean;
}

/** What else may befall the lock. */
export interface Setting {
  readonly keys?: readonly string[];
  readonly room?: number;
  readonly maxWaiters?: number;
  /** Whether it is closed, at any point. */
  readonly closes?: boolean;
  /** Whether all who wait are canceled, at any point. */
  readonly cancels?: boolean;
}

/** Visitors who each ask for the lock and leave it again, and a model that does the same; compared after every step. */
export function visits(
  make: () => ModelledLock,
  visitors: readonly Visitor[],
  { keys = [theKey], room, maxWaiters, closes, cancels }: Setting = {},
): Program {
  return ({ task, event, controller, clock, compare, invariant, state, atEnd }) => {
    const lock = make();
    const named = visitors.map((visitor, index) => [String.fromCharCode(65 + index), visitor] as const);
    const model = new Reference(
      keys,
      { ...(room !== undefined && { room }), ...(maxWaiters !== undefined && { maxWaiters }) },
      lock.keys === undefined,
    );
    const inside = new Set<string>();
    const turnedAway = new Set<string>();
    const controllers: Controller[] = [];
    clock.onExpiry(({ owner }) => {
      if (owner !== undefined) model.move({ type: "giveUp", id: owner });
    });

    for (const [id, visitor] of named) {
      const { wants, aborts, timeout, tries, releasesAgain, changes, nameless } = visitor;
      const giveUp = {
        model: () => {
          model.move({ type: "giveUp", id });
        },
      };
      if (nameless === true) model.hide(id);
      const abort = aborts === true ? controller(id, giveUp) : undefined;
      if (abort !== undefined) controllers.push(abort);
      task(id, async ({ step }) => {
        let token: LockToken | null = null;
        if (tries === true) {
          await step("tries", {
            model: () => {
              model.move({ type: "try", id, wants });
              // A try has no label.
              if (model.isInside(id)) model.hide(id);
            },
          });
          token = lock.try(wants);
          expect(token !== null, `whether ${id} succeeds`).toBe(model.isInside(id));
        }
        if (token === null) {
          await step("asks", {
            model: () => {
              const aborted = abort?.signal.aborted === true;
              model.move({ type: "ask", id, wants, aborted, atOnce: timeout === 0 });
            },
          });
          const options = {
            ...(abort !== undefined && { signal: abort.signal }),
            ...(timeout !== undefined && { timeout }),
            ...(nameless !== true && { label: id }),
          };
          try {
            token = await lock.ask(wants, options);
          } catch (error) {
            const expected =
              error === abort?.reason ||
              (timeout !== undefined && isLockError(error, "ERR_TIMEOUT")) ||
              (maxWaiters !== undefined && isLockError(error, "ERR_QUEUE_FULL")) ||
              (cancels === true && isLockError(error, "ERR_CANCELED")) ||
              (closes === true && isLockError(error, "ERR_CLOSED"));
            if (!expected) throw error;
            turnedAway.add(id);
            return;
          }
        }
        expect(token.held, `${id} holds what it was given`).toBe(true);
        inside.add(id);
        if (changes === true) {
          const down = Object.values(wants)[0] === "exclusive";
          await step(down ? "downgrades" : "tries to upgrade", {
            model: () => {
              model.move({ type: down ? "downgrade" : "upgrade", id });
            },
          });
          const changed = down ? lock.downgrade?.(token) : lock.tryUpgrade?.(token);
          if (changed !== null && changed !== undefined) {
            expect(token.held, `${id} holds its old token`).toBe(false);
            token.release();
            token = changed;
          }
        }
        await step("leaves", {
          model: () => {
            inside.delete(id);
            model.move({ type: "release", id });
          },
        });
        token.release();
        if (releasesAgain === true) {
          await step("leaves again");
          token.release();
          token[Symbol.dispose]();
        }
      });
    }
    if (closes === true)
      event(
        "close",
        () => {
          lock.close();
        },
        {
          model: () => {
            model.move({ type: "close" });
          },
        },
      );
    if (cancels === true)
      event("cancel", () => lock.cancelWaiters(), {
        model: () => {
          model.move({ type: "cancel" });
        },
      });

    compare(
      "counts, holders, and waiters in order",
      () => lock.view(),
      () => model.view(),
    );
    if (lock.keys !== undefined)
      compare(
        "keys in use",
        () => lock.keys?.(),
        () => model.inUse,
      );
    compare(
      "who has heard of a grant",
      () => [...inside].sort(),
      () => [...model.inside],
      { when: "settled" },
    );
    compare(
      "who has heard of a rejection",
      () => [...turnedAway].sort(),
      () => [...model.state.rejected].sort(),
      { when: "settled" },
    );
    invariant("nobody is inside whom the model does not know inside", () =>
      [...inside].every((id) => model.isInside(id)),
    );
    invariant("no listener is left of those who wait no more", () =>
      controllers.every(
        ({ listeners }, index) =>
          listeners === 0 ||
          model.isWaiting(named.filter(([, { aborts }]) => aborts === true)[index]?.[0] ?? ""),
      ),
    );
    invariant(
      "a timer for each who waits with a timeout, and for nobody else",
      () =>
        clock.pending ===
        named.filter(([id, { timeout }]) => (timeout ?? 0) > 0 && model.isWaiting(id)).length,
      { when: "settled" },
    );
    state(() => `${model.view()} | ${[...inside].sort().join()} | ${[...turnedAway].sort().join()}`);
    atEnd("nobody holds and nobody waits", () => {
      expect(model.state.entries).toEqual([]);
    });
  };
}

/** Runs a program in every order, and notes in the package's reports what that covered. */
export async function exploreAll(
  suite: string,
  title: string,
  program: Program,
  options: ExploreOptions,
): Promise<Report> {
  const start = performance.now();
  const report = await explore(program, { timers: true, maxSchedules: 1_000_000, ...options });
  note(suite, title, { ...report, turns: options.turns ?? 1, ms: Math.round(performance.now() - start) });
  expect(report.complete, `${title}: every schedule was run`).toBe(true);
  return report;
}

const notes = new Map<string, Record<string, unknown>>();

/** Writes what is known of a suite's tests to `reports/schedules` of the package that runs it. */
export function note(suite: string, title: string, facts: object): void {
  const { testPath } = expect.getState();
  if (testPath === undefined) return;
  const root = dirname(dirname(testPath));
  const folder = join(root, "reports", "schedules");
  const entries = notes.get(suite) ?? {};
  notes.set(suite, entries);
  entries[title] = facts;
  mkdirSync(folder, { recursive: true });
  const file = `${basename(root)}-${suite.replace(/[^A-Za-z]+/g, "-").toLowerCase()}.json`;
  writeFileSync(join(folder, file), `${JSON.stringify({ suite, tests: entries }, null, 2)}\n`);
}

/** What `exploredSuite` needs. */
export interface ExploredSubject {
  readonly make: (limits?: { readonly room?: number; readonly maxWaiters?: number }) => ModelledLock;
  /** Whether it has a shared side, and so a limit of those who share. */
  readonly shares?: boolean;
  /** Whether it can downgrade and upgrade. */
  readonly changes?: boolean;
  /** Runs each program with one mix of both modes only: for a lock whose like is explored in full. */
  readonly brief?: boolean;
  readonly observed?: boolean;
}

const exclusive: Wants = { [theKey]: "exclusive" };
const shared: Wants = { [theKey]: "shared" };

/** Runs a lock of one key beside the model, in every order of everything that up to three tasks can do. */
export function exploredSuite(
  name: string,
  { make, shares = false, changes = false, brief = false, observed }: ExploredSubject,
): void {
  describe(`${name}, in every order`, () => {
    let observer: Referee | undefined;

    beforeEach(() => {
      observer = observed === true ? referee() : undefined;
    });

    afterEach(() => {
      observer?.stop();
      expect(observer?.mistakes ?? []).toEqual([]);
    });

    /**
     * Runs the program once for each choice of who shares ("x" is exclusive, "s" is shared), and expects so many
     * schedules: exactly where everything settles after each step, and at least where a faster lock has more.
     */
    function forEach(
      choices: Readonly<Record<string, number>>,
      turns: number,
      visitors: readonly Omit<Visitor, "wants">[],
      setting: Setting,
      define: (title: string, test: () => Promise<void>) => void,
    ): void {
      const { room, maxWaiters } = setting;
      const all = Object.entries(choices);
      const mixed = all.filter(([choice]) => choice.includes("x") && choice.includes("s")).slice(0, 1);
      for (const [choice, expected] of brief ? mixed : all) {
        // Without a shared side there is one choice.
        if (!shares && choice.includes("s")) continue;
        const wanted = visitors.map((visitor, index) => ({
          ...visitor,
          wants: choice[index] === "s" ? shared : exclusive,
        }));
        const program = visits(
          () =>
            make({ ...(room !== undefined && { room }), ...(maxWaiters !== undefined && { maxWaiters }) }),
          wanted,
          setting,
        );
        define(choice, async () => {
          const { currentTestName = "" } = expect.getState();
          const title = currentTestName.slice(currentTestName.lastIndexOf(" > ") + 3);
          const { schedules } = await exploreAll(name, title, program, { turns });
          if (turns === 0) expect(schedules).toBe(expected);
          else expect(schedules).toBeGreaterThanOrEqual(expected);
        });
      }
    }

    const slow = 60_000;

    forEach(
      { xxx: 8424, xxs: 8424, xss: 11_084 },
      0,
      [{ aborts: true }, { aborts: true }, { aborts: true }],
      {},
      (who, test) => {
        it(
          `[L1, L3, L6, L8, L10] agrees with the model: ${who}, all may be aborted, also before they ask`,
          test,
          slow,
        );
      },
    );

    forEach(
      { xxx: 2888, xxs: 2888, xss: 5726, sxx: 2888, sxs: 4649, sss: 14_990 },
      1,
      [{ aborts: true }, {}, {}],
      {},
      (who, test) => {
        it(
          `[L2, L4, L7, L9] agrees with the model: ${who}, the first may be aborted, a step may come before all settles`,
          test,
          slow,
        );
      },
    );

    forEach(
      { xxx: 5877, xsx: 5877, sxs: 7819 },
      1,
      [{ timeout: 5 }, { aborts: true, nameless: true }, { nameless: true }],
      {},
      (who, test) => {
        it(
          `[L11, L17, T21] agrees with the model: ${who}, one may time out, one may be aborted, a step may come before all settles`,
          test,
          slow,
        );
      },
    );

    forEach(
      { xxx: 558, xxs: 558, xss: 1396, sss: 6204 },
      2,
      [{ nameless: true }, { nameless: true }, { nameless: true }],
      {},
      (who, test) => {
        it(
          `[L3, L5, L11] agrees with the model: ${who}, without labels or limits, up to two turns apart`,
          test,
          slow,
        );
      },
    );

    forEach(
      { xxx: 636, xxs: 636, xss: 858, sss: 1680 },
      0,
      [{ releasesAgain: true }, { releasesAgain: true }, { releasesAgain: true }],
      {},
      (who, test) => {
        it(`[L12, T3, T29] agrees with the model: ${who}, and each releases again at any time`, test, slow);
      },
    );

    forEach(
      { xx: 5192, xs: 5192, sx: 5192, ss: 6462 },
      1,
      [
        { aborts: true, releasesAgain: true },
        { aborts: true, timeout: 5 },
      ],
      {},
      (who, test) => {
        it(
          `[L7, L9, L12, L17] agrees with the model: ${who}, both may be aborted, one may time out, one releases again, a step may come before all settles`,
          test,
          slow,
        );
      },
    );

    forEach(
      { xxx: 1166, xsx: 1166, sxs: 1092, sss: 630 },
      0,
      [{ tries: true }, { tries: true, aborts: true }, { tries: true }],
      {},
      (who, test) => {
        it(
          `[L4, L14, T5] agrees with the model: ${who}, each tries before it asks, one may be aborted`,
          test,
          slow,
        );
      },
    );

    forEach(
      { xx: 2496, xs: 2496, sx: 2496, ss: 2585 },
      1,
      [{ tries: true }, { nameless: true }],
      { closes: true, cancels: true },
      (who, test) => {
        it(
          `[L18, G3, G4] agrees with the model: ${who}, waiters may be canceled and the lock closed, a step may come before all settles`,
          test,
          slow,
        );
      },
    );

    forEach(
      { xxx: 7418, sxs: 9967 },
      0,
      [{}, { nameless: true }, { aborts: true }],
      { closes: true, cancels: true },
      (who, test) => {
        it(
          `[L18, L19] agrees with the model: ${who}, one may be aborted, waiters may be canceled and the lock closed`,
          test,
          slow,
        );
      },
    );

    forEach(
      { xxxx: 2082, sxsx: 2821 },
      0,
      [{}, {}, { timeout: 0 }, { aborts: true }],
      { maxWaiters: 1 },
      (who, test) => {
        it(
          `[L17, L18] agrees with the model: ${who}, only one may wait, one will not, one may be aborted`,
          test,
          slow,
        );
      },
    );

    if (shares)
      forEach(
        { ssss: 11_364, sssx: 6558, ssxs: 5390 },
        0,
        [{}, {}, {}, { aborts: true }],
        { room: 2 },
        (who, test) => {
          it(
            `[L1, RW1, RW3] agrees with the model: ${who}, only two may share, one may be aborted`,
            test,
            slow,
          );
        },
      );

    if (changes)
      forEach(
        { xxx: 472, xxs: 612, xsx: 748, xss: 1361, sxx: 748, sxs: 1361, ssx: 1224, sss: 3348 },
        0,
        [{ changes: true }, { changes: true }, { aborts: true }],
        {},
        (who, test) => {
          it(
            `[RW6, RW7, L9] agrees with the model: ${who}, two downgrade or try to upgrade, one may be aborted`,
            test,
            slow,
          );
        },
      );
  });
}
