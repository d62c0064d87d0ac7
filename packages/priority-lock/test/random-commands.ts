import { listeners, settle, watch } from "@holdfast/conformance";
import type { WaitOptions } from "@holdfast/core";
import fc from "fast-check";
import { expect, vi } from "vitest";
import type { DemandHandle, PriorityLock, PriorityRequest, PriorityToken } from "../src/index.js";
import { type ClassRules, Reference, refusal } from "./model.js";
import { codeOf, lockOf, viewOf, viewOfToken } from "./modelled-lock.js";

/** One wait, to come in or to come back. */
interface Wait {
  readonly id: string;
  readonly controller: AbortController;
  /** When its time is up. */
  readonly deadline: number;
  /** Whether a listener that was there before the lock's releases whoever holds. */
  readonly meddles: boolean;
}

/** The lock, and all that was asked of it. */
class Real {
  readonly lock: PriorityLock<string>;
  /** Whether lock and model are compared after every command: to look makes those who wait move up. */
  readonly looks: boolean;
  readonly told: string[] = [];
  readonly waits: Wait[] = [];
  /** The last wait of each. */
  readonly current = new Map<string, Wait>();
  readonly given = new Map<string, PriorityToken>();
  readonly requests = new Map<string, PriorityRequest<string>>();
  readonly demands: { readonly id: string; readonly handle: DemandHandle }[] = [];
  now = 0;
  count = 0;

  constructor(lock: PriorityLock<string>, looks: boolean) {
    this.lock = lock;
    this.looks = looks;
  }

  /** A name for something new. */
  name(): string {
    this.count += 1;
    return `r${this.count}`;
  }

  /** Who has the lock, as far as it has been heard of. */
  get holder(): string | undefined {
    for (const [id, { held }] of this.given) if (held) return id;
    return undefined;
  }

  /** The holder mostly, sometimes anybody who ever was. */
  someone(pick: number): string | undefined {
    const { holder } = this;
    return pick % 8 > 0 && holder !== undefined ? holder : choose([...this.given.keys()], pick);
  }

  receive(id: string, token: PriorityToken): void {
    this.told.push(`${id} in`);
    this.given.set(id, token);
  }

  refuse(id: string, error: unknown, reason: unknown): void {
    this.told.push(refusal(id, codeOf(error, reason)));
  }
}

type Step = fc.Command<Reference, Real>;

/** What random commands may do to a lock. */
export interface RandomOptions {
  readonly classes: fc.Arbitrary<readonly ClassRules[]>;
  readonly agingMs?: number;
  readonly maxWaiters?: number;
  /** Which classes are in demand; all by default. */
  readonly demanded?: readonly number[];
  readonly closes?: boolean;
  readonly looks?: boolean;
  readonly runs: number;
}

const mostly = fc.constantFrom(true, true, true, false);

/** Up to four classes of any kind. */
export const anyClasses: fc.Arbitrary<readonly ClassRules[]> = fc
  .array(fc.record({ preempts: mostly, preemptible: mostly }), { minLength: 1, maxLength: 4 })
  .map((rules) => rules.map((rule, rank) => ({ name: `c${rank}`, ...rule })));

/** Four classes, of which each preempts all lower ones. */
export const fourClasses: fc.Arbitrary<readonly ClassRules[]> = fc.constant(
  ["c0", "c1", "c2", "c3"].map((name) => ({ name, preempts: true, preemptible: true })),
);

function choose<T>(list: readonly T[], pick: number): T | undefined {
  return list[pick % Math.max(list.length, 1)];
}

/** A command that compares lock and model in the same synchronous step. */
function command(name: string, run: (model: Reference, real: Real) => void): Step {
  return {
    check: () => true,
    run: (model, real) => {
      run(model, real);
      if (real.looks) compare(model, real);
    },
    toString: () => name,
  };
}

