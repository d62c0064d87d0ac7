import {
  CanceledError,
  type Entry,
  keep,
  type LockRequest,
  type Place,
  Waiter,
  type WaitOptions,
} from "@holdfast/core";
import type { PriorityClass } from "./classes.js";
import type { PriorityGate } from "./priority-gate.js";
import type { PriorityGrant } from "./token.js";

/** A request in the queue that can leave it, age in it, or change its class. */
export class PriorityEntry implements Entry, Place<unknown> {
  static {
    keep(new PriorityEntry({} as never, {} as never, undefined, undefined));
  }

  position = -1;
  readonly waiter: Waiter;
  /** The class that was asked for. */
  asked: PriorityClass;
  /** The rank at which it waits; aging lowers it. */
  rank: number;
  /** With aging: since when it has had that rank, in milliseconds as `performance.now()` has it. */
  since = 0;
  waiting = true;
  readonly #gate: PriorityGate;
  readonly #returning: PriorityGrant | undefined;

  /** `returning` is the token of a holder that has yielded and wants the lock back. */
  constructor(
    gate: PriorityGate,
    asked: PriorityClass,
    options: WaitOptions | undefined,
    request: LockRequest | undefined,
    returning?: PriorityGrant,
  ) {
    this.#gate = gate;
    this.asked = asked;
    this.rank = returning?.rank ?? asked.rank;
    this.#returning = returning;
    this.waiter = new Waiter<unknown>(this, gate.state, options, false, request);
  }

  /** Whoever holds takes all the room there is. */
  get exclusive(): boolean {
    return false;
  }

  admit(): void {
    this.waiter.admit();
  }

  issue(request: LockRequest | undefined): unknown {
    this.waiting = false;
    if (this.#returning === undefined) return this.#gate.issue(request);
    this.#gate.resume(this.#returning, request, this.rank);
    return undefined;
  }

  /** Gives up the wait because its token was released. */
  abandon(): void {
    const { state } = this.#gate;
    const { request } = this.waiter;
    this.waiter.fail(
      new CanceledError(`${state.describe(request)} was released while it waited to come back`),
    );
    state.settle();
  }

  withdraw(): void {
    this.waiting = false;
    this.#returning?.stays();
    this.#gate.unlink(this);
    this.#gate.state.touch(this.#gate);
  }
}
