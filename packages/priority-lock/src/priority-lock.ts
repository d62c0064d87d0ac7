import {
  checkFunction,
  checkOptions,
  checkWaitOptions,
  demand,
  GateGovernor,
  GateLock,
  type Governor,
  LockState,
  pendingEntry,
  readLimit,
  type WaitOptions,
  wrong,
} from "@holdfast/core";
import { checkTime, PriorityClass, type PriorityClasses, readClasses } from "./classes.js";
import type { DemandHandle } from "./demand.js";
import type { HolderInfo, PrioritySnapshot } from "./introspection.js";
import { OverrunClock, type OverrunLimit } from "./overrun-clock.js";
import { PriorityEntry } from "./priority-entry.js";
import { type Ask, PriorityGate } from "./priority-gate.js";
import { PriorityQueue } from "./priority-queue.js";
import { MovableRequest, type PriorityRequest } from "./request.js";
import type { PriorityGrant, PriorityToken } from "./token.js";

export interface PriorityLockOptions<C extends string> {
  /**
   * The classes, highest first. As a list of names every class preempts every lower one; as an object each says whether it
   * `preempts` and is `preemptible`, neither by default.
   */
  readonly classes: PriorityClasses<C>;
  /**
   * Milliseconds after which a waiter moves up one class, and again after as many; bounds how long a low class can starve.
   * Default `false`: never.
   */
  readonly agingMs?: number | false | undefined;
  /** Milliseconds that a holder has to yield once it is asked, before `onOverrun` is told. Default: no limit. */
  readonly graceMs?: number | undefined;
  /** Told of a holder over `graceMs` or its class's `maxHold`, once each. The lock stays with it: `evict()` takes it away. */
  readonly onOverrun?: ((holder: HolderInfo<C>, limit: OverrunLimit) => void) | undefined;
  /** How many requests may wait; one more rejects with `QueueFullError`. Default `Infinity`. */
  readonly maxWaiters?: number | undefined;
  /** Names the lock in events and error messages. */
  readonly label?: string | undefined;
}

/** Options of a request for a priority lock. */
export interface PriorityAcquireOptions<C extends string> extends WaitOptions {
  /** The class. There is no default: who calls decides. */
  readonly priority: C;
  /** `false`: asks nobody to yield, though the class preempts. */
  readonly preempt?: boolean | undefined;
}

/**
 * Lets one in at a time, the highest class first, and asks holders of lower classes to yield.
 *
 * Preemption is a request: the holder keeps the lock until it releases it, calls `checkpoint()`, or is evicted.
 *
 * **Fairness**: FIFO in each class; `release()` hands the lock to the first of the highest class before it returns. Lower
 * classes can starve unless `agingMs` is set: a waiter of the class at index r then is in the highest class after r × agingMs
 * at the latest, and is granted after those who stood there before it. A demand suspends this: nobody ages into the class in demand.
 *
 * **Cancel safety**: a request that is aborted or times out before its grant changes nothing, but that whoever it asked to
 * yield stays asked. After the grant a signal has no effect.
 *
 * **Complexity**: O(classes) for every operation, aborts included, amortised.
 *
 * @example
 * ```ts
 * import { PriorityLock } from "@holdfast/priority-lock";
 *
 * const session = new PriorityLock({ classes: ["handler", "worker"] });
 * const worker = await session.acquire({ priority: "worker" });
 * const reply = session.with(() => "replied", { priority: "handler", label: "webhook" });
 * console.log(String(worker.signal.reason)); // => PreemptedError: PriorityLock is asked to yield to "handler" as "webhook"
 * await worker.checkpoint();
 * console.log(await reply, worker.held, worker.signal.aborted); // => replied true false
 * worker.release();
 * ```
 */
export class PriorityLock<const C extends string> extends GateLock<PriorityGrant, PriorityGate> {
  readonly #classes: ReadonlyMap<string, PriorityClass<C>>;

