import { isLockError, type LockToken } from "@holdfast/core";
import fc from "fast-check";
import { expect, vi } from "vitest";
import { type Mode, Reference, type Wants } from "./model.js";
import type { ModelledLock } from "./modelled.js";
import { listeners, settle, watch, type Watched } from "./tools.js";

/** One request of a run, as far as the test knows it. */
interface Request {
  readonly id: string;
  readonly outcome: Watched<LockToken>;
  readonly controller: AbortController;
  /** When its time is up. */
  readonly deadline: number;
  token: LockToken | undefined;
}

/** The lock, and all that was asked of it. */
class Real {
  readonly lock: ModelledLock;
  readonly requests: Request[] = [];
  /** Tokens that were released, or given away for others. */
  readonly stale: LockToken[] = [];
  now = 0;
  count = 0;

  constructor(lock: ModelledLock) {
    this.lock = lock;
  }

  /** One of the requests that have their token in hand. */
  held(pick: number): Request | undefined {
    return choose(
      this.requests.filter(({ token }) => token !== undefined),
      pick,
    );
  }

  forget(request: Request): void {
    if (request.token !== undefined) this.stale.push(request.token);
    request.token = undefined;
  }
}

type Step = fc.Command<Reference, Real>;

function choose<T>(list: readonly T[], pick: number): T | undefined {
  return list[pick % Math.max(list.length, 1)];
}

/** A command that compares lock and model in the same synchronous step. */
function command(name: string, run: (model: Reference, real: Real) => void): Step {
  return {
    check: () => true,
    run: (model, real) => {
      run(model, real);
      expect(real.lock.view()).toBe(model.view());
      if (real.lock.keys !== undefined) expect(real.lock.keys()).toEqual(model.inUse);
      const waiting = real.requests.filter(({ id }) => model.isWaiting(id));
      expect(vi.getTimerCount(), "timers").toBe(
        waiting.filter(({ deadline }) => deadline !== Infinity).length,
      );
      for (const { controller, id } of real.requests)
        if (!model.isWaiting(id)) expect(listeners(controller.signal), `listeners of ${id}`).toBe(0);
    },
    toString: () => name,
  };
}

const pick = fc.nat({ max: 20 });

/** What can happen to a lock, as fast-check commands. */
function commandsFor(wants: fc.Arbitrary<Wants>, features: CommandOptions): fc.Arbitrary<Step>[] {
  const ask = fc
    .record({
      wants,
      named: features.alwaysNamed === true ? fc.constant(true) : fc.boolean(),
      signal: fc.constantFrom("none", "own", "own", "aborted"),
      timeout: fc.constantFrom(undefined, undefined, 0, 5, 10),
    })
    .map(({ wants: wanted, named, signal, timeout }) =>
      command(
        `ask(${JSON.stringify(wanted)}, ${named ? "named, " : ""}signal ${signal}, timeout ${String(timeout)})`,
        (model, real) => {
          const id = `r${(real.count += 1)}`;
          const controller = new AbortController();
          if (signal === "aborted") controller.abort(`aborted ${id}`);
          if (!named) model.hide(id);
          model.move({
            type: "ask",
            id,
            wants: wanted,
            aborted: signal === "aborted",
            atOnce: timeout === 0,
          });
          const outcome = watch(
            real.lock.ask(wanted, {
              ...(signal !== "none" && { signal: controller.signal }),
              ...(timeout !== undefined && { timeout }),
              ...(named && { label: id }),
            }),
          );
          const deadline = timeout === undefined || timeout === 0 ? Infinity : real.now + timeout;
          real.requests.push({ id, outcome, controller, deadline, token: undefined });
        },
      ),
    );
  const attempt = wants.map((wanted) =>
    command(`try(${JSON.stringify(wanted)})`, (model, real) => {
      const id = `r${(real.count += 1)}`;
      model.move({ type: "try", id, wants: wanted });
      model.hide(id);
      const token = real.lock.try(wanted);
      expect(token !== null, "whether a try succeeds").toBe(model.isInside(id));
      if (token === null) return;
      const outcome: Watched<LockToken> = { state: "fulfilled", value: token, reason: undefined };
      real.requests.push({ id, outcome, controller: new AbortController(), deadline: Infinity, token });
    }),
  );
  const release = pick.map((index) =>
    command(`release(${index})`, (model, real) => {
      const request = real.held(index);
      if (request === undefined) return;
      model.move({ type: "release", id: request.id });
      request.token?.release();
      expect(request.token?.held).toBe(false);
      real.forget(request);
    }),
  );
  const releaseAgain = pick.map((index) =>
    command(`release again(${index})`, (_, real) => {
      choose(real.stale, index)?.release();
      choose(real.stale, index)?.[Symbol.dispose]();
    }),
  );
  const abort = pick.map((index) =>
    command(`abort(${index})`, (model, real) => {
      const request = choose(real.requests, index);
      if (request === undefined || request.controller.signal.aborted) return;
      if (listeners(request.controller.signal) > 0) model.move({ type: "giveUp", id: request.id });
      request.controller.abort(`aborted ${request.id}`);
    }),
  );
  const pass = fc.constantFrom(1, 4, 5, 10).map((ms) =>
    command(`pass(${ms} ms)`, (model, real) => {
      const end = real.now + ms;
      const due = real.requests
        .filter(({ id, deadline }) => deadline <= end && model.isWaiting(id))
        .sort((a, b) => a.deadline - b.deadline);
      for (const { id } of due) model.move({ type: "giveUp", id });
      real.now = end;
      vi.advanceTimersByTime(ms);
    }),
  );
  const cancel = fc.constant(
    command("cancel", (model, real) => {
      const waiting = model.state.entries.filter(({ id }) => model.isWaiting(id)).length;
      model.move({ type: "cancel" });
      expect(real.lock.cancelWaiters()).toBe(waiting);
    }),
  );
  const close = fc.constant(
    command("close", (model, real) => {
      model.move({ type: "close" });
      real.lock.close();
    }),
  );
  const steps = [ask, ask, ask, attempt, release, release, release, releaseAgain, abort, abort, pass, cancel];
  if (features.changes === true)
    steps.push(
      pick.map((index) =>
        command(`downgrade or upgrade(${index})`, (model, real) => {
          const request = real.held(index);
          const { downgrade, tryUpgrade } = real.lock;
          if (request?.token === undefined || downgrade === undefined || tryUpgrade === undefined) return;
          const { id, token } = request;
          const isExclusive = Object.values(
            model.state.entries.find((entry) => entry.id === id)?.wants ?? {},
          ).includes("exclusive");
          model.move({ type: isExclusive ? "downgrade" : "upgrade", id });
          const changed = isExclusive ? downgrade(token) : tryUpgrade(token);
          if (changed === null) return;
          real.forget(request);
          request.token = changed;
        }),
      ),
    );
  return features.closes === true ? [...steps, close] : steps;
}

