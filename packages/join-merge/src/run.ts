import { keep } from "@holdfast/core";
import { because, type Branch } from "./branch.js";
import { Budget, type Slot } from "./budget.js";
import { JoinError } from "./errors.js";
import { defaults, type Settings } from "./options.js";
import type { BranchRecord, JoinReport } from "./record.js";
import type { Schedule } from "./schedule.js";
import { Seat } from "./seat.js";
import { throwLater } from "./throw-later.js";
import { Watch } from "./watch.js";

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** What the kinds of joins do differently. */
export interface Work {
  readonly schedule: Schedule;
  /** Whether there is no result when a branch has failed, with `wait-all` either. */
  readonly needsAll?: boolean;
  /** Looks at what a branch has made; throws if it is of no use. */
  accept?(branch: Branch, value: unknown): void;
  baseOf?(branch: Branch): unknown;
  depsOf?(branch: Branch): unknown;
  /** The error to reject with where a branch failed of what others made, which it puts it down to. */
  faultOfOthers?(branch: Branch): Error | undefined;
  /** Makes the result. All have succeeded, or with `wait-all` ended. */
  result(): unknown;
}

const top: readonly number[] = [];

/**
 * One join: starts branches in order as far as there are slots, and settles when what they come to is certain and nobody
 * runs any more.
 *
 * `#limit` is what makes the outcome the same for every timing: branches from there on do not count any more. A failure
 * moves it down to the branch that failed, so those before, which would have run first one at a time, go on to their
 * end, and of several failures the first in order remains.
 */
export class Run {
  static {
    keep(new Run([], defaults, {} as never));
  }

  readonly budget: Budget | undefined;
  readonly work: Work;
  /** In the order in which they would run one at a time. */
  readonly branches: readonly Branch[];
  readonly settings: Settings;
  /** Its place among the joins that share its budget. */
  path: readonly number[] = top;
  readonly #promise: Promise<unknown>;
  #resolve!: (value: unknown) => void;
  #reject!: (reason: unknown) => void;
  #limit: number;
  /** How many of those that count have not ended. */
  #open: number;
  #running = 0;
  #settled = 0;
  /** The failure that counts. */
  #primary: Branch | undefined;
  /** What it rejects with. */
  #given: { readonly reason: unknown } | undefined;
  #value: unknown;
  #isDecided = false;
  #isOver = false;
  #watch: Watch | undefined;
  #drainTimer: unknown;
  readonly #granted: [branch: Branch, slot: Slot][] = [];
  #wake: (() => void) | undefined;