  /** Throws `TypeError` or `RangeError` for options of the wrong type or range. */
  constructor(options: PriorityLockOptions<C>) {
    checkOptions(options);
    const { agingMs = false, graceMs, label, onOverrun } = options;
    const classes = readClasses(options.classes);
    if (agingMs !== false) checkTime("options.agingMs", agingMs);
    if (graceMs !== undefined) checkTime("options.graceMs", graceMs);
    if (onOverrun !== undefined) checkFunction(onOverrun, "options.onOverrun");
    const long = classes.find(({ maxHold }) => maxHold < Infinity);
    const limit = graceMs !== undefined ? "graceMs" : long && `classes.${long.name}.maxHold`;
    demand(
      limit === undefined || onOverrun !== undefined,
      `options.${limit ?? ""} needs options.onOverrun`,
      onOverrun,
    );
    const maxWaiters = readLimit(options, "maxWaiters");
    const state = new LockState("PriorityLock", label, ["exclusive", "exclusive"], maxWaiters, 1);
    const line = new PriorityQueue(classes, agingMs === false ? Infinity : agingMs);
    const clock = onOverrun === undefined ? undefined : new OverrunClock(graceMs ?? Infinity, onOverrun);
    super(new PriorityGate(state, line, clock));
    this.#classes = new Map(classes.map((each) => [each.name, each]));
  }

  /** Who holds it at the moment. */
  get holder(): HolderInfo<C> | null {
    return this.gate.holder?.info ?? null;
  }

