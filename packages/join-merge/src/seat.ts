import type { Branch } from "./branch.js";
import type { Budget, Claim, Slot } from "./budget.js";
import type { Run } from "./run.js";

/** The slot of one branch, where slots are limited: lent to others while the branch only waits, and taken back. */
export class Seat {
  private readonly branch: Branch;
  private readonly budget: Budget;
  private slot: Slot | undefined = undefined;
  private claim: Claim | undefined = undefined;
  /** How many things the branch waits for. */
  private pauses = 0;
  /** What goes on once there is a slot again. */
  private goOn: (() => void) | undefined = undefined;
  private isClosed = false;

  constructor(branch: Branch, budget: Budget) {
    this.branch = branch;
    this.budget = budget;
  }

  /** Stands in the queue for a slot. The caller advances the budget afterwards. */
  ask(admit: Claim["admit"], refuse: Claim["refuse"]): void {
    this.claim = { branch: this.branch, waiting: true, admit, refuse };
    this.budget.ask(this.claim);
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
    const { slot } = this;
    if (slot === undefined || this.pauses === 0) return;
    this.slot = undefined;
    this.budget.giveBack(slot, by);
  }

  /** The branch has what it waited for: `done` is called when it has a slot, or waits for something else, or needs none any more. */
  resume(done: () => void): void {
    this.pauses -= 1;
    if (this.isClosed || this.slot !== undefined || this.pauses > 0) {
      done();
      return;
    }
    this.goOn = done;
    this.ask((slot) => {
      this.take(slot);
      done();
    }, done);
    this.budget.advance(undefined);
  }

  /** The branch never needs to wait for a slot again: it has been told to stop, or its body has ended. */
  close(): void {
    this.isClosed = true;
    this.withdraw();
  }

  /** The branch is over, and leaves its slot to the caller. */
  leave(): Slot | undefined {
    this.close();
    const { slot } = this;
    this.slot = undefined;
    return slot;
  }

  private withdraw(): void {
    if (this.claim?.waiting !== true) return;
    this.budget.drop(this.claim);
    this.goOn?.();
  }
}