  constructor(branches: readonly Branch[], settings: Settings, work: Work) {
    const { within, concurrency } = settings;
    this.branches = branches;
    this.settings = settings;
    this.work = work;
    this.#limit = this.#open = branches.length;
    if (within !== undefined) this.budget = within.run.budget;
    else if (concurrency !== Infinity) this.budget = new Budget(concurrency);
    this.#promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether there is somebody left to wait for. */
  get isOpen(): boolean {
    return this.#open > 0;
  }

  /** Starts it, and resolves to what its work makes of it. */
  start(): Promise<unknown> {
    const { branches, budget } = this;
    const { completed, within, waitOptions } = this.settings;
    for (const branch of branches) {
      branch.run = this;
      if (completed?.has(branch.name) === true) this.#restore(branch, completed.get(branch.name));
    }
    if (within !== undefined) this.path = [...within.path, within.enter(this)];
    this.#watch = Watch.over(this, waitOptions);
    if (within?.stopped !== undefined) this.stop(within.stopped.reason);
    if (!this.#isDecided) this.#launch(this.work.schedule.first());
    if (budget !== undefined && !this.#isDecided) {
      this.#listenForSlots();
      budget.advance(this);
    }
    if (this.#open === 0) this.#decide();
    // Not before its branches stand in the queue: the slot is for the first of them.
    within?.seat?.lend(this);
    return this.#promise;
  }

  /** Ends it, with `reason` for all that has not ended. Does nothing once the outcome is certain. */
  stop(reason: unknown): void {
    if (this.#isDecided) return;
    this.#given = { reason };
    this.#stopFrom(0, reason);
    this.#decide();
  }

  succeeded(branch: Branch, value: unknown): void {
    try {
      this.work.accept?.(branch, value);
    } catch (error) {
      this.failed(branch, error);
      return;
    }
    branch.status = "succeeded";
    branch.result = value;
    this.#ended(branch);
  }

  failed(branch: Branch, error: unknown): void {
    const { waitAll, eager } = this.settings;
    branch.status = branch.stopped === undefined ? "failed" : "cancelled";
    branch.result = error;
    if (branch.stopped === undefined && !waitAll) {
      this.#primary = branch;
      this.#stopFrom(eager ? 0 : branch.position, because(branch.name, error));
    }
    this.#ended(branch);
  }

  /** A branch may start, in the step of the join `by`. */
  admit(branch: Branch, slot: Slot, by: Run | undefined): void {
    if (by === this) this.#begin(branch, slot);
    else {
      this.#granted.push([branch, slot]);
      this.#wake?.();
    }
  }

  /** There will be no slot for a branch. */
  refuse(branch: Branch, error: unknown): void {
    if (!this.#tellStart(branch)) return;
    this.#markStarted(branch);
    this.failed(branch, error);
  }

  tell(report: JoinReport): void {
    try {
      this.settings.report?.(report);
    } catch (error) {
      throwLater(error);
    }
  }

  records(): BranchRecord[] {
    return this.branches.map((each) => each.record());
  }

  /** The error for branches that failed, if any did. */
  failure(): Error | undefined {
    const { waitAll, waitOptions } = this.settings;
    const primary = waitAll ? this.branches.find(({ status }) => status === "failed") : this.#primary;
    if (primary === undefined) return undefined;
    const fault = this.work.faultOfOthers?.(primary);
    if (fault !== undefined) return fault;
    return new JoinError(waitOptions.label, primary.record() as FailedRecord, this.records());
  }

  #restore(branch: Branch, value: unknown): void {
    this.work.accept?.(branch, value);
    branch.status = "succeeded";
    branch.result = value;
    this.#open -= 1;
  }

  /** Lets those run whose turn has come, and those whose turn comes because others need not run. */
  #launch(ready: readonly Branch[]): void {
    // Mostly it is nobody.
    if (ready.length === 0) return;
    const groups = [ready];
    for (const group of groups)
      for (const branch of group)
        if (!this.#isDecided && this.#isPast(branch)) groups.push(this.work.schedule.after(branch));
  }

  /** Lets those run whose turn has come now that this one has ended; nobody once the outcome is certain. */
  #goOnAfter(branch: Branch): void {
    if (!this.#isDecided) this.#launch(this.work.schedule.after(branch));
  }

  /** Lets a branch run, as soon as there is a slot. Tells whether it need not: it has been restored, or is skipped. */
  #isPast(branch: Branch): boolean {
    if (branch.status === "succeeded") return true;
    if (branch.stopped !== undefined) return false;
    const cause = branch.failedDependency();
    if (cause !== undefined) {
      this.#skip(branch, cause);
      return true;
    }
    if (this.budget === undefined) this.#begin(branch, undefined);
    else this.budget.ask((branch.seat = new Seat(branch, this.budget)));
    return false;
  }

  #skip(branch: Branch, cause: Branch): void {
    branch.status = "skipped";
    branch.result = cause;
    this.#open -= 1;
    this.tell({ type: "settle", record: branch.record() });
  }

  /** What is granted in another join's step starts in one of ours, which has our own asynchronous context. */
  #listenForSlots(): void {
    const granted = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    void granted.then(() => {
      this.#listenForSlots();
      for (const [branch, slot] of this.#granted.splice(0)) this.#begin(branch, slot);
    });
  }

  #begin(branch: Branch, slot: Slot | undefined): void {
    if (branch.stopped !== undefined || !this.#tellStart(branch)) {
      if (slot === undefined) return;
      this.budget?.takeBack(slot, this);
      this.budget?.advance(this);
      return;
    }
    if (slot !== undefined) branch.seat?.take(slot);
    this.#markStarted(branch);
    branch.start();
  }

  /** Tells that a branch starts, and whether it still may: whoever is told may stop it. */
  #tellStart(branch: Branch): boolean {
    if (this.settings.report === undefined) return true;
    this.tell({ type: "start", name: branch.name, index: branch.index });
    return branch.stopped === undefined;
  }

  #markStarted(branch: Branch): void {
    branch.status = "running";
    this.#running += 1;
  }

  #ended(branch: Branch): void {
    const { report, waitAll } = this.settings;
    this.#running -= 1;
    if (!this.#isOver) {
      branch.settled = this.#settled += 1;
      if (branch.stopped === undefined) this.#open -= 1;
      if (report !== undefined) this.tell({ type: "settle", record: branch.record() });
      if (branch.status === "succeeded" || waitAll) this.#goOnAfter(branch);
    }
    // Whoever is to go next stands in the queue by now; and what a governor throws can still be told.
    const hadSlot = branch.seat?.leave();
    if (this.#open === 0) this.#decide();
    if (this.#running === 0 && this.#isDecided) this.#finish();
    if (hadSlot === true) this.budget?.advance(this);
  }

  /** From this position on nothing counts. */
  #stopFrom(position: number, reason: unknown): void {
    const end = this.#limit;
    // First: whoever is told may stop the run in this same step, and finds the rest of them left to us.
    this.#limit = Math.min(position, end);
    for (const branch of this.branches.slice(position, end)) {
      if (branch.hasEnded) continue;
      this.#open -= 1;
      branch.stop(reason);
    }
  }

  /** The outcome is certain. */
  #decide(): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#watch?.end();
    const { drain } = this.settings;
    if (this.#running === 0 || drain === 0) this.#finish();
    else if (drain !== Infinity)
      this.#drainTimer = setTimeout(() => {
        this.#finish();
      }, drain);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#drainTimer);
    const { within, report } = this.settings;
    this.#conclude();
    if (report !== undefined)
      this.tell({ type: "end", records: this.records(), ...(this.#given && { error: this.#given.reason }) });
    if (within === undefined) this.#settle();
    else
      within.leave(this, () => {
        this.#settle();
      });
  }

  /** Makes the result, or the error where there is none yet. */
  #conclude(): void {
    if (this.#given !== undefined) return;
    const { waitAll } = this.settings;
    try {
      const failure = waitAll && this.work.needsAll !== true ? undefined : this.failure();
      if (failure === undefined) this.#value = this.work.result();
      else this.#given = { reason: failure };
    } catch (reason) {
      this.#given = { reason };
    }
  }

  #settle(): void {
    if (this.#given === undefined) this.#resolve(this.#value);
    else this.#reject(this.#given.reason);
  }
}

type FailedRecord = BranchRecord & { readonly status: "failed" };
