import { keep } from "@holdfast/core";
import type { Branch } from "./branch.js";
import type { Budget, Slot } from "./budget.js";
import type { Run } from "./run.js";

/** The slot of one branch, where slots are limited: lent to others while the branch only waits, and taken back. */
export class Seat {
  static {
    keep(new Seat({} as never, {} as never));
  }

  readonly branch: Branch;
  /** Whether the branch stands in the queue for a slot, to start or to go on. */
  isWaiting = false;
  private readonly budget: Budget;
  private slot: Slot | undefined = undefined;
  /** How many things the branch waits for. */
  private pauses = 0;
  /** What goes on once there is a slot again; nothing before the branch has started. */
  private goOn: (() => void) | undefined = undefined;
  private isClosed = false;

  constructor(branch: Branch, budget: Budget) {
    this.branch = branch;
    this.budget = budget;
  }

  /** Here is a slot. `by` is the join whose step this is, if it is known. */
  admit(slot: Slot, by: Run | undefined): void {
    if (this.goOn === undefined) this.branch.run.admit(this.branch, slot, by);
    else {
      this.slot = slot;
      this.goOn();
    }
  }

  /** There will be none. */
  refuse(error: unknown): void {
    if (this.goOn === undefined) this.branch.run.refuse(this.branch, error);
    else this.goOn();
  }

  take(slot: Slot): void {
    this.slot = slot;
  }

  /** The branch begins to wait for something. What of it waits for a slot meanwhile goes on without: a slot is for branches that do not wait. */
  pause(): void {
    this.pauses += 1;
    this.withdraw();
  }

  /** Gives the slot to whoever is next, if the branch waits. */
  lend(by?: Run): void {
    if (this.slot === undefined || this.pauses === 0) return;
    this.giveBack(this.slot);
    this.budget.advance(by);
  }

  /** The branch has what it waited for: `done` is called when it has a slot, or waits for something else, or needs none any more. */
  resume(done: () => void): void {
    this.pauses -= 1;
    if (this.isClosed || this.slot !== undefined || this.pauses > 0) {
      done();
      return;
    }
    this.goOn = done;
    this.budget.ask(this);
    this.budget.advance(undefined);
  }

  /** The branch never needs to wait for a slot again: it has been told to stop, or its body has ended. */
  close(): void {
    this.isClosed = true;
    this.withdraw();
  }

  /** The branch is over. Tells whether it gives a slot back: the caller advances the budget then. */
  leave(): boolean {
    this.close();
    if (this.slot === undefined) return false;
    this.giveBack(this.slot);
    return true;
  }

  private giveBack(slot: Slot): void {
    this.slot = undefined;
    this.budget.takeBack(slot, this.branch.run);
  }

  private withdraw(): void {
    if (!this.isWaiting) return;
    this.budget.drop(this);
    this.goOn?.();
  }
}
