import {
  type Entry,
  Gate,
  type Grant,
  type LockRequest,
  type LockState,
  timedOut,
  type WaitOptions,
} from "@holdfast/core";
import type { PriorityClass } from "./classes.js";
import { Demand } from "./demand.js";
import { EvictedError, PreemptedError } from "./errors.js";
import type { OverrunClock } from "./overrun-clock.js";
import { PriorityEntry } from "./priority-entry.js";
import type { PriorityQueue } from "./priority-queue.js";
import { PriorityGrant } from "./token.js";

/** How a request wants to come in. */
export interface Ask {
  readonly asked: PriorityClass;
  /** Told where it waits, if it must; a request that has this waits as an object in any case. */
  queued?(entry: PriorityEntry): void;
}

/**
 * The state of a priority lock: a gate with room for one and a queue of classes.
 *
 * Whoever must wait is queued, the holder looked at, and asked to yield in one synchronous step; whoever comes in is the
 * holder from that step on. So a request to yield goes to the very holder that is in the way.
 */
export class PriorityGate extends Gate<PriorityGrant, Ask> {
  readonly line: PriorityQueue;
  readonly demands: Set<Demand> = new Set<Demand>();
  holder: PriorityGrant | undefined = undefined;
  readonly #clock: OverrunClock | undefined;
  // Who comes in now: the class it asked for, and its rank.
  #asked: PriorityClass;
  #rank = 0;
  #grants = 0;

  constructor(state: LockState, line: PriorityQueue, clock: OverrunClock | undefined) {
    super(state, line);
    this.line = line;
    this.#asked = line.current;
    this.#clock = clock;
  }

  override enter({ asked }: Ask): boolean {
    if (!this.fits(false) || !this.line.admits(asked.rank)) return false;
    this.used = 1;
    this.#asked = asked;
    this.#rank = asked.rank;
    return true;
  }

  override vacate(request: LockRequest | undefined): void {
    super.vacate(request);
    this.holder = undefined;
    this.#clock?.stop();
  }

  /** Whether anybody of a higher rank than this waits or is announced. */
  wants(rank: number): boolean {
    return !this.state.closed && this.line.wants(rank);
  }

  /** Hands over to whoever is wanted first; `token` waits before all others of its rank. Resolves once it is back. */
  yield(
    token: PriorityGrant,
    request: LockRequest | undefined,
    options: WaitOptions | undefined,
  ): Promise<unknown> {
    const again = this.request(token, options?.label ?? request?.label);
    if (options?.timeout === 0) {
      this.leave(request);
      return Promise.reject(timedOut(this.state, 0, again));
    }
    const entry = new PriorityEntry(this, token.asked, options, again, token);
    token.waits(entry);
    this.line.unshift(entry);
    this.vacate(request);
    request?.released();
    if (entry.waiting) again?.waits(entry.waiter);
    this.advance();
    return entry.waiter.promise;
  }

  /** Lets `token` in again, which had yielded. */
  resume(token: PriorityGrant, request: LockRequest | undefined, rank: number): void {
    token.resume(this, request, rank, ++this.#grants);
    this.#hold(token);
    request?.granted(token);
  }

  /** Notes that the holder has answered the request to yield. */
  answered(): void {
    this.#clock?.answered();
  }

  /** Takes the lock from its holder, or only from that of one grant. */
  evict(reason: unknown, grant: number | undefined): boolean {
    const { holder } = this;
    if (holder === undefined) return false;
    if (grant !== undefined && grant !== holder.grant) return false;
    const said = typeof reason === "string" || reason instanceof Error ? `: ${String(reason)}` : "";
    const message = `The holder of ${holder.describe(this.state)} was evicted${said}`;
    holder.evict(this, new EvictedError(message, reason));
    return true;
  }

  /** Holds back all lower classes until it is released, and asks the holder to yield. */
  demand(asked: PriorityClass, label: string | undefined): Demand {
    const demand = new Demand(this, asked, label);
    this.demands.add(demand);
    this.line.demand(asked.rank, 1);
    const { holder } = this;
    const seen = holder?.info;
    // What is told of it is what it was then, whatever it has done meanwhile.
    if (this.#preempt(asked, label) && seen !== undefined) demand.preempted = { ...seen, preempted: true };
    return demand;
  }

  /** Ends a demand. */
  withdrawDemand(demand: Demand): void {
    this.demands.delete(demand);
    this.line.demand(demand.asked.rank, -1);
    this.advance();
  }

  /** Moves one who waits to the end of another class, as if it arrived there. */
  move(entry: PriorityEntry, asked: PriorityClass): void {
    this.line.age();
    entry.asked = asked;
    // One that has aged into it keeps its place there.
    if (entry.rank !== asked.rank) {
      this.line.remove(entry);
      this.line.push(entry, entry);
    }
    this.advance();
    this.#arrived(entry);
  }

  protected override next(): Grant | Entry | undefined {
    const { line } = this;
    const next = line.first();
    if (next !== undefined) {
      this.#rank = line.turn;
      this.#asked = typeof next === "function" ? line.current : next.asked;
    }
    return next;
  }

  protected override make(request: LockRequest | undefined): PriorityGrant {
    return this.#hold(new PriorityGrant(this, request, this.#asked, this.#rank, ++this.#grants));
  }

  protected override enqueue(
    ask: Ask,
    options: WaitOptions | undefined,
    request: LockRequest | undefined,
  ): Promise<PriorityGrant> {
    if (options === undefined && request === undefined && ask.queued === undefined && !this.line.ages) {
      const promise = this.park(ask);
      this.#preempt(ask.asked, undefined);
      return promise;
    }
    const entry = new PriorityEntry(this, ask.asked, options, request);
    ask.queued?.(entry);
    this.append(entry, ask);
    request?.waits(entry.waiter);
    this.#arrived(entry);
    return entry.waiter.promise as Promise<PriorityGrant>;
  }

  #hold(token: PriorityGrant): PriorityGrant {
    this.holder = token;
    this.#clock?.start(token);
    return token;
  }

  #arrived({ waiting, asked, waiter }: PriorityEntry): void {
    // Whoever was told that it waits may have sent it away.
    if (waiting) this.#preempt(asked, waiter.request?.label);
  }

  /** Asks the holder to yield to a class, where that may be; tells whether it did. */
  #preempt(asked: PriorityClass, label: string | undefined): boolean {
    const { holder, state } = this;
    if (!asked.preempts || holder?.mayYieldTo(asked.rank) !== true) return false;
    this.#clock?.asked(holder);
    holder.preempt(() => {
      const by = `"${asked.name}"${label === undefined ? "" : ` as "${label}"`}`;
      return new PreemptedError(`${holder.describe(state)} is asked to yield to ${by}`, asked.name, label);
    });
    return true;
  }
}
