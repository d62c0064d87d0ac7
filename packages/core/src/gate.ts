import { QueueFullError } from "./errors.js";
import type { LockToken } from "./governor.js";
import { IdleWaiters } from "./idle.js";
import type { HeldEntry } from "./introspection.js";
import { observing } from "#observe";
import { hold, holdUnlessAborted } from "./hold.js";
import { checkFunction, checkWaitOptions, type WaitOptions } from "./options.js";
import { LockRequest } from "./request.js";
import { Ring } from "./ring.js";
import type { LockState } from "./state.js";
import { timedOut, Waiter } from "./waiter.js";

/** Makes the token of a grant. */
export type MakeToken<T extends LockToken> = (gate: Gate, request: LockRequest | undefined) => T;

/** A place in a gate's queue that is not a bare resolve function. */
export interface Place {
  position: number;
  readonly exclusive: boolean;
  readonly waiter: Waiter;
  /** The gate has let it in. */
  admit(): void;
}

type Grab = (token: LockToken) => void;
let grabbed: Grab;
// One executor for all promises: a closure each costs more than the promise under load.
const grab = (resolve: Grab): void => {
  grabbed = resolve;
};

/**
 * The state of one lock, or of one key of a keyed lock: how many are inside, and who waits, in one FIFO queue.
 *
 * Shared holders take one unit of `room` each, an exclusive one takes all of it. A mutex is a gate with room for one, a
 * semaphore has room for a few, a readers/writer lock has room without end. Every change happens in one synchronous
 * step: whoever leaves decides, in that call, who is inside next, so there is nothing to race for.
 */
export class Gate<T extends LockToken = LockToken> {
  readonly state: LockState;
  /** The key that this gate belongs to, at a keyed lock. */
  key: unknown;
  /** Holders inside; -1 is one exclusive holder. */
  used = 0;
  /** How many shared holders fit; 0 once closed. */
  room: number;
  /** Called when nobody is inside and nobody waits. */
  onIdle: ((gate: Gate) => void) | undefined;
  #idlers: IdleWaiters | undefined;
  readonly #make: MakeToken<T>;
  #queue: Ring<Grab | Place> | undefined;
  // The holders that are known by name; all others are only counted.
  #records: Set<LockRequest> | undefined;

  constructor(state: LockState, room: number, make: MakeToken<T>, key?: unknown) {
    this.state = state;
    this.room = room;
    this.#make = make;
    this.key = key;
  }

  get idle(): boolean {
    return this.used === 0 && this.waiting === 0;
  }

  get waiting(): number {
    return this.#queue === undefined ? 0 : this.#queue.size;
  }

