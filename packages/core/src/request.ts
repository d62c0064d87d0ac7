import { type LockEvent, publish } from "#observe";
import type { LockToken } from "./governor.js";
import type { HeldEntry } from "./introspection.js";
import type { LockState } from "./state.js";
import type { GateToken } from "./token.js";
import type { Waiter } from "./waiter.js";

declare const performance: { now(): number };

/**
 * What is known of one request that carries a label or is observed; the message of every `holdfast:*` event, the same
 * object from its first event to its last.
 */
export class LockRequest {
  /** The lock it was made to. */
  readonly lock: LockState;
  /** How it wants to hold the lock, or holds it. */
  mode: string;
  readonly label: string | undefined;
  /** The key or keys it is for, at a keyed lock; those given back early are taken out. */
  keys: readonly unknown[];
  /** Whether each key, or the lock as such, is wanted or held exclusively; mutexes have nothing but shared with room for one. */
  exclusive: readonly boolean[];
  /** When it was made, in milliseconds as `performance.now()` has it. */
  readonly since: number = performance.now();
  /** How long it waited, in milliseconds, once that is over. */
  waited = 0;
  /** The grant, once there is one. */
  token: LockToken | undefined;
  /** What it was rejected with. */
  reason: unknown;
  /** While it waits: rejects it with `reason`. */
  cancel: ((reason: unknown) => void) | undefined;

  constructor(
    lock: LockState,
    exclusive: readonly boolean[],
    label: string | undefined,
    keys: readonly unknown[],
  ) {
    this.lock = lock;
    this.exclusive = exclusive;
    this.mode = lock.modes[exclusive.includes(true) ? 1 : 0];
    this.label = label;
    this.keys = keys;
  }

  /** Tells that it waits. */
  waits(waiter: Waiter): void {
    this.cancel = (reason) => {
      waiter.fail(reason);
      this.lock.settle();
    };
    publish("wait", this);
  }

  /** Tells that it is granted. */
  granted(token: LockToken): void {
    this.token = token;
    this.#ended("grant");
  }

  /** Notes that another token, in another mode, has taken the place of the one it was granted. */
  moved(token: GateToken): void {
    this.token = token;
    this.mode = token.mode;
    this.exclusive = [token.mode === this.lock.modes[1]];
  }

  /** Tells that it is rejected. */
  rejected(reason: unknown, event: "abort" | "timeout"): void {
    this.reason = reason;
    this.#ended(event);
  }

  /** Tells that it is released. */
  released(): void {
    publish("release", this);
  }

  /** How long it has waited, for messages; nothing where it does not wait. */
  get age(): string {
    return this.cancel === undefined ? "" : ` after ${Math.round(performance.now() - this.since)} ms`;
  }

  /** What `snapshot()` shows of it, where it has or wants `mode`. */
  entry(mode: string): HeldEntry {
    const { label, since } = this;
    return label === undefined ? { mode, since } : { mode, label, since };
  }

  #ended(event: LockEvent): void {
    if (this.cancel !== undefined) this.waited = performance.now() - this.since;
    this.cancel = undefined;
    publish(event, this);
  }
}