function compare(model: Reference, real: Real): void {
  expect(viewOf(real.lock)).toBe(model.view());
  for (const [id, token] of real.given)
    expect(viewOfToken(token), `the token of ${id}`).toBe(model.tokenView(id));
  const pending = real.waits.filter((wait) => isPending(model, real, wait));
  expect(vi.getTimerCount(), "timers").toBe(pending.filter(({ deadline }) => deadline !== Infinity).length);
  for (const wait of real.waits) {
    const { id, controller, meddles } = wait;
    const ours = listeners(controller.signal) - (meddles ? 1 : 0);
    if (!pending.includes(wait)) expect(ours, `listeners of ${id}`).toBe(0);
  }
}

/** Whether a wait is the one of its request that goes on. */
function isPending(model: Reference, real: Real, wait: Wait): boolean {
  return real.current.get(wait.id) === wait && model.isWaiting(wait.id);
}

interface WaitKind {
  readonly signal: "none" | "own" | "meddling" | "aborted";
  readonly timeout: number | undefined;
}

const waitKind: fc.Arbitrary<WaitKind> = fc.record({
  signal: fc.constantFrom("none", "own", "own", "own", "own", "own", "meddling", "aborted"),
  timeout: fc.constantFrom(undefined, undefined, undefined, undefined, undefined, 0, 5, 10),
});

/** The options of a wait, which is noted, and what the model has to know of them. */
function wait(
  real: Real,
  id: string,
  { signal, timeout }: WaitKind,
): { readonly options: WaitOptions; readonly reason: unknown; readonly known: object } {
  const controller = new AbortController();
  const reason = `aborted ${id}`;
  const meddles = signal === "meddling";
  if (signal === "aborted") controller.abort(reason);
  if (meddles)
    controller.signal.addEventListener("abort", () => {
      const { holder } = real;
      if (holder !== undefined) real.given.get(holder)?.release();
    });
  const deadline = timeout === undefined || timeout === 0 ? Infinity : real.now + timeout;
  const made = { id, controller, deadline, meddles };
  real.waits.push(made);
  real.current.set(id, made);
  return {
    options: {
      ...(signal !== "none" && { signal: controller.signal }),
      ...(timeout !== undefined && { timeout }),
    },
    reason,
    known: { aborted: signal === "aborted", atOnce: timeout === 0 },
  };
}

/** One request, as a command makes it. */
interface Asked {
  readonly rank: number;
  readonly polite: boolean;
  readonly nameless: boolean;
  readonly movable: boolean;
  readonly kind: WaitKind;
}

const request: fc.Arbitrary<Asked> = fc.record({
  // The lower, the more: a holder of the highest class is never asked to yield.
  rank: fc.constantFrom(0, 1, 1, 2, 2, 3, 3, 3),
  polite: fc.constantFrom(false, false, true),
  nameless: fc.boolean(),
  movable: fc.boolean(),
  kind: waitKind,
});

const urgent = { movable: false, kind: { signal: "own", timeout: undefined } } as const;

function classOf(model: Reference, rank: number): string {
  const { classes } = model.state;
  return classes[rank % classes.length]?.name ?? "";
}

function asks(model: Reference, real: Real, { rank, polite, nameless, movable, kind }: Asked): void {
  const id = real.name();
  const priority = classOf(model, rank);
  const { options, reason, known } = wait(real, id, kind);
  model.move({ type: "ask", id, priority, polite, nameless, ...known });
  const all = { priority, ...options, ...(polite && { preempt: false }), ...(!nameless && { label: id }) };
  const movableRequest = movable ? real.lock.enqueue(all) : undefined;
  if (movableRequest !== undefined) real.requests.set(id, movableRequest);
  (movableRequest?.token ?? real.lock.acquire(all)).then(
    (token) => {
      real.receive(id, token);
    },
    (error: unknown) => {
      real.refuse(id, error, reason);
    },
  );
}

