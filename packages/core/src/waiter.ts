import { AbortGroup, type Abortable } from "./abort-group.js";
import { TimeoutError } from "./errors.js";
import { keep } from "./keep.js";
import type { AbortSignalLike, WaitOptions } from "./options.js";
import type { Positioned } from "./queue.js";
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
export interface Entry extends Positioned {
  readonly exclusive: boolean;
  readonly waiter: Waiter;
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
export class Waiter<T = unknown> implements Entry, Abortable {
  static {
    keep(new Waiter({} as never, {} as never));
  }

  readonly promise: Promise<T> = new Promise<T>(grab as never);
  readonly state: LockState;
  readonly exclusive: boolean;
  readonly request: LockRequest | undefined;
  position = -1;
  previous: Abortable | undefined = undefined;
  next: Abortable | undefined = undefined;
  readonly #resolve = resolveLast as (value: T) => void;
  readonly #reject = rejectLast as (reason: unknown) => void;
  // Nothing once it is settled: then it can neither be let in nor taken out again.
  #place: Place<T> | undefined;
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
    if (signal !== undefined) this.#group = AbortGroup.join(state, signal, this);
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
    const place = this.stopWaiting();
    if (place !== undefined) this.#resolve(place.issue(this.request));
  }

  /** Takes it out and rejects it. The caller lets the gates settle afterwards. */
  fail(reason: unknown, event: "abort" | "timeout" = "abort"): void {
    const place = this.stopWaiting();
    if (place === undefined) return;
    place.withdraw(this as Waiter);
    this.#reject(reason);
    this.request?.rejected(reason, event);
  }

  /** Settles the promise of one whose wait was ended by `stopWaiting()`. */
  protected resolve(value: T): void {
    this.#resolve(value);
  }

  protected reject(reason: unknown): void {
    this.#reject(reason);
  }

  /** Ends the wait, and leaves the promise to the caller. Nothing if it had ended. */
  protected stopWaiting(): Place<T> | undefined {
    const place = this.#place;
    if (place === undefined) return undefined;
    this.#place = undefined;
    this.#group?.leave(this);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    return place;
  }
}

/** What a request that may not wait any longer is rejected with. */
export function timedOut(state: LockState, timeout: number, request?: LockRequest): TimeoutError {
  return new TimeoutError(`Timed out after ${timeout} ms waiting for ${state.describe(request)}`, timeout);
}
