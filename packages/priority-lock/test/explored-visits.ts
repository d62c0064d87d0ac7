import { onEvent, watch, type Watched } from "@holdfast/conformance";
import type { Controller, Program } from "@holdfast/interleave";
import type { WaitOptions } from "@holdfast/core";
import type { DemandHandle, PriorityRequest, PriorityToken } from "../src/index.js";
import { type ClassRules, Reference, refusal } from "./model.js";
import { codeOf, lockOf, viewOf, viewOfToken } from "./modelled-lock.js";

/** What a participant does, one step each. What needs a token is left out by those who have none. */
export type Act =
  | {
      readonly does: "asks";
      readonly priority: string;
      readonly polite?: boolean;
      readonly timeout?: number;
      /** Whether it releases what it has in the very same step. */
      readonly leavesFirst?: boolean;
    }
  | { readonly does: "tries"; readonly priority: string }
  | { readonly does: "demands"; readonly priority: string }
  | { readonly does: "checks"; readonly timeout?: number }
  | { readonly does: "ends its demand" | "leaves" | "leaves again" };

/** One task of an explored program. The first act of each may come at any time. */
export interface Participant {
  readonly name: string;
  readonly acts: readonly Act[];
  /** Whether its signal aborts, at any point: it is given to all its waits. */
  readonly aborts?: boolean;
  /** Whether it goes without a label: such requests take a shorter way. */
  readonly nameless?: boolean;
  /** Whether its request can be moved to another class. */
  readonly movable?: boolean;
  /** What it does in the very moment in which it is asked to yield, within the call that asks. */
  readonly obeys?: "leaves" | "checks";
  /** Whether nobody looks at its token's signal before the end: it is only made once somebody does. */
  readonly unseen?: boolean;
}

/** What else may befall the lock, each once, at any point. */
export interface Setting {
  readonly maxWaiters?: number;
  readonly evictions?: number;
  /** Moves the first request of somebody to a class. */
  readonly moves?: readonly { readonly name: string; readonly priority: string }[];
  /** Releases the first token of somebody, whatever they do at the moment: also while they wait to come back. */
  readonly releases?: string;
  /** Somebody of the lowest class tries to come in whenever a release is told of, while the lock changes hands. */
  readonly barges?: boolean;
  readonly closes?: boolean;
  readonly cancels?: boolean;
}

/** Asks for the lock. */
export function asks(priority: string, options: { polite?: boolean; timeout?: number } = {}): Act {
  return { does: "asks", priority, ...options };
}

/** Releases the lock and asks for it again before anybody else can do anything. */
export function comesBack(priority: string): Act {
  return { does: "asks", priority, leavesFirst: true };
}

export const tries = (priority: string): Act => ({ does: "tries", priority });
export const demands = (priority: string): Act => ({ does: "demands", priority });
export const checks = (options: { timeout?: number } = {}): Act => ({ does: "checks", ...options });
export const endsDemand: Act = { does: "ends its demand" };
export const leaves: Act = { does: "leaves" };
export const leavesAgain: Act = { does: "leaves again" };

/** A token that was given out, as far as the test knows it. */
interface Given {
  readonly id: string;
  readonly token: PriorityToken;
  readonly unseen: boolean;
  readonly signals: unknown[];
}

let stop = (): void => undefined;

/** Ends what a program listens to on the channels. */
export function stopBarging(): void {
  stop();
  stop = () => undefined;
}

/**
 * Participants who do what they do to one lock, and a model that does the same; compared after every step.
 *
 * The nth time that `A` asks is called `An`. Only what the lock itself shows goes into the invariants beside the model.
 */