/** What can happen to a lock, as fast-check commands. */
function commandsFor({ demanded = [0, 1, 2, 3], closes = false }: RandomOptions): fc.Arbitrary<Step>[] {
  const pick = fc.nat({ max: 30 });
  const ask = request.map((params) =>
    command(`ask(${JSON.stringify(params)})`, (model, real) => {
      asks(model, real, params);
    }),
  );
  const attempt = fc.tuple(fc.nat({ max: 3 }), fc.boolean()).map(([rank, nameless]) =>
    command(`try(${rank}${nameless ? "" : ", named"})`, (model, real) => {
      const id = real.name();
      const priority = classOf(model, rank);
      model.move({ type: "try", id, priority, nameless });
      const token = real.lock.tryAcquire({ priority, ...(!nameless && { label: id }) });
      if (token === null) real.told.push(`${id} not in`);
      else real.receive(id, token);
    }),
  );
  const release = pick.map((index) =>
    command(`release(${index})`, (model, real) => {
      const id = real.someone(index);
      if (id === undefined) return;
      model.move({ type: "release", id });
      real.given.get(id)?.release();
    }),
  );
  // Mostly after somebody of the highest class has asked, or there is seldom a reason to yield.
  const check = fc.tuple(pick, waitKind).map(([index, kind]) =>
    command(`checkpoint(${JSON.stringify({ index, ...kind })})`, (model, real) => {
      const id = real.someone(index);
      const token = id === undefined ? undefined : real.given.get(id);
      // A second checkpoint in the first one's wait is refused and leaves that as it is.
      if (id === undefined || token === undefined || model.isWaiting(id)) return;
      if (index % 4 > 0) asks(model, real, { rank: 0, polite: index % 8 === 1, nameless: false, ...urgent });
      const { options, reason, known } = wait(real, id, kind);
      model.move({ type: "checkpoint", id, ...known });
      const { grant } = token;
      token.checkpoint(options).then(
        (yielded) => {
          real.told.push(`${id} ${yielded ? "back" : "stays"}`);
        },
        (error: unknown) => {
          // It was back, and evicted before it heard.
          if (token.grant !== grant && token.evicted && error === token.signal.reason)
            real.told.push(`${id} back`);
          else real.refuse(id, error, reason);
        },
      );
    }),
  );
  const abort = pick.map((index) =>
    command(`abort(${index})`, (model, real) => {
      // Mostly one who waits.
      const pending = real.waits.filter((each) => isPending(model, real, each));
      const chosen = choose(index % 4 === 0 || pending.length === 0 ? real.waits : pending, index);
      if (chosen === undefined || chosen.controller.signal.aborted) return;
      const { id, controller, meddles } = chosen;
      const { holder } = real;
      const listens = listeners(controller.signal) > (meddles ? 1 : 0);
      if (listens && isPending(model, real, chosen)) model.move({ type: "giveUp", id, why: "aborted" });
      if (meddles && holder !== undefined) model.move({ type: "release", id: holder });
      controller.abort(`aborted ${id}`);
    }),
  );
  const pass = fc.constantFrom(1, 4, 5, 10, 25).map((ms) =>
    command(`pass(${ms} ms)`, (model, real) => {
      const end = real.now + ms;
      const due = real.waits
        .filter((each) => each.deadline <= end && isPending(model, real, each))
        .sort((a, b) => a.deadline - b.deadline);
      for (const each of due) {
        model.move({ type: "pass", ms: each.deadline - real.now });
        real.now = each.deadline;
        if (isPending(model, real, each)) model.move({ type: "giveUp", id: each.id, why: "ERR_TIMEOUT" });
      }
      model.move({ type: "pass", ms: end - real.now });
      real.now = end;
      vi.advanceTimersByTime(ms);
    }),
  );
  const move = fc.tuple(pick, fc.nat({ max: 3 })).map(([index, rank]) =>
    command(`setPriority(${index}, ${rank})`, (model, real) => {
      const all = [...real.requests.keys()];
      const waiting = all.filter((each) => model.isWaiting(each) && !model.gotIn(each));
      const id = choose(index % 4 === 0 || waiting.length === 0 ? all : waiting, index);
      const request = id === undefined ? undefined : real.requests.get(id);
      // A holder that waits to come back is no request any more.
      if (id === undefined || request === undefined || model.gotIn(id)) return;
      const priority = classOf(model, rank);
      model.move({ type: "setPriority", id, priority });
      real.told.push(`${id} moved: ${String(request.setPriority(priority))}`);
      expect(request.waiting, `whether ${id} waits`).toBe(model.isWaiting(id));
    }),
  );
  const demand = fc.constantFrom(...demanded).map((rank) =>
    command(`demand(${rank})`, (model, real) => {
      const id = real.name();
      const priority = classOf(model, rank);
      model.move({ type: "demand", id, priority });
      try {
        const handle = real.lock.demand(priority, id);
        const { preempted } = handle;
        const who = preempted === null ? "nobody" : (preempted.label ?? "somebody");
        real.told.push(`${id} demands: asks ${who}`);
        real.demands.push({ id, handle });
      } catch (error) {
        real.told.push(`${id} demands: ${codeOf(error)}`);
      }
    }),
  );
  // Also one that has ended.
  const endDemand = pick.map((index) =>
    command(`endDemand(${index})`, (model, real) => {
      const chosen = choose(real.demands, index);
      if (chosen === undefined) return;
      model.move({ type: "endDemand", id: chosen.id });
      chosen.handle.release();
    }),
  );
  // Rare: after each of them little is left to go on with.
  const evict = pick.map((index) =>
    command(`evict(${index})`, (model, real) => {
      if (index % 4 > 0) return;
      model.move({ type: "evict" });
      real.told.push(`evict: ${real.lock.evict() ? "somebody" : "nobody"}`);
    }),
  );
  const cancel = pick.map((index) =>
    command(`cancel(${index})`, (model, real) => {
      if (index % 4 > 0) return;
      model.move({ type: "cancel" });
      real.told.push(`cancel: ${real.lock.cancelWaiters()}`);
    }),
  );
  const close = pick.map((index) =>
    command(`close(${index})`, (model, real) => {
      if (index % 4 > 0) return;
      model.move({ type: "close" });
      real.lock.close();
    }),
  );
  const often = [ask, ask, ask, ask, ask, release, release, release, release, check, check, check, check];
  const steps = [...often, attempt, abort, abort, pass, move, evict, cancel, demand, endDemand, endDemand];
  return closes ? [...steps, close] : steps;
}

