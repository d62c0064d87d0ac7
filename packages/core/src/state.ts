import type { AbortGroup, AbortGroups } from "./abort-group.js";
import { ClosedError } from "./errors.js";
import type { AbortSignalLike } from "./options.js";
import type { LockRequest } from "./request.js";

/** A gate whose queue somebody left. */
interface Touched {
  /** Lets in all who can go in now. */
  advance(): void;
}

/**
 * What one lock object has once, however many gates (keys) it has: its name, whether it is closed, and one abort
 * listener per signal.
 */
export class LockState implements AbortGroups {
  /** For messages: the kind of lock, and its label where it has one. */
  readonly name: string;
  /** What the shared and the exclusive side are called. */
  readonly modes: readonly [shared: string, exclusive: string];
  /** How many may wait at one gate. */
  readonly maxWaiters: number;
  /** How many shared holders fit in each of its gates; 0 once closed. */
  room: number;
  closed = false;
  readonly groups: Map<AbortSignalLike, AbortGroup> = new Map<AbortSignalLike, AbortGroup>();
  lastGroup: AbortGroup | undefined;
  #reason: unknown;
  #touched: Touched[] = [];
  #settling = false;

  constructor(
    kind: string,
    label: string | undefined,
    modes: readonly [shared: string, exclusive: string],
    maxWaiters: number,
    room: number = Infinity,
  ) {
    this.name = label === undefined ? kind : `${kind} "${label}"`;
    this.modes = modes;
    this.maxWaiters = maxWaiters;
    this.room = room;
  }

  /** Who is meant, in messages. */
  describe(request?: LockRequest): string {
    return request?.label === undefined ? this.name : `${this.name} as "${request.label}"`;
  }

  /** Closes; a second time changes nothing. */
  close(reason: unknown): void {
    if (!this.closed) this.#reason = reason;
    this.closed = true;
    this.room = 0;
  }

  /** What a request to a closed lock is rejected with: the reason given, or an error of its own each. */
  closedReason(request?: LockRequest): unknown {
    return this.#reason === undefined
      ? new ClosedError(`${this.describe(request)} was closed${request?.age ?? ""}`)
      : this.#reason;
  }

  /** Notes that somebody left the queue of `gate`, which must look at it before this step ends. */
  touch(gate: Touched): void {
    this.#touched.push(gate);
  }

  /**
   * Lets every gate whose queue somebody left look at it. A loop and not a recursion: one abort can empty a queue of any
   * length, and take each of those who leave out of other queues as well.
   */
  settle(): void {
    if (this.#settling || this.#touched.length === 0) return;
    this.#settling = true;
    try {
      for (const gate of this.#touched) gate.advance();
    } finally {
      this.#touched = [];
      this.#settling = false;
    }
  }
}