/** What a lock of the commands can do. */
export interface CommandOptions {
  readonly room?: number;
  readonly maxWaiters?: number;
  readonly keys: readonly string[];
  readonly closes?: boolean;
  readonly changes?: boolean;
  /** Every request carries a label. */
  readonly alwaysNamed?: boolean;
  readonly runs?: number;
}

/** Requests for all keys of a lock, each shared or exclusive. */
export function wantsOf(keys: readonly string[], modes: readonly Mode[]): fc.Arbitrary<Wants> {
  return fc
    .uniqueArray(fc.constantFrom(...keys), { minLength: 1, maxLength: keys.length })
    .chain((chosen) =>
      fc
        .tuple(...chosen.map((key) => fc.tuple(fc.constant(key), fc.constantFrom(...modes))))
        .map((entries) => Object.fromEntries(entries)),
    );
}

/**
 * Runs random commands on the lock and on the model beside it. What stands between two pauses is one synchronous step;
 * after each command of it the counts, the holders and the order of the waiters are compared, and in each pause who has
 * heard of what.
 */
export async function runCommands(
  make: () => ModelledLock,
  wants: fc.Arbitrary<Wants>,
  options: CommandOptions,
): Promise<void> {
  const { keys, room, maxWaiters, runs = 300 } = options;
  const bursts = fc.array(fc.commands(commandsFor(wants, options), { maxCommands: 12, size: "max" }), {
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(bursts, async (commands) => {
      const real = new Real(make());
      const model = new Reference(
        keys,
        { ...(room !== undefined && { room }), ...(maxWaiters !== undefined && { maxWaiters }) },
        real.lock.keys === undefined,
      );
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      try {
        for (const burst of commands) {
          fc.modelRun(() => ({ model, real }), burst);
          await pause(model, real);
        }
        // When all who hold have released, and all who come in as well, nothing is left.
        for (let left = real.held(0); left !== undefined; left = real.held(0)) {
          model.move({ type: "release", id: left.id });
          left.token?.release();
          real.forget(left);
          expect(real.lock.view()).toBe(model.view());
          await pause(model, real);
        }
        expect(model.state.entries).toEqual([]);
        expect(vi.getTimerCount()).toBe(0);
      } finally {
        vi.useRealTimers();
      }
    }),
    { numRuns: runs, endOnFailure: false },
  );
}

async function pause(model: Reference, real: Real): Promise<void> {
  await settle();
  for (const request of real.requests) {
    const { id, outcome, controller } = request;
    const { state, value, reason } = outcome;
    if (model.isWaiting(id)) expect(state, id).toBe("pending");
    else if (model.isRejected(id)) {
      expect(state, id).toBe("rejected");
      expect(isLockError(reason) || reason === controller.signal.reason, `the reason of ${id}`).toBe(true);
    } else {
      expect(state, id).toBe("fulfilled");
      if (model.isInside(id) && request.token === undefined) request.token = value;
      expect(request.token?.held ?? false, id).toBe(model.isInside(id));
    }
  }
  expect(real.lock.view()).toBe(model.view());
}