  /** Whether `enter()` would succeed. */
  isOpen(exclusive: boolean): boolean {
    return (this.#queue === undefined || this.#queue.size === 0) && this.#fits(exclusive);
  }

  /** Goes in if that is possible at once and overtakes nobody. */
  enter(exclusive: boolean): boolean {
    if (!this.isOpen(exclusive)) return false;
    this.used = exclusive ? -1 : this.used + 1;
    return true;
  }

  /** The same, with a token. */
  tryAcquire(exclusive: boolean): T | null {
    return this.enter(exclusive) ? this.issue(this.recordIfObserved(exclusive)) : null;
  }

  /** Resolves with a token; how long that may take, the options say. */
  acquire(exclusive: boolean, options: WaitOptions | undefined): Promise<T> {
    // What nobody watches and nobody can cancel takes the short way.
    if (options === undefined && !observing() && this.enter(exclusive))
      return Promise.resolve(this.#make(this, undefined));
    return Promise.resolve(this.#ask(exclusive, options));
  }

  /** Runs `fn` inside: at once where that is possible, and not at all once the signal is aborted. */
  with<R>(exclusive: boolean, fn: (token: T) => R, options: WaitOptions | undefined): Promise<Awaited<R>> {
    checkFunction(fn, "fn");
    const token = this.#ask(exclusive, options);
    return token instanceof Promise
      ? token.then((late) => holdUnlessAborted(late, fn, options))
      : hold(token, fn);
  }

  /** Makes the token of somebody who is inside. */
  issue(request: LockRequest | undefined): T {
    const token = this.#make(this, request);
    if (request !== undefined) {
      this.record(request);
      request.granted(token);
    }
    return token;
  }

  /** Goes out, and lets in whoever is next. */
  leave(request: LockRequest | undefined): void {
    if (this.used === 0)
      throw new Error(`${this.state.name} was released more often than acquired: this is a bug in Holdfast`);
    this.used = this.used < 0 ? 0 : this.used - 1;
    if (request !== undefined) {
      this.forget(request);
      request.released();
    }
    if (this.#queue !== undefined && this.#queue.size > 0) this.advance();
    else if (this.used === 0) this.#idle();
  }

  /** Takes back what a request was let in to before it had all it wanted. */
  giveBack(request: LockRequest | undefined): void {
    this.used = this.used < 0 ? 0 : this.used - 1;
    this.forget(request);
    this.state.touch(this);
  }

  /** Lets in all who can go in now, in order. */
  advance(): void {
    let next: Grab | Place | undefined;
    while ((next = this.#queue?.peek()) !== undefined) {
      if (typeof next === "function") {
        if (!this.#fits(false)) break;
        this.#queue?.shift();
        this.used += 1;
        next(this.#make(this, undefined));
        continue;
      }
      // A signal that reads aborted counts, even where our listener has not had its turn yet.
      if (next.waiter.signal?.aborted === true) {
        next.waiter.fail(next.waiter.signal.reason);
        continue;
      }
      if (!this.#fits(next.exclusive)) break;
      this.#queue?.shift();
      next.position = -1;
      this.used = next.exclusive ? -1 : this.used + 1;
      next.admit();
    }
    this.state.settle();
    if (this.used === 0 && next === undefined) this.#idle();
  }

  /** Puts a place at the end of the queue. */
  enqueue(place: Grab | Place): void {
    (this.#queue ??= new Ring()).push(place);
  }

  /** Takes a place out of the queue. */
  withdraw(place: Place): void {
    this.#queue?.remove(place.position);
    place.position = -1;
    this.state.touch(this);
  }

  /** An exclusive holder becomes a shared one, and the shared requests at the head of the queue join it. */
  downgrade(request: LockRequest | undefined): void {
    if (request !== undefined) request.mode = this.state.modes[0];
    this.used = 1;
    this.advance();
  }

  /** The sole shared holder becomes the exclusive one; not while anybody waits. */
  upgrade(request: LockRequest | undefined): boolean {
    if (this.used !== 1 || this.waiting > 0) return false;
    if (request !== undefined) request.mode = this.state.modes[1];
    this.used = -1;
    return true;
  }

  /** Resolves when nobody is inside and nobody waits. */
  whenIdle(options: WaitOptions | undefined): Promise<void> {
    this.#idlers ??= new IdleWaiters();
    return this.#idlers.wait(this.state, this.idle, options);
  }

  /** Rejects all who wait, each with what `reason` returns. The caller lets the gates settle afterwards. */
  rejectWaiters(reason: (request?: LockRequest) => unknown): number {
    const places = this.#queue?.drain() ?? [];
    for (const place of places) {
      if (typeof place === "function") {
        // The promise adopts this and rejects: there is no other handle on a waiter that was only queued by its resolve.
        const why = reason();
        place({
          then: (_: unknown, reject: (why: unknown) => void) => {
            reject(why);
          },
        } as never);
      } else {
        place.position = -1;
        place.waiter.fail(reason(place.waiter.request));
      }
    }
    return places.length;
  }

  /** Notes by name who is inside. */
  record(request: LockRequest): void {
    (this.#records ??= new Set()).add(request);
  }

  forget(request: LockRequest | undefined): void {
    if (request !== undefined) this.#records?.delete(request);
  }

  recordIfObserved(exclusive: boolean, label?: string): LockRequest | undefined {
    return label === undefined && !observing()
      ? undefined
      : new LockRequest(
          this.state,
          this.state.modes[exclusive ? 1 : 0],
          label,
          this.key === undefined ? [] : [this.key],
        );
  }

  /** The requests that hold this gate or wait in it before `place`, as far as they are known. */
  *ahead(place: Place): Generator<LockRequest> {
    if (this.#records !== undefined) yield* this.#records;
    for (const other of this.#queue ?? []) {
      if (other === place) return;
      if (typeof other === "object" && other.waiter.request !== undefined) yield other.waiter.request;
    }
  }

  /** Who is inside. */
  held(): HeldEntry[] {
    const known = [...(this.#records ?? [])].map(entry);
    const mode = this.state.modes[this.used < 0 ? 1 : 0];
    while (known.length < Math.abs(this.used)) known.push({ mode });
    return known;
  }

  /** Who waits, in order. */
  *pending(): Generator<readonly [entry: HeldEntry, waiter: Waiter | undefined]> {
    for (const place of this.#queue ?? []) {
      const waiter = typeof place === "function" ? undefined : place.waiter;
      const mode = this.state.modes[typeof place === "object" && place.exclusive ? 1 : 0];
      yield [waiter?.request === undefined ? { mode } : entry(waiter.request), waiter];
    }
  }

  #idle(): void {
    this.#idlers?.notify();
    this.onIdle?.(this);
  }

  #fits(exclusive: boolean): boolean {
    return exclusive ? this.used === 0 && this.room > 0 : this.used >= 0 && this.used < this.room;
  }

  #ask(exclusive: boolean, options: WaitOptions | undefined): T | Promise<T> {
    if (options === undefined) {
      if (!observing() && this.enter(exclusive)) return this.#make(this, undefined);
    } else checkWaitOptions(options);
    const { state } = this;
    const signal = options?.signal;
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller's own reason, as it is
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const request = this.recordIfObserved(exclusive, options?.label);
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what close() was given, as it is
    if (state.closed) return Promise.reject(state.closedReason(request));
    if (this.enter(exclusive)) return this.issue(request);
    if (options?.timeout === 0) return Promise.reject(timedOut(state, 0, request));
    if (this.waiting >= state.maxWaiters) return Promise.reject(queueFull(state, request));
    if (!exclusive && request === undefined && signal === undefined && options?.timeout === undefined) {
      const promise = new Promise<T>(grab as never);
      this.enqueue(grabbed);
      return promise;
    }
    const waiter = new GateWaiter(this, exclusive, options, request);
    this.enqueue(waiter);
    request?.waits(
      (reason) => {
        waiter.fail(reason);
        state.settle();
      },
      () => this.ahead(waiter),
    );
    return waiter.promise;
  }
}

/** What a request is rejected with when as many wait as may. */
export function queueFull(state: LockState, request?: LockRequest): QueueFullError {
  const { maxWaiters } = state;
  return new QueueFullError(
    `${state.describe(request)} has ${maxWaiters} waiters, and may have no more`,
    maxWaiters,
  );
}

function entry({ mode, label, since }: LockRequest): HeldEntry {
  return label === undefined ? { mode, since } : { mode, label, since };
}

/** A request that waits at one gate. */
class GateWaiter<T extends LockToken> extends Waiter<T> implements Place {
  position = -1;
  readonly exclusive: boolean;
  readonly #gate: Gate<T>;

  constructor(
    gate: Gate<T>,
    exclusive: boolean,
    options: WaitOptions | undefined,
    request: LockRequest | undefined,
  ) {
    super(gate.state, options, request);
    this.#gate = gate;
    this.exclusive = exclusive;
  }

  get waiter(): Waiter {
    return this as Waiter;
  }

  admit(): void {
    this.grant(this.#gate.issue(this.request));
  }

  protected override withdraw(): void {
    if (this.position >= 0) this.#gate.withdraw(this);
  }
}
