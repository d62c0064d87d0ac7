import { controller, type Controller, type Governor, keep, type LockToken } from "@holdfast/core";
import { Heap } from "./heap.js";
import type { Run } from "./run.js";
import type { Seat } from "./seat.js";
import { throwLater } from "./throw-later.js";

/** The right of one branch to run. */
export type Slot = Pick<LockToken, "release">;

/**
 * The slots that a join and all joins within it share: a number of them, or what a governor grants.
 *
 * Who comes next is who would come next one at a time: the branches of a join within a branch go before the branches
 * after that one.
 */
export class Budget {
  static {
    keep(new Budget(1));
  }

  /** Those who wait, and some who have left: whoever waits again stands here twice. */
  readonly #queue = new Heap<Seat>(precedes);
  readonly #governor: Governor | undefined;
  /** One of those that are only counted. */
  readonly #counted: Slot = {
    release: () => {
      this.#free += 1;
    },
  };
  #free: number;
  #waiting = 0;
  #asking: Controller | undefined;

  constructor(limit: number | Governor) {
    this.#governor = typeof limit === "number" ? undefined : limit;
    this.#free = typeof limit === "number" ? limit : 0;
  }

  /** Lets a branch wait. The caller advances the budget afterwards. */
  ask(seat: Seat): void {
    seat.isWaiting = true;
    this.#waiting += 1;
    this.#queue.push(seat);
  }

  /** Takes out one that waits. */
  drop(seat: Seat): void {
    seat.isWaiting = false;
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#asking?.abort(undefined);
  }

  /** Takes back a slot of a branch of `run`, which ends with what its governor throws at that. The caller advances the budget afterwards. */
  takeBack(slot: Slot, run: Run): void {
    try {
      slot.release();
    } catch (error) {
      run.stop(error);
    }
  }

  /** Gives out the slots that there are. */
  advance(by: Run | undefined): void {
    // While the governor is asked, whatever it grants comes by that way.
    while (this.#waiting > 0 && this.#asking === undefined) {
      let slot;
      try {
        slot = this.#take();
      } catch (error) {
        this.#refuse(error);
        continue;
      }
      if (slot === null) return;
      this.#admit(slot, by);
    }
  }

  #take(): Slot | null {
    if (this.#governor !== undefined) {
      const token = this.#governor.tryAcquire();
      if (token === null) void this.#askGovernor(this.#governor);
      return token;
    }
    if (this.#free === 0) return null;
    this.#free -= 1;
    return this.#counted;
  }

  async #askGovernor(governor: Governor): Promise<void> {
    const asking = (this.#asking = controller());
    try {
      const token = await governor.acquire({ signal: asking.signal });
      this.#asking = undefined;
      // Those who waited may have gone since.
      if (this.#waiting > 0) this.#admit(token, undefined);
      else release(token);
    } catch (error) {
      this.#asking = undefined;
      if (!asking.signal.aborted) this.#refuse(error);
    }
    this.advance(undefined);
  }

  #admit(slot: Slot, by: Run | undefined): void {
    this.#next()?.admit(slot, by);
  }

  #refuse(error: unknown): void {
    for (let count = this.#waiting; count > 0; count -= 1) this.#next()?.refuse(error);
  }

  /** Who is next, and waits no longer. */
  #next(): Seat | undefined {
    for (let seat; (seat = this.#queue.pop()) !== undefined;)
      if (seat.isWaiting) {
        seat.isWaiting = false;
        this.#waiting -= 1;
        return seat;
      }
    return undefined;
  }
}

/** Gives back what no join wants, so that there is none to end with what that throws. */
function release(slot: Slot): void {
  try {
    slot.release();
  } catch (error) {
    throwLater(error);
  }
}

function precedes({ branch: a }: Seat, { branch: b }: Seat): boolean {
  return a.run === b.run ? a.position < b.position : isBefore(a.path, b.path);
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  // None is the beginning of another: a branch within which there are joins does not wait for a slot.
  const at = a.findIndex((place, index) => place !== b[index]);
  return (a[at] ?? 0) < (b[at] ?? 0);
}
