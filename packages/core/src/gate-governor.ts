import { wrapper } from "./hold.js";
import type { Gate } from "./gate.js";
import type { Governor, LockToken } from "./governor.js";
import type { WaitOptions } from "./options.js";

/** One side of a gate as a `Governor`. */
export class GateGovernor<T extends LockToken, How = boolean> implements Governor<T> {
  readonly #gate: Gate<T, How>;
  readonly #how: How;

  constructor(gate: Gate<T, How>, how: How) {
    this.#gate = gate;
    this.#how = how;
  }

  acquire(options?: WaitOptions): Promise<T> {
    return this.#gate.acquire(this.#how, options);
  }

  tryAcquire(): T | null {
    return this.#gate.tryAcquire(this.#how);
  }

  with<R>(fn: (token: T) => R, options?: WaitOptions): Promise<Awaited<R>> {
    return this.#gate.with(this.#how, fn, options);
  }

  wrap<This, A extends unknown[], R>(
    fn: (this: This, ...args: A) => R,
    options?: WaitOptions,
  ): (this: This, ...args: A) => Promise<Awaited<R>> {
    return wrapper(fn, options, (body) => this.with(body, options));
  }
}
