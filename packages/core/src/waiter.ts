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
export class Waiter<T = unknown> implements Entry {
  static {
    keep(new Waiter({} as never, {} as never));
  }

  readonly promise: Promise<T> = new Promise<T>(grab as never);
  readonly state: LockState;
  readonly exclusive: boolean;
  readonly request: LockRequest | undefined;
  position = -1;
  /** Neighbours among the waiters of one signal. */
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  protected readonly resolve: (value?: unknown) => void = resolveLast as (value?: unknown) => void;
  protected readonly reject: (reason: unknown) => void = rejectLast as (reason: unknown) => void;
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
    const place = this.stopWaiting();
    if (place !== undefined) this.resolve(place.issue(this.request));
  }

  /** Takes it out and rejects it. The caller lets the gates settle afterwards. */
  fail(reason: unknown, event: "abort" | "timeout" = "abort"): void {
    const place = this.stopWaiting();
    if (place === undefined) return;
    place.withdraw(this as Waiter);
    this.reject(reason);
    this.request?.rejected(reason, event);
  }

  /** Ends the wait, and leaves the promise to the caller. Nothing if it had ended. */
  protected stopWaiting(): Place<T> | undefined {
    const place = this.#place;
    if (place === undefined) return undefined;
    this.#place = undefined;
    this.#group?.leave(this as Waiter);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    return place;
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
    // Those who share a signal mostly come one after the other.
    let group = state.lastGroup;
    if (group?.signal !== signal) {
      group = state.groups.get(signal) ?? new AbortGroup(state, signal);
      state.lastGroup = group;
    }
    group.#add(waiter);
    return group;
  }

  readonly signal: AbortSignalLike;
  readonly #state: LockState;
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  private constructor(state: LockState, signal: AbortSignalLike) {
    this.#state = state;
    this.signal = signal;
    signal.addEventListener("abort", this);
    state.groups.set(signal, this);
  }

  handleEvent(): void {
    while (this.#first !== undefined) this.#first.fail(this.signal.reason);
    this.#state.settle();
  }

  leave(waiter: Waiter): void {
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiter.previous = waiter.next = undefined;
    if (this.#first !== undefined) return;
    const state = this.#state;
    this.signal.removeEventListener("abort", this);
    state.groups.delete(this.signal);
    if (state.lastGroup === this) state.lastGroup = undefined;
  }

  #add(waiter: Waiter): void {
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
  }
}
