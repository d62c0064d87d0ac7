import { observing } from "#observe";
import { QueueFullError } from "./errors.js";
import type { LockToken } from "./governor.js";
import { hold, holdUnlessAborted } from "./hold.js";
import { IdleWaiters } from "./idle.js";
import type { HeldEntry } from "./introspection.js";
import { checkFunction, checkWaitOptions, type WaitOptions } from "./options.js";
import { Queue } from "./queue.js";
import { LockRequest } from "./request.js";
import type { LockState } from "./state.js";
import { GateToken } from "./token.js";
import { type Entry, type Place, timedOut, Waiter } from "./waiter.js";

/** Resolves the promise of a request that nothing can take out of the queue before its turn. */
export type Grant = (token: LockToken) => void;

/** In which order those who wait are let in. `Queue` is the usual one. */
export interface WaitQueue {
  readonly size: number;
  /** Who comes next as soon as there is room, and stays. */
  first(): Grant | Entry | undefined;
  /** Takes out whom the gate has just found to be next. */
  shift(): void;
  push(entry: Grant | Entry, how?: unknown): void;
  remove(entry: Entry): void;
  /** Takes out all who are but functions, in order. */
  takeFunctions(): Grant[];
  [Symbol.iterator](): Generator<Grant | Entry, void>;
}

let grabbed: Grant;
const grab = (resolve: Grant): void => {
  grabbed = resolve;
};

/**
 * The state of one lock, or of one key of a keyed lock: how many are inside, and who waits, in one queue, which is FIFO
 * unless the lock brings another.
 *
 * Shared holders take one unit of `room` each, an exclusive one takes all of it. A mutex is a gate with room for one, a
 * semaphore has room for a few, a readers/writer lock has room without end. Every change happens in one synchronous
 * step: whoever leaves decides, in that call, who is inside next, so there is nothing to race for.
 *
 * `How` is what a request says of how it wants to come in: here whether exclusively.
 *
 * **Complexity**: O(1) for every change, amortised.
 */
export class Gate<T extends LockToken = LockToken, How = boolean> implements Place<T> {
  readonly state: LockState;
  /** The key that this gate belongs to, at a keyed lock. */
  key: unknown;
  /** What that key is compared by. */
  id: unknown;
  /** Holders inside; -1 is one exclusive holder. */
  used = 0;
  /** Called when nobody is inside and nobody waits. */
  onIdle?(gate: this): void;
  #queue: WaitQueue | undefined;
  #idlers: IdleWaiters | undefined;
  // The holders that are known by name; all others are only counted.
  #known: Set<LockRequest> | undefined;

  constructor(state: LockState, queue?: WaitQueue) {
    this.state = state;
    this.#queue = queue;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#queue === undefined ? 0 : this.#queue.size;
  }

  /** What the lock calls the way it is held now. */
  get mode(): string {
    return this.state.modes[this.used < 0 ? 1 : 0];
  }

  get idle(): boolean {
    return this.used === 0 && this.waiting === 0;
  }

  /** Goes in if that is possible at once and overtakes nobody. */
  enter(how: How): boolean {
    const exclusive = how === true;
    if (this.waiting > 0 || !this.fits(exclusive)) return false;
    this.used = exclusive ? -1 : this.used + 1;
    return true;
  }

  /** Whether there is room, whoever waits. */
  fits(exclusive: boolean): boolean {
    const { room } = this.state;
    return exclusive ? this.used === 0 && room > 0 : this.used >= 0 && this.used < room;
  }

  /** A token, if that is possible at once. */
  tryAcquire(how: How, label?: string): T | null {
    return this.enter(how) ? this.issue(this.request(how, label)) : null;
  }

