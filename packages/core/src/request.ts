import type { LockToken } from "./governor.js";
import type { LockState } from "./state.js";
import { channels } from "#observe";

declare const performance: { now(): number };

/**
 * What is known of one request that carries a label or is observed; the message of every `holdfast:*` event, the same
 * object from its first event to its last.
 */
export class LockRequest {
  /** The lock it was made to. */
  readonly lock: LockState;
  /** The key or keys it is for, at a keyed lock. */
  readonly keys: readonly unknown[];
  /** How it wants to hold the lock. */
  mode: string;
  readonly label: string | undefined;
  /** When it was made, in milliseconds as `performance.now()` has it. */
  readonly since: number = performance.now();
  /** How long it waited, in milliseconds; 0 until it is granted or rejected. */
  waited = 0;
  /** The grant, once there is one. */
  token: LockToken | undefined;
  /** What it was rejected with. */
  reason: unknown;
  /** While it waits: rejects it with `reason`. */
  cancel: ((reason: unknown) => void) | undefined;
  /** While it waits: the requests that have to end before it can be granted, as far as they are known. */
  blockers: (() => Iterable<LockRequest>) | undefined;

  constructor(lock: LockState, mode: string, label: string | undefined, keys: readonly unknown[]) {
    this.lock = lock;
    this.mode = mode;
    this.label = label;
    this.keys = keys;
  }

  /** Tells the observers that this request now waits. */
  waits(cancel: (reason: unknown) => void, blockers: () => Iterable<LockRequest>): void {
    this.cancel = cancel;
    this.blockers = blockers;
    channels?.wait.publish(this);
  }

  granted(token: LockToken): void {
    this.token = token;
    this.#waited();
    channels?.grant.publish(this);
  }

  released(): void {
    channels?.release.publish(this);
  }

  rejected(reason: unknown, event: "abort" | "timeout"): void {
    this.reason = reason;
    this.#waited();
    channels?.[event].publish(this);
  }

  #waited(): void {
    if (this.cancel !== undefined) this.waited = performance.now() - this.since;
    this.cancel = this.blockers = undefined;
  }
}