export function visits(
  classes: readonly ClassRules[],
  participants: readonly Participant[],
  {
    maxWaiters,
    evictions = 0,
    moves = [],
    releases,
    barges = false,
    closes = false,
    cancels = false,
  }: Setting = {},
): Program {
  return ({ task, event, controller, clock, compare, invariant, state, atEnd }) => {
    const limits = maxWaiters === undefined ? {} : { maxWaiters };
    const lock = lockOf(classes, limits);
    const model = new Reference(classes, limits);
    const told: string[] = [];
    const given: Given[] = [];
    const controllers = new Map<string, Controller>();
    const requests = new Map<string, PriorityRequest<string>>();
    /** What each waits for at the moment, if it is there that an abort or a timeout finds it. */
    const waits = new Map<string, { readonly id: string; readonly timed: boolean }>();

    clock.onExpiry(({ owner = "" }) => {
      const wait = waits.get(owner);
      if (wait !== undefined) model.move({ type: "giveUp", id: wait.id, why: "ERR_TIMEOUT" });
    });

    for (const { name, acts, aborts, nameless, movable, obeys, unseen = false } of participants) {
      const abort =
        aborts === true
          ? controller(name, {
              model: () => {
                const wait = waits.get(name);
                if (wait !== undefined) model.move({ type: "giveUp", id: wait.id, why: "aborted" });
              },
            })
          : undefined;
      if (abort !== undefined) controllers.set(name, abort);
      /** The options of a wait, and what the model has to know of them. */
      const waiting = (
        id: string,
        timeout: number | undefined,
      ): { readonly options: WaitOptions; readonly aborted: boolean; readonly atOnce: boolean } => {
        waits.set(name, { id, timed: timeout !== undefined && timeout > 0 });
        return {
          options: {
            ...(abort !== undefined && { signal: abort.signal }),
            ...(timeout !== undefined && { timeout }),
          },
          aborted: abort?.signal.aborted === true,
          atOnce: timeout === 0,
        };
      };

      task(name, async ({ step }) => {
        let visit = 0;
        let id = name;
        let token: PriorityToken | null = null;
        let demand: DemandHandle | undefined;
        const receive = (got: PriorityToken): void => {
          token = got;
          told.push(`${id} in`);
          given.push({ id, token: got, unseen, signals: [] });
          listen(got);
        };
        /** Does at once what it is asked to, for as long as it has this signal. */
        const listen = (got: PriorityToken): void => {
          const mine = id;
          if (obeys === undefined) return;
          const obey = (): void => {
            if (obeys === "checks" && got.held) void check(got, mine, undefined);
            else {
              model.move({ type: "release", id: mine });
              got.release();
            }
          };
          if (got.preempted) obey();
          else got.signal.addEventListener("abort", obey, { once: true });
        };
        const check = async (
          got: PriorityToken,
          mine: string,
          timeout: number | undefined,
        ): Promise<void> => {
          const { options, aborted, atOnce } = waiting(mine, timeout);
          if (obeys !== undefined) model.move({ type: "checkpoint", id: mine, aborted, atOnce });
          const { grant } = got;
          try {
            const yielded = await got.checkpoint(options);
            told.push(`${mine} ${yielded ? "back" : "stays"}`);
            listen(got);
          } catch (error) {
            // It was back, and evicted before it heard.
            const wasBack = got.grant !== grant && got.evicted && error === got.signal.reason;
            told.push(wasBack ? `${mine} back` : refusal(mine, codeOf(error, abort?.reason)));
          }
        };
        for (const act of acts) {
          // Whoever holds nothing, and never did in this visit, has nothing to leave or to check.
          const current = token as PriorityToken | null;
          switch (act.does) {
            case "asks": {
              const { priority, polite, timeout, leavesFirst } = act;
              await step(leavesFirst === true ? "leaves and asks" : "asks", {
                model: () => {
                  if (leavesFirst === true) model.move({ type: "release", id });
                  visit += 1;
                  id = `${name}${visit}`;
                  const { aborted, atOnce } = waiting(id, timeout);
                  model.move({
                    type: "ask",
                    id,
                    priority,
                    ...(polite === true && { polite }),
                    ...(nameless === true && { nameless }),
                    aborted,
                    atOnce,
                  });
                },
              });
              if (leavesFirst === true) current?.release();
              token = null;
              const options = {
                priority,
                ...(polite === true && { preempt: false }),
                ...(nameless !== true && { label: id }),
                ...waiting(id, timeout).options,
              };
              try {
                if (movable === true) {
                  const request = lock.enqueue(options);
                  requests.set(name, request);
                  receive(await request.token);
                } else receive(await lock.acquire(options));
              } catch (error) {
                told.push(refusal(id, codeOf(error, abort?.reason)));
              }
              break;
            }
            case "tries": {
              const { priority } = act;
              await step("tries", {
                model: () => {
                  visit += 1;
                  id = `${name}${visit}`;
                  model.move({ type: "try", id, priority, ...(nameless === true && { nameless }) });
                },
              });
              const got = lock.tryAcquire({ priority, ...(nameless !== true && { label: id }) });
              if (got === null) told.push(`${id} not in`);
              else receive(got);
              break;
            }
            case "demands": {
              const { priority } = act;
              await step("demands", {
                model: () => {
                  model.move({ type: "demand", id: name, priority });
                },
              });
              try {
                demand = lock.demand(priority, name);
                const { preempted } = demand;
                const who = preempted === null ? "nobody" : (preempted.label ?? "somebody");
                told.push(`${name} demands: asks ${who}`);
              } catch (error) {
                told.push(`${name} demands: ${codeOf(error)}`);
              }
              break;
            }
            case "ends its demand":
              await step(act.does, {
                model: () => {
                  model.move({ type: "endDemand", id: name });
                },
              });
              demand?.release();
              break;
            case "checks": {
              if (current === null) break;
              const { timeout } = act;
              await step("checks", {
                model: () => {
                  const { aborted, atOnce } = waiting(id, timeout);
                  if (obeys === undefined) model.move({ type: "checkpoint", id, aborted, atOnce });
                },
              });
              await check(current, id, timeout);
              break;
            }
            case "leaves":
            case "leaves again":
              if (current === null) break;
              await step(act.does, {
                model: () => {
                  model.move({ type: "release", id });
                },
              });
              current.release();
              if (act.does === "leaves again") current[Symbol.dispose]();
          }
        }
      });
    }

    for (let left = evictions; left > 0; left -= 1)
      event(
        `evict ${left}`,
        () => {
          told.push(`evict: ${lock.evict() ? "somebody" : "nobody"}`);
        },
        {
          model: () => {
            model.move({ type: "evict" });
          },
        },
      );
    for (const { name, priority } of moves) {
      // Before it has asked there is nothing to move.
      event(
        `move ${name} to ${priority}`,
        () => {
          const request = requests.get(name);
          if (request === undefined) return;
          const moved = request.setPriority(priority);
          told.push(`${name}1 moved: ${String(moved)}`);
          same(request.waiting, model.isWaiting(`${name}1`), `whether ${name}1 still waits`);
          if (moved) same(request.priority, priority, `the class of ${name}1`);
        },
        {
          model: () => {
            if (requests.has(name)) model.move({ type: "setPriority", id: `${name}1`, priority });
          },
        },
      );
    }
    if (releases !== undefined) {
      // Before it is given out there is nothing to release.
      const first = (): PriorityToken | undefined => given.find(({ id }) => id === `${releases}1`)?.token;
      event(`release the token of ${releases}`, () => first()?.release(), {
        model: () => {
          if (first() !== undefined) model.move({ type: "release", id: `${releases}1` });
        },
      });
    }
    stopBarging();
    if (barges) {
      const priority = classes.at(-1)?.name ?? "";
      let tried = 0;
      let isBusy = false;
      stop = onEvent("release", () => {
        if (isBusy) return;
        isBusy = true;
        tried += 1;
        const id = `X${tried}`;
        model.move({ type: "try", id, priority, nameless: true });
        const token = lock.tryAcquire({ priority });
        told.push(`${id} ${token === null ? "not in" : "in"}`);
        if (token !== null) model.move({ type: "release", id });
        token?.release();
        isBusy = false;
      });
    }
    if (closes)
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
    if (cancels)
      event(
        "cancel",
        () => {
          told.push(`cancel: ${lock.cancelWaiters()}`);
        },
        {
          model: () => {
            model.move({ type: "cancel" });
          },
        },
      );

    compare(
      "holder, waiters in order, demands and counts",
      () => viewOf(lock),
      () => model.view(),
    );
    invariant("every token shows what the model's shows, and only a renewed one has another signal", () => {
      for (const { id, token, unseen, signals } of given) {
        if (unseen) {
          const { held, preempted } = token;
          const shown = model.tokenView(id);
          same(shown.startsWith("held"), held, `whether ${id} holds`);
          if (held) same(shown.includes("asked to yield"), preempted, `whether ${id} is asked`);
          continue;
        }
        same(viewOfToken(token), model.tokenView(id), `the token of ${id}`);
        const renewals = model.renewals(id);
        signals[renewals] ??= token.signal;
        same(signals[renewals] === token.signal, true, `${id} keeps its signal`);
        same(new Set(signals).size, signals.length, `the signals of ${id}`);
      }
    });
    compare(
      "who has been told what",
      () => told.toSorted(),
      () => model.state.told.toSorted(),
      { when: "settled" },
    );
    invariant("nobody is told what the model does not say", () =>
      told.every((each) => model.state.told.includes(each)),
    );

    // From here on by the lock's own words.
    const rankOf = (priority: string): number => classes.findIndex(({ name }) => name === priority);
    invariant("at most one token is held", () => given.filter(({ token }) => token.held).length <= 1);
    invariant("the lock is never free while somebody waits who is not held back by a demand", () => {
      const { pending, demands: announced } = lock.snapshot();
      if (lock.locked) return true;
      return pending.every(({ priority }) =>
        announced.some((demand) => rankOf(demand.priority) < rankOf(priority)),
      );
    });
    invariant("no higher class waits without the holder being asked to yield, where that may be", () => {
      const { holder } = lock;
      if (holder === null || holder.preempted) return true;
      const rank = rankOf(holder.priority);
      if (classes[rank]?.preemptible !== true) return true;
      return lock
        .snapshot()
        .pending.every(
          ({ priority, label }) =>
            rankOf(priority) >= rank ||
            classes[rankOf(priority)]?.preempts !== true ||
            model.isPolite(label ?? ""),
        );
    });
    invariant("no listener is left of those who wait no more", () => {
      for (const [name, { listeners, signal }] of controllers) {
        const isWaiting = !signal.aborted && model.isWaiting(waits.get(name)?.id ?? "");
        same(listeners, isWaiting ? 1 : 0, `listeners of ${name}`);
      }
    });
    invariant(
      "a timer for each who waits with a timeout, and for nobody else",
      () =>
        clock.pending === [...waits.values()].filter(({ id, timed }) => timed && model.isWaiting(id)).length,
      { when: "settled" },
    );
    let idle: Watched<void> | undefined;
    invariant(
      "whoever waits for it to be idle is told as soon as nobody holds and nobody waits",
      () => {
        if (!model.isIdle) {
          // Asked for while it is not idle, or it would be told at once.
          if (idle?.state !== "pending") idle = watch(lock.whenIdle());
        } else same(idle?.state ?? "fulfilled", "fulfilled", "the wait for idleness");
      },
      { when: "settled" },
    );
    state(() => `${model.view()} | ${told.toSorted().join()}`);
    atEnd("nobody holds, nobody waits, and no signal says anything else than the model", () => {
      same(model.view(), "inside: ; 0 waiting: ; demands: ", "the lock");
      for (const { id, token } of given) same(viewOfToken(token), model.tokenView(id), `the token of ${id}`);
    });
  };
}

/** Fails unless both are the same. Checks run several times a step, where `expect` would take most of the time. */
function same(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: is ${String(actual)} and should be ${String(expected)}`);
}