  /** Resolves with a token; how long that may take, the options say. */
  acquire(how: How, options: WaitOptions | undefined): Promise<T> {
    // What nobody watches and nobody can cancel takes the short way.
    return options === undefined && !observing() && this.enter(how)
      ? Promise.resolve(this.make(undefined))
      : Promise.resolve(this.#ask(how, options));
  }

  /** Runs `fn` inside: at once where that is possible, and not at all once the signal is aborted. */
  with<R>(how: How, fn: (token: T) => R, options: WaitOptions | undefined): Promise<Awaited<R>> {
    checkFunction(fn, "fn");
    const token = this.#ask(how, options);
    return token instanceof Promise
      ? token.then((late) => holdUnlessAborted(late, fn, options))
      : hold(token, fn);
  }

  /** Makes the token of somebody who is inside. */
  issue(request: LockRequest | undefined): T {
    const token = this.make(request);
    this.note(request);
    request?.granted(token);
    return token;
  }

  /** Goes out, and lets in whoever is next. */
  leave(request: LockRequest | undefined): void {
    this.vacate(request);
    // Whoever is told finds the lock as it is from now on, or on its way to the next.
    if (this.waiting === 0 && this.used === 0) this.#becomeIdle();
    request?.released();
    if (this.waiting > 0) this.advance();
  }

  /** Goes out. The caller advances the gate afterwards. */
  vacate(request: LockRequest | undefined): void {
    if (this.used === 0) throw new Error(`${this.state.name} is released more often than acquired`);
    this.used = this.used < 0 ? 0 : this.used - 1;
    if (request !== undefined) this.#known?.delete(request);
  }

  /** Lets in all who can go in now, in order. */
  advance(): void {
    const queue = this.#queue;
    for (let next; (next = this.next()) !== undefined;) {
      if (typeof next === "function") {
        if (!this.fits(false)) break;
        queue?.shift();
        this.used += 1;
        next(this.make(undefined));
        continue;
      }
      const aborted = next.waiter.aborted;
      if (aborted !== undefined) next.waiter.fail(aborted.reason);
      else if (this.fits(next.exclusive)) {
        queue?.shift();
        this.used = next.exclusive ? -1 : this.used + 1;
        next.admit();
      } else break;
    }
    this.state.settle();
    if (this.idle) this.#becomeIdle();
  }

  /** Puts an entry at the end of the queue. */
  append(entry: Grant | Entry, how?: How): void {
    (this.#queue ??= new Queue<Grant | Entry>()).push(entry, how);
  }

  /** Takes an entry out of the queue, wherever it stands. */
  unlink(entry: Entry): void {
    this.#queue?.remove(entry);
  }

  withdraw(waiter: Waiter): void {
    this.unlink(waiter);
    this.state.touch(this);
  }

  /** Resolves when nobody is inside and nobody waits. */
  whenIdle(options: WaitOptions | undefined): Promise<void> {
    this.#idlers ??= new IdleWaiters();
    return this.#idlers.wait(this.state, this.idle, options);
  }

  /** Rejects all who wait, each with what `reason` returns. The caller lets the gates settle afterwards. */
  rejectWaiters(reason: (request?: LockRequest) => unknown): number {
    const queue = this.#queue;
    if (queue === undefined) return 0;
    const count = queue.size;
    this.state.touch(this);
    // First those whose rejection nobody is told of in this step. Whoever is told of one may ask again, and stays.
    for (const grant of queue.takeFunctions()) grant(rejection(reason()));
    for (const entry of [...queue] as Entry[]) entry.waiter.fail(reason(entry.waiter.request));
    return count;
  }

  /** Notes by name who is inside. */
  note(request: LockRequest | undefined): void {
    if (request !== undefined) (this.#known ??= new Set()).add(request);
  }

  /** Who is inside. */
  held(): HeldEntry[] {
    const { mode } = this;
    const held = Array.from(this.#known ?? [], (request) => request.entry(mode));
    while (held.length < Math.abs(this.used)) held.push({ mode });
    return held;
  }

  /** The queue, in order. */
  queue(): Iterable<Grant | Entry> {
    return this.#queue ?? [];
  }

  /** Who is let in next, as soon as there is room. */
  protected next(): Grant | Entry | undefined {
    return this.#queue?.first();
  }

  /** The token of somebody who is inside. */
  protected make(request: LockRequest | undefined): T {
    // Each lock says with T which of the token's properties it shows.
    return new GateToken(this, request) as LockToken as T;
  }

  /** What is to be known of a request that carries a label or is observed. */
  protected request(how: How, label: string | undefined): LockRequest | undefined {
    if (label === undefined && !observing()) return undefined;
    return new LockRequest(this.state, [how === true], label, this.key === undefined ? [] : [this.key]);
  }

  /** Lets a request wait. */
  protected enqueue(
    how: How,
    options: WaitOptions | undefined,
    request: LockRequest | undefined,
  ): Promise<T> {
    if (options === undefined && request === undefined && how !== true) return this.park(how);
    const waiter = new Waiter<T>(this, this.state, options, how === true, request);
    this.append(waiter, how);
    request?.waits(waiter as Waiter);
    return waiter.promise;
  }

  /** Lets a request wait that nothing can take out before its turn: its resolve function is all there is to keep. */
  protected park(how: How): Promise<T> {
    const promise = new Promise<T>(grab as never);
    this.append(grabbed, how);
    return promise;
  }

  #becomeIdle(): void {
    this.#idlers?.notify();
    this.onIdle?.(this);
  }

  #ask(how: How, options: WaitOptions | undefined): T | Promise<T> {
    const { state } = this;
    if (options !== undefined) {
      checkWaitOptions(options);
      if (options.signal?.aborted === true) return Promise.reject(options.signal.reason);
    }
    const request = this.request(how, options?.label);
    if (this.enter(how)) return this.issue(request);
    if (state.closed) return Promise.reject(state.closedReason(request));
    if (options?.timeout === 0) return Promise.reject(timedOut(state, 0, request));
    if (this.waiting >= state.maxWaiters) return Promise.reject(queueFull(state, request));
    return this.enqueue(how, options, request);
  }
}

/** What to resolve a promise with to reject it: of some requests only the resolve function is kept. */
function rejection(reason: unknown): LockToken {
  return {
    then(_: unknown, reject: (reason: unknown) => void) {
      reject(reason);
    },
  } as never;
}

/** What a request is rejected with when as many wait as may. */
export function queueFull(state: LockState, request?: LockRequest): QueueFullError {
  const { maxWaiters } = state;
  return new QueueFullError(
    `${state.describe(request)} has ${maxWaiters} waiters and takes no more`,
    maxWaiters,
  );
}
