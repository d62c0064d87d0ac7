import { overlap } from "./action.js";
import type { Action } from "./action.js";
import { show } from "./equal.js";

/** What `clock.setTimeout` returns: Node's timers have these methods, and code under test may call them. */
export interface TimerHandle {
  ref(): TimerHandle;
  unref(): TimerHandle;
  hasRef(): boolean;
  [Symbol.toPrimitive](): number;
}

/** A timer that is about to expire. */
export interface Expiry {
  /** The delay it was set with, in milliseconds. */
  readonly ms: number;
  /** The task or event in whose synchronous code it was set; undefined if it was set later than that. */
  readonly owner: string | undefined;
}

/** Virtual timers of one schedule. */
export interface Clock {
  /** How many timers are set, and neither expired nor cleared. */
  readonly pending: number;
  /** Virtual milliseconds since the schedule began: the latest time that a timer which expired was due. */
  readonly now: () => number;
  /** Sets a timer. Its expiry is an event of the schedule. */
  readonly setTimeout: (
    callback: (...args: never[]) => unknown,
    ms?: number,
    ...args: unknown[]
  ) => TimerHandle;
  /** Calls back just before any timer expires: the place for the model's move. */
  readonly onExpiry: (callback: (timer: Expiry) => unknown) => void;
  /** Clears a timer. */
  readonly clearTimeout: (handle: unknown) => void;
}

interface Timer extends Action {
  readonly handle: TimerHandle;
  readonly ms: number;
  readonly due: number;
  readonly epoch: number;
}

/** Where a timer is set: what the clock has to know about the schedule. */
export interface ClockHost {
  /** How many steps were made so far: no time passes within one. */
  readonly epoch: () => number;
  /** The action whose code runs at this moment, as far as that is known. */
  readonly current: () => Action | undefined;
  /** Queues a timer's callback, and watches it for errors. */
  readonly queue: (callback: () => unknown) => void;
}

/** Tasks and events have their ids below this. */
const FIRST_ID = 0x40000000;

const genuineClearTimeout = (globalThis as unknown as { clearTimeout: (handle: unknown) => void })
  .clearTimeout;

/**
 * The virtual timers of one schedule.
 *
 * Any amount of time may pass between two steps, so timers do not simply expire in the order of their due
 * times. A timer can expire unless another one must come first: one set earlier for no longer, or set in the
 * same step for less. Timers of steps that touch nothing in common are free of each other, or reduction by
 * independence would not be sound.
 */
export class VirtualClock implements Clock {
  readonly #host: ClockHost;
  readonly #timers: Timer[] = [];
  // Those whose turn has come but whose code has not run yet: code that runs before it may still clear them.
  readonly #expiring = new Set<Timer>();
  #listener: ((timer: Expiry) => unknown) | undefined;
  #now = 0;
  #made = 0;

  constructor(host: ClockHost) {
    this.#host = host;
  }

  get pending(): number {
    return this.#timers.length;
  }

  readonly now = (): number => this.#now;

  readonly setTimeout = (
    callback: (...args: never[]) => unknown,
    delay = 0,
    ...args: unknown[]
  ): TimerHandle => {
    if (typeof callback !== "function")
      throw new TypeError(`callback must be a function: received ${show(callback)}`);
    const ms = delay > 0 ? delay : 0;
    const by = this.#host.current();
    const serial = (this.#made += 1);
    const handle: TimerHandle = {
      ref: () => handle,
      unref: () => handle,
      hasRef: () => true,
      [Symbol.toPrimitive]: () => serial,
    };
    const timer: Timer = {
      kind: "timer",
      actor: serial,
      id: FIRST_ID + serial,
      name: `timer ${serial}${by === undefined ? "" : ` of ${by.owner ?? by.name}`} expires (${ms} ms)`,
      owner: by?.owner,
      touches: by?.touches ?? null,
      model: () => this.#listener?.({ ms, owner: by?.owner }),
      handle,
      ms,
      due: this.#now + ms,
      epoch: this.#host.epoch(),
      fire: () => {
        this.#remove(timer);
        if (timer.due > this.#now) this.#now = timer.due;
        this.#expiring.add(timer);
        this.#host.queue(() => {
          if (this.#expiring.delete(timer)) (callback as (...args: unknown[]) => unknown)(...args);
        });
      },
    };
    this.#timers.push(timer);
    return handle;
  };

  readonly onExpiry = (callback: (timer: Expiry) => unknown): void => {
    this.#listener = callback;
  };

  readonly clearTimeout = (handle: unknown): void => {
    const timer = [...this.#timers, ...this.#expiring].find(
      (each) => each.handle === handle || (typeof handle === "number" && each.actor === handle),
    );
    if (timer !== undefined) this.#remove(timer);
    // A handle from before the schedule belongs to the genuine clock.
    else if (typeof handle === "object" && handle !== null && !isVirtual(handle)) genuineClearTimeout(handle);
  };

  /** Adds the timers that may expire next. */
  collect(into: Action[]): void {
    for (const timer of this.#timers)
      if (!this.#timers.some((other) => other !== timer && comesFirst(other, timer))) into.push(timer);
  }

  #remove(timer: Timer): void {
    const at = this.#timers.indexOf(timer);
    if (at >= 0) this.#timers.splice(at, 1);
    this.#expiring.delete(timer);
  }
}

const isVirtual = (handle: object): boolean =>
  Symbol.toPrimitive in handle && Object.hasOwn(handle, "hasRef");

function comesFirst(other: Timer, timer: Timer): boolean {
  if (!overlap(other.touches, timer.touches)) return false;
  if (other.actor < timer.actor && other.ms <= timer.ms) return true;
  return other.epoch === timer.epoch && other.ms < timer.ms;
}
