import type { DemandHandle, HolderInfo, PriorityLock } from "@holdfast/priority-lock";
import type { Kind } from "./holders.js";

/** Work that will ask for the session soon. No worker's turn begins until it is released. */
export interface Announcement {
  /** The worker that was asked to yield; `null` if there was none to ask. */
  readonly preempted: HolderInfo<Kind> | null;
  /** Ends it. A second time is only logged. */
  release(): void;
  [Symbol.dispose](): void;
}

/** Announces handlers, and takes back what nobody takes back: a leaked announcement would keep the worker out for good. */
export class Announcements {
  readonly #lock: PriorityLock<Kind>;
  readonly #limit: number;
  readonly #log: (line: string) => void;
  readonly #open = new Set<() => void>();

  constructor(lock: PriorityLock<Kind>, limit: number, log: (line: string) => void) {
    this.#lock = lock;
    this.#limit = limit;
    this.#log = log;
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  announce(label?: string): Announcement {
    const demand: DemandHandle<Kind> = this.#lock.demand("handler", label);
    const name = label === undefined ? "an announced handler" : `the announced handler "${label}"`;
    const end = (): void => {
      clearTimeout(timer);
      this.#open.delete(end);
      demand.release();
    };
    const timer =
      this.#limit === Infinity
        ? undefined
        : setTimeout(() => {
            this.#log(`${name} was never taken back; after ${this.#limit} ms the worker may go on`);
            end();
          }, this.#limit);
    this.#open.add(end);
    const release = (): void => {
      if (this.#open.has(end)) end();
      else this.#log(`${name} was taken back once more`);
    };
    return { preempted: demand.preempted, release, [Symbol.dispose]: release };
  }

  /** Ends all of them. */
  clear(): void {
    for (const end of [...this.#open]) end();
  }
}