  /**
   * Waits for the lock; resolves to the right to be inside. If it must wait and its class preempts, a preemptible holder of
   * a lower class is asked to yield before this returns. Whoever evicts may be quicker than you: `held` tells.
   *
   * @throws By rejecting: `signal.reason` itself, `TimeoutError`, `QueueFullError`, `CanceledError` and `ClosedError` or the
   * reason given to `cancelWaiters()` and `close()`, and `DeadlockError` while a detector runs. At once: `TypeError` or
   * `RangeError` for wrong options, also an unknown class.
   */
  acquire(options: PriorityAcquireOptions<C>): Promise<PriorityToken<C>> {
    return this.gate.acquire(this.#ask(options), waitOptions(options));
  }

  /** The same, as a request whose class can be changed while it waits. */
  enqueue(options: PriorityAcquireOptions<C>): PriorityRequest<C> {
    const ask = this.#ask(options);
    const isPolite = options.preempt === false;
    return new MovableRequest<C>(
      this.gate,
      ask,
      (priority) => (isPolite ? this.#classOf(priority).polite : this.#classOf(priority)),
      (request) => this.gate.acquire(request, waitOptions(options)),
    );
  }

  /** The lock, if it can be had at once; else `null`. Asks nobody to yield. */
  tryAcquire(options: {
    readonly priority: C;
    readonly label?: string | undefined;
  }): PriorityToken<C> | null {
    checkOptions(options);
    const asked = this.#classOf(options.priority);
    return this.gate.tryAcquire(asked, options.label);
  }

  /**
   * Runs `fn` inside and releases when it ends, however it ends; resolves or rejects as `fn` does.
   *
   * When the lock can be had at once, `fn` starts before this returns. An aborted caller's `fn` never starts, nor does one
   * whose turn is taken away by `evict()` before it could; that rejects with the `EvictedError`.
   */
  with<R>(fn: (token: PriorityToken<C>) => R, options: PriorityAcquireOptions<C>): Promise<Awaited<R>> {
    return this.gate.with(this.#ask(options), fn, waitOptions(options));
  }

  /** Makes a function that runs `fn` inside, with the token before its own arguments. */
  wrap<This, A extends unknown[], R>(
    fn: (this: This, token: PriorityToken<C>, ...args: A) => R,
    options: PriorityAcquireOptions<C>,
  ): (this: This, ...args: A) => Promise<Awaited<R>> {
    checkFunction(fn, "fn");
    const { gate } = this;
    const ask = this.#ask(options);
    checkWaitOptions(options);
    const wait = waitOptions({ ...options });
    return function (this: This, ...args: A) {
      return gate.with(ask, (token) => fn.call(this, token, ...args), wait);
    };
  }

  /** One class of the lock, usable wherever a `Governor` is accepted. */
  governor(priority: C): Governor<PriorityToken<C>> {
    return new GateGovernor<PriorityGrant, Ask>(this.gate, this.#classOf(priority));
  }

  /**
   * Announces work before it can ask: no lower class is let in until it is released, but for those who have aged into this
   * one, and a preemptible holder of a lower class is asked to yield if the class preempts.
   *
   * @throws `TypeError` for an unknown class; `ClosedError`, or the reason given, once the lock is closed.
   */
  demand(priority: C, label?: string): DemandHandle<C> {
    const asked = this.#classOf(priority);
    demand(label === undefined || typeof label === "string", "label must be a string", label);
    const { state } = this.gate;
    if (state.closed) throw state.closedReason();
    return this.gate.demand(asked, label);
  }

  /**
   * Takes the lock from a wedged holder and hands it on. Its `signal` and `evictedSignal` abort with `EvictedError`, and its
   * `release()` does nothing from now on: see to it that whatever it still does is harmless. With `grant`, the number of a
   * grant as `holder` or a token has it, nobody who came later is evicted. Returns whether anybody was.
   *
   * @throws `TypeError` for options without the number of a grant.
   */
  evict(reason?: unknown, options?: { readonly grant: number }): boolean {
    if (options === undefined) return this.gate.evict(reason, undefined);
    demand(Object(options) === options, "options must be an object with a grant", options);
    // What was read of a lock that nobody held must not evict whoever holds it now.
    demand(Number.isInteger(options.grant), "options.grant must be the number of a grant", options.grant);
    return this.gate.evict(reason, options.grant);
  }

  override snapshot(): PrioritySnapshot<C> {
    const { holder, gate } = this;
    return {
      held: holder === null ? [] : [holder],
      pending: Array.from(gate.queue(), (item) => {
        const { current } = gate.line;
        const asked = item instanceof PriorityEntry ? item.asked : current;
        return {
          ...pendingEntry(gate.state, item),
          priority: asked.name as C,
          ...(current.rank < asked.rank && { agedTo: current.name as C }),
        };
      }),
      demands: Array.from(gate.demands, ({ entry }) => entry),
    };
  }

  /** The class of a request. */
  #ask(options: PriorityAcquireOptions<C>): PriorityClass<C> {
    demand(Object(options) === options, "options must be an object with a priority", options);
    const asked = this.#classOf(options.priority);
    // Hardly any request says so, and this is asked of all.
    return options.preempt === undefined ? asked : polite(asked, options);
  }

  /** The class of that name. */
  #classOf(priority: C): PriorityClass<C> {
    const found = this.#classes.get(priority);
    if (found !== undefined) return found;
    const names = Array.from(this.#classes.keys(), (name) => `"${name}"`);
    throw wrong(`priority must be ${names.join(" or ")}`, priority);
  }
}

/** The class of a request as its `preempt` has it. */
function polite<C extends string>(
  asked: PriorityClass<C>,
  { preempt }: { readonly preempt?: boolean | undefined },
): PriorityClass<C> {
  demand(typeof preempt === "boolean", "options.preempt must be true or false", preempt);
  demand(
    preempt !== true || asked.preempts,
    `options.preempt cannot be true: the class "${asked.name}" does not preempt`,
    preempt,
  );
  return preempt === false ? asked.polite : asked;
}

/** The options of the wait, where there are any. */
function waitOptions(options: WaitOptions): WaitOptions | undefined {
  return options.signal === undefined && options.timeout === undefined && options.label === undefined
    ? undefined
    : options;
}
