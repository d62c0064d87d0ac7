import { TimeoutError } from "./errors.js";
import { keep } from "./keep.js";
import type { AbortSignalLike, WaitOptions } from "./options.js";
import type { LockRequest } from "./request.js";
import type { LockState } from "./state.js";

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** Where a waiter waits. */
export interface Place<T = never> {
  /** Takes `waiter` out of every queue, and hands back what it already has. Those gates are touched, not advanced. */
  withdraw(waiter: Waiter): void;
  /** Makes what the waiter waits for, now that it is let in. */
  issue(request: LockRequest | undefined): T;
}

/** One entry in one queue: a waiter, or one key of a waiter for several. */
export interface Entry {
  readonly exclusive: boolean;
  readonly waiter: Waiter;
  before: Entry | undefined;
  after: Entry | undefined;
  /** The queue has let it in. */
  admit(): void;
}

// One executor for all promises: under load a closure each costs more than the promise.
let resolveLast: unknown;
let rejectLast: unknown;
const grab = (resolve: unknown, reject: unknown): void => {
  resolveLast = resolve;
  rejectLast = reject;
};

/**
 * A request that waits and can stop waiting: the one implementation of aborting, timing out, canceling and closing.
 *
 * Whatever happens first decides; from then on no listener, timer or queue entry of it is left.
 */
export class Waiter<T = unknown> implements Entry {
  static {
    keep(new Waiter({} as never, {} as never));
  }

  readonly promise: Promise<T> = new Promise<T>(grab as never);
  readonly state: LockState;
  readonly exclusive: boolean;
  readonly request: LockRequest | undefined;
  before: Entry | undefined = undefined;
  after: Entry | undefined = undefined;
  readonly #resolve = resolveLast as (value: T) => void;
  readonly #reject = rejectLast as (reason: unknown) => void;
  readonly #place: Place<T>;
  #group: AbortGroup | undefined = undefined;
  #timer: unknown = undefined;

  constructor(
    place: Place<T>,
    state: LockState,
    options?: WaitOptions,
    exclusive: boolean = false,
    request?: LockRequest,
  ) {
    this.#place = place;
    this.state = state;
    this.exclusive = exclusive;
    this.request = request;
    if (options === undefined) return;
    const { signal, timeout = Infinity } = options;
    if (signal !== undefined) this.#group = AbortGroup.join(state, signal, this as Waiter);
    if (timeout !== Infinity)
      this.#timer = setTimeout(() => {
        this.fail(timedOut(state, timeout, request), "timeout");
        state.settle();
      }, timeout);
  }

  get waiter(): Waiter {
    return this as Waiter;
  }

  /** The signal, if it reads aborted: also where our listener has not had its turn yet. */
  get aborted(): AbortSignalLike | undefined {
    const signal = this.#group?.signal;
    return signal?.aborted === true ? signal : undefined;
  }

  admit(): void {
    this.#disarm();
    this.#resolve(this.#place.issue(this.request));
  }

  /** Takes it out and rejects it. The caller lets the gates settle afterwards. */
  fail(reason: unknown, event: "abort" | "timeout" = "abort"): void {
    this.#disarm();
    this.#place.withdraw(this as Waiter);
    this.#reject(reason);
    this.request?.rejected(reason, event);
  }

  #disarm(): void {
    this.#group?.leave(this as Waiter);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }
}

/** What a request that may not wait any longer is rejected with. */
export function timedOut(state: LockState, timeout: number, request?: LockRequest): TimeoutError {
  return new TimeoutError(`Timed out after ${timeout} ms waiting for ${state.describe(request)}`, timeout);
}

/**
 * The waiters of one lock that share a signal, with one listener for all of them: Node walks a signal's whole list of
 * listeners for each one added, so a listener each would cost the square of their number.
 */
export class AbortGroup {
  static join(state: LockState, signal: AbortSignalLike, waiter: Waiter): AbortGroup {
    const group = state.groups.get(signal) ?? new AbortGroup(state, signal);
    group.#waiters.add(waiter);
    return group;
  }

  readonly signal: AbortSignalLike;
  readonly #state: LockState;
  readonly #waiters = new Set<Waiter>();

  private constructor(state: LockState, signal: AbortSignalLike) {
    this.#state = state;
    this.signal = signal;
    state.groups.set(signal, this);
    signal.addEventListener("abort", this);
  }

  handleEvent(): void {
    for (const waiter of this.#waiters) waiter.fail(this.signal.reason);
    this.#state.settle();
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size > 0) return;
    this.signal.removeEventListener("abort", this);
    this.#state.groups.delete(this.signal);
  }
}