/**
 * Runs random commands on the lock and on the model beside it. What stands between two pauses is one synchronous step;
 * in each pause it is compared who was told what.
 */
export async function runCommands(options: RandomOptions): Promise<void> {
  const { classes, agingMs, maxWaiters, runs, looks = true } = options;
  const limits = {
    ...(agingMs !== undefined && { agingMs }),
    ...(maxWaiters !== undefined && { maxWaiters }),
  };
  const bursts = fc.array(fc.commands(commandsFor(options), { maxCommands: 5, size: "max" }), {
    minLength: 1,
    maxLength: 40,
    size: "max",
  });
  await fc.assert(
    fc.asyncProperty(classes, bursts, async (rules, all) => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
      try {
        const real = new Real(lockOf(rules, limits), looks);
        const model = new Reference(rules, limits);
        for (const burst of all) {
          fc.modelRun(() => ({ model, real }), burst);
          await pause(model, real);
        }
        await drain(model, real);
      } finally {
        vi.useRealTimers();
      }
    }),
    { numRuns: runs, endOnFailure: false },
  );
}

/** When all demands have ended and all who come in have left, the lock is as good as new. */
async function drain(model: Reference, real: Real): Promise<void> {
  const idle = watch(real.lock.whenIdle());
  for (const { id, handle } of real.demands) {
    model.move({ type: "endDemand", id });
    handle.release();
  }
  await pause(model, real);
  for (let id = real.holder; id !== undefined; id = real.holder) {
    model.move({ type: "release", id });
    real.given.get(id)?.release();
    await pause(model, real);
  }
  expect(viewOf(real.lock)).toBe("inside: ; 0 waiting: ; demands: ");
  expect(vi.getTimerCount()).toBe(0);
  expect(idle.state).toBe("fulfilled");
  const lowest = model.state.classes.at(-1)?.name ?? "";
  expect(real.lock.tryAcquire({ priority: lowest }) === null).toBe(model.state.closed);
}

async function pause(model: Reference, real: Real): Promise<void> {
  await settle();
  expect(real.told.toSorted()).toEqual(model.state.told.toSorted());
  compare(model, real);
}
