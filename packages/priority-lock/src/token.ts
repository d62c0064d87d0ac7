import {
  checkWaitOptions,
  type Controller,
  controller,
  keep,
  type LockRequest,
  type LockState,
  type LockToken,
  type PlatformAbortSignal,
  type WaitOptions,
} from "@holdfast/core";
import type { PriorityClass } from "./classes.js";
import { EvictedError, type PreemptedError } from "./errors.js";
import type { HolderInfo } from "./introspection.js";
import type { PriorityEntry } from "./priority-entry.js";
import type { PriorityGate } from "./priority-gate.js";

/** The right to be inside, with a signal that asks to yield. */
export interface PriorityToken<C extends string = string> extends LockToken {
  /** The class it was asked for with. */
  readonly priority: C;
  /**
   * Aborts with `PreemptedError` (please yield, the lock is still yours) or `EvictedError` (it is not). After the
   * `checkpoint()` that answers it is another one, so read it anew.
   */
  readonly signal: PlatformAbortSignal;
  /**
   * Aborts with `EvictedError`, and with nothing else: for work that goes on for a while after it is asked to yield, but must
   * stop when the lock is taken away.
   */
  readonly evictedSignal: PlatformAbortSignal;
  /** The number of this grant: greater than those of all grants of this lock before it. Another one once it has yielded. */
  readonly grant: number;
  /** Whether it is asked to yield, and has not answered with `checkpoint()`. */
  readonly preempted: boolean;
  /** Whether the lock was taken from it by `evict()`. */
  readonly evicted: boolean;
  /**
   * Answers a request to yield: lets all who are wanted first go first, waits before all others of its class, and takes
   * the lock back. Resolves to whether it yielded; to `false` at once if it was not asked to, or whoever asked has gone.
   * If it was asked, `signal` is a fresh one from then on. One that came in by aging, whom its peers could not ask, yields here
   * as if it had been asked.
   *
   * **Cancel safety**: when it rejects after it yielded (`signal`, `timeout`, `cancelWaiters()`, `close()`, `release()`), the
   * lock is not held any more, as after an `acquire` that rejects. `timeout: 0` yields for good.
   *
   * @throws By rejecting: what `acquire` rejects with; `TypeError` if the lock is not held, `EvictedError` if it was taken
   * away. At once: `TypeError` or `RangeError` for wrong options.
   */
  checkpoint(options?: WaitOptions): Promise<boolean>;
}

/**
 * The token of a priority lock: it forgets its gate when it yields, is evicted or released.
 *
 * What is inside the lock does not know the names of the classes; as a token of `never` it fits every lock.
 */
export class PriorityGrant implements PriorityToken<never> {
  static {
    keep(new PriorityGrant({} as never, undefined, {} as never, 0, 0));
  }

  /** The rank it came in with: higher than its class's if it waited for long. */
  rank: number;
  grant: number;
  readonly asked: PriorityClass;
  // Not `#`: private fields cost time in every grant.
  private gate: PriorityGate | undefined;
  private request: LockRequest | undefined;
  // Makes what the signal is aborted with: an error costs more than the rest of a preemption, and few look at it.
  private preemption: (() => PreemptedError) | undefined = undefined;
  private eviction: EvictedError | undefined = undefined;
  // Only there once somebody looks at the signal.
  private controller: Controller | undefined = undefined;
  private evictedController: Controller | undefined = undefined;
  /** Only there while it has yielded. */
  private returning: PriorityEntry | undefined = undefined;

  constructor(
    gate: PriorityGate,
    request: LockRequest | undefined,
    asked: PriorityClass,
    rank: number,
    grant: number,
  ) {
    this.gate = gate;
    this.request = request;
    this.asked = asked;
    this.rank = rank;
    this.grant = grant;
  }

  get priority(): never {
    return this.asked.name as never;
  }

  get held(): boolean {
    return this.gate !== undefined;
  }

  get preempted(): boolean {
    return this.preemption !== undefined && !this.evicted;
  }

  get evicted(): boolean {
    return this.eviction !== undefined;
  }

  get signal(): PlatformAbortSignal {
    return (this.controller ??= controller(this.eviction ?? this.preemption?.())).signal;
  }

  get evictedSignal(): PlatformAbortSignal {
    return (this.evictedController ??= controller(this.eviction)).signal;
  }

  /** Why it is not held any more, though nobody released it. */
  get lost(): unknown {
    return this.eviction;
  }

  /** What is to be known of it from outside. */
  get info(): HolderInfo<never> {
    const { request, grant, priority, preempted } = this;
    const mode = "exclusive";
    return {
      ...(request?.entry(mode) ?? { mode }),
      ...(request && { heldSince: request.since + request.waited }),
      priority,
      preempted,
      grant,
    };
  }

  release(): void {
    const { gate, returning } = this;
    if (gate !== undefined) {
      this.gate = undefined;
      gate.leave(this.request);
    } else returning?.abandon();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  checkpoint(options?: WaitOptions): Promise<boolean> {
    if (options !== undefined) checkWaitOptions(options);
    const { gate, request } = this;
    if (gate === undefined) return Promise.reject(this.eviction ?? this.mistake());
    if (options?.signal?.aborted === true) return Promise.reject(options.signal.reason);
    const { rank, preemptible } = this.asked;
    // Who has aged holds among those it rose to, but no longer than to its first checkpoint.
    const isAged = this.rank < rank && preemptible;
    if (!this.preempted && !isAged) return Promise.resolve(false);
    if (isAged) this.rank = rank;
    if (this.preempted) this.renew();
    if (!gate.wants(this.rank)) {
      gate.answered();
      return Promise.resolve(false);
    }
    this.gate = undefined;
    return gate.yield(this, request, options).then(() => {
      // It may have been evicted before anybody heard that it was back.
      if (this.eviction !== undefined) throw this.eviction;
      return true;
    });
  }

  /** Whether it can be asked, and has not been yet, to let a rank go first. */
  mayYieldTo(rank: number): boolean {
    return this.rank > rank && this.asked.preemptible && this.preemption === undefined;
  }

  /** Who is meant, in messages. */
  describe(state: LockState): string {
    return state.describe(this.request);
  }

  /** Asks it to yield. */
  preempt(reason: () => PreemptedError): void {
    this.preemption = reason;
    this.controller?.abort(reason());
  }

  /** Takes the lock away from it. Whoever hears of that finds the next holder inside. */
  evict(gate: PriorityGate, reason: EvictedError): void {
    const { request, controller, preempted } = this;
    this.gate = undefined;
    this.eviction = reason;
    // One that is aborted already cannot say why once more.
    if (preempted) this.controller = undefined;
    gate.leave(request);
    controller?.abort(reason);
    this.evictedController?.abort(reason);
  }

  /** Notes that it waits to get the lock back. */
  waits(returning: PriorityEntry): void {
    this.returning = returning;
  }

  /** It will not get it back. */
  stays(): void {
    this.returning = undefined;
  }

  /** It has the lock again. */
  resume(gate: PriorityGate, request: LockRequest | undefined, rank: number, grant: number): void {
    this.returning = undefined;
    this.gate = gate;
    this.request = request;
    this.rank = rank;
    this.grant = grant;
  }

  /** Answers the request to yield. */
  private renew(): void {
    this.preemption = undefined;
    this.controller = undefined;
  }

  private mistake(): TypeError {
    return new TypeError(
      this.returning === undefined
        ? "checkpoint() needs a token that is still held"
        : "checkpoint() was called before: await that one",
    );
  }
}
