import { TimeoutError } from "./errors.js";
import type { AbortSignalLike, WaitOptions } from "./options.js";
import type { LockRequest } from "./request.js";
import type { LockState } from "./state.js";

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

let grabbedResolve: (value: never) => void;
let grabbedReject: (reason: unknown) => void;
// One executor for all promises: under load a closure each costs more than the promise.
const grab = (resolve: (value: never) => void, reject: (reason: unknown) => void): void => {
  grabbedResolve = resolve;
  grabbedReject = reject;
};

/**
 * A request that waits and can stop waiting: the one implementation of aborting, timing out, canceling and closing.
 *
 * Whatever happens first decides; from then on no listener, timer or queue entry of it is left.
 */
export abstract class Waiter<T = unknown> {
  // Neither `#` nor defined by the class: in a derived class either makes every instance dearer.
  declare readonly promise: Promise<T>;
  declare readonly state: LockState;
  declare readonly signal: AbortSignalLike | undefined;
  declare readonly request: LockRequest | undefined;
  /** Neighbours among the waiters of one signal. */
  declare previous: Waiter | undefined;
  declare next: Waiter | undefined;
  declare private group: AbortGroup | undefined;
  declare private timer: unknown;
  declare private readonly resolve: (value: T) => void;
  declare private readonly reject: (reason: unknown) => void;

  constructor(state: LockState, options: WaitOptions | undefined, request?: LockRequest) {
    this.state = state;
    this.request = request;
    this.promise = new Promise<T>(grab as never);
    this.resolve = grabbedResolve as never;
    this.reject = grabbedReject;
    this.previous = this.next = this.group = this.timer = undefined;
    const signal = (this.signal = options?.signal);
    if (signal !== undefined) {
      let group = state.groups.get(signal);
      if (group === undefined) state.groups.set(signal, (group = new AbortGroup(state, signal)));
      this.group = group;
      group.add(this as Waiter);
    }
    const timeout = options?.timeout;
    if (timeout !== undefined && timeout !== Infinity)
      this.timer = setTimeout(() => {
        this.fail(timedOut(state, timeout, request), "timeout");
        state.settle();
      }, timeout);
  }

  /** Leaves every queue this waiter stands in, hands back what it already has, and touches those gates. */
  protected abstract withdraw(): void;

  /** Settles it with what it waited for. */
  grant(value: T): void {
    this.disarm();
    this.resolve(value);
  }

  /** Takes it out and rejects it. The caller lets the gates settle afterwards. */
  fail(reason: unknown, event: "abort" | "timeout" = "abort"): void {
    this.disarm();
    this.withdraw();
    this.reject(reason);
    this.request?.rejected(reason, event);
  }

  private disarm(): void {
    this.group?.remove(this as Waiter);
    this.group = undefined;
    if (this.timer !== undefined) clearTimeout(this.timer);
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
  readonly #state: LockState;
  readonly #signal: AbortSignalLike;
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  constructor(state: LockState, signal: AbortSignalLike) {
    this.#state = state;
    this.#signal = signal;
    signal.addEventListener("abort", this);
  }

  add(waiter: Waiter): void {
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
  }

  remove(waiter: Waiter): void {
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiter.previous = waiter.next = undefined;
    if (this.#first === undefined) {
      this.#signal.removeEventListener("abort", this);
      this.#state.groups.delete(this.#signal);
    }
  }

  handleEvent(): void {
    while (this.#first !== undefined) this.#first.fail(this.#signal.reason);
    this.#state.settle();
  }
}
