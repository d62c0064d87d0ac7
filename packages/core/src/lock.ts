import { CanceledError } from "./errors.js";
import type { Gate, Grant } from "./gate.js";
import type { LockToken } from "./governor.js";
import type { Introspection, LockSnapshot, PendingEntry, Shutdown } from "./introspection.js";
import type { WaitOptions } from "./options.js";
import type { LockRequest } from "./request.js";
import type { LockState } from "./state.js";
import type { Entry } from "./waiter.js";

/** What every lock with a single gate answers and does alike. */
export abstract class GateLock<T extends LockToken, G extends Gate<T, never> = Gate<T>>
  implements Introspection, Shutdown
{
  protected readonly gate: G;

  protected constructor(gate: G) {
    this.gate = gate;
  }

  get locked(): boolean {
    return this.gate.used !== 0;
  }

  get holders(): number {
    return Math.abs(this.gate.used);
  }

  get waiters(): number {
    return this.gate.waiting;
  }

  get closed(): boolean {
    return this.gate.state.closed;
  }

  snapshot(): LockSnapshot {
    const { gate } = this;
    return {
      held: gate.held(),
      pending: Array.from(gate.queue(), (entry) => pendingEntry(gate.state, entry)),
    };
  }

  whenIdle(options?: WaitOptions): Promise<void> {
    return this.gate.whenIdle(options);
  }

  cancelWaiters(reason?: unknown): number {
    const { state } = this.gate;
    return this.#reject((request) => (reason === undefined ? canceled(state, request) : reason));
  }

  close(reason?: unknown): void {
    const { gate } = this;
    gate.state.close(reason);
    this.#reject((request) => gate.state.closedReason(request));
  }

  #reject(reason: (request?: LockRequest) => unknown): number {
    const count = this.gate.rejectWaiters(reason);
    this.gate.state.settle();
    return count;
  }
}

/** What `cancelWaiters()` rejects with where it is given no reason. */
export function canceled(state: LockState, request?: LockRequest): CanceledError {
  return new CanceledError(`Waiting for ${state.describe(request)} was canceled${request?.age ?? ""}`);
}

/** What `snapshot()` shows of one in the queue. */
export function pendingEntry(state: LockState, entry: Grant | Entry): PendingEntry {
  if (typeof entry === "function") return { mode: state.modes[0] };
  const mode = state.modes[entry.waiter.exclusive ? 1 : 0];
  return entry.waiter.request?.entry(mode) ?? { mode };
}
