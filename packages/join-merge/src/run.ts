import { because, type Branch } from "./branch.js";
import { Budget, type Slot } from "./budget.js";
import { JoinError } from "./errors.js";
import type { Settings } from "./options.js";
import type { BranchRecord, JoinReport } from "./record.js";
import type { Schedule } from "./schedule.js";
import { Seat } from "./seat.js";
import { Watch } from "./watch.js";

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare function queueMicrotask(callback: () => void): void;

/** What the kinds of joins do differently. */
export interface Work {
  readonly schedule: Schedule;
  /** Looks at what a branch has made; throws if it is of no use. */
  accept?(branch: Branch, value: unknown): void;
  baseOf?(branch: Branch): unknown;
  depsOf?(branch: Branch): unknown;
  /** Makes the result. All have succeeded, or with `wait-all` ended. */
  result(run: Run): unknown;
}

/**
 * One join: starts branches in order as far as there are slots, and settles when what they come to is certain and nobody
 * runs any more.
 *
 * `#limit` is what makes the outcome the same for every timing: branches from there on do not count any more. A failure
 * moves it down to the branch that failed, so those before, which would have run first one at a time, go on to their
 * end, and of several failures the first in order remains.
 */
export class Run {
  readonly budget: Budget | undefined;
  readonly work: Work;
  /** In the order in which they would run one at a time. */
  readonly branches: readonly Branch[];
  readonly settings: Settings;
  /** Its place among the joins that share its budget. */
  path: readonly number[] = [];
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
  /** What it rejects with, where that is not for a failure of a branch. */
  #given: { readonly reason: unknown } | undefined;
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

  /** Starts it, and resolves to what its work makes of it. */
  start(): Promise<unknown> {
    const { branches, budget } = this;
    const { completed, within, waitOptions } = this.settings;
    for (const branch of branches) {
      branch.run = this;
      if (completed.has(branch.name)) this.#restore(branch, completed.get(branch.name));
    }
    if (within !== undefined) this.path = [...within.path, within.enter(this)];
    this.#watch = Watch.over(this, waitOptions);
    if (within?.stopped !== undefined) this.stop(within.stopped.reason);
    if (!this.#isDecided) this.#goOn(() => this.work.schedule.first());
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

  tell(report: JoinReport): void {
    try {
      this.settings.report?.(report);
    } catch (error) {
      // What a listener throws changes nothing here, and is not lost.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  records(): BranchRecord[] {
    return this.branches.map((each) => each.record());
  }

  /** The error for branches that failed, if any did. */
  failure(): JoinError | undefined {
    const primary = this.#primary ?? this.branches.find(({ status }) => status === "failed");
    if (primary === undefined) return undefined;
    const { label } = this.settings.waitOptions;
    return new JoinError(label, primary.record() as FailedRecord, this.records());
  }

  #restore(branch: Branch, value: unknown): void {
    this.work.accept?.(branch, value);
    branch.status = "succeeded";
    branch.result = value;
    this.#open -= 1;
  }

  /** Lets those run whose turn has come, and those whose turn comes because others need not run. */
  #goOn(next: () => readonly Branch[]): void {
    const passed: Branch[] = [];
    try {
      this.#launch(next(), passed);
      for (const each of passed) this.#launch(this.work.schedule.after(each), passed);
    } catch (error) {
      // What a level made cannot be merged.
      this.stop(error);
    }
  }

  #launch(ready: readonly Branch[], passed: Branch[]): void {
    for (const branch of ready) {
      if (branch.status === "succeeded") passed.push(branch);
      else if (branch.stopped === undefined) {
        const cause = branch.failedDependency();
        if (cause !== undefined) {
          this.#skip(branch, cause);
          passed.push(branch);
        } else if (this.budget === undefined) this.#begin(branch, undefined);
        else this.#askForSlot(branch, this.budget);
      }
    }
  }

  #skip(branch: Branch, cause: Branch): void {
    branch.status = "skipped";
    branch.result = cause;
    this.#open -= 1;
    this.tell({ type: "settle", record: branch.record() });
  }

  #askForSlot(branch: Branch, budget: Budget): void {
    branch.seat = new Seat(branch, budget);
    branch.seat.ask(
      (slot, by) => {
        if (by === this) this.#begin(branch, slot);
        else {
          this.#granted.push([branch, slot]);
          this.#wake?.();
        }
      },
      (error) => {
        this.#markStarted(branch);
        this.failed(branch, error);
      },
    );
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
    if (branch.stopped !== undefined) {
      if (slot !== undefined) this.budget?.giveBack(slot, this);
      return;
    }
    if (slot !== undefined) branch.seat?.take(slot);
    this.#markStarted(branch);
    branch.start();
  }

  #markStarted(branch: Branch): void {
    branch.status = "running";
    this.#running += 1;
    if (this.settings.report !== undefined)
      this.tell({ type: "start", name: branch.name, index: branch.index });
  }

  #ended(branch: Branch): void {
    const { report, waitAll } = this.settings;
    const slot = branch.seat?.leave();
    this.#running -= 1;
    if (!this.#isOver) {
      branch.settled = this.#settled += 1;
      if (branch.stopped === undefined) this.#open -= 1;
      if (report !== undefined) this.tell({ type: "settle", record: branch.record() });
      if (branch.status === "succeeded" || waitAll) this.#goOn(() => this.work.schedule.after(branch));
      if (this.#open === 0) this.#decide();
      if (this.#running === 0 && this.#isDecided) this.#finish();
    }
    // Last: whoever is to go next stands in the queue by now.
    if (slot !== undefined) this.budget?.giveBack(slot, this);
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
    const { within, waitAll, report } = this.settings;
    let error = this.#given;
    if (error === undefined && !waitAll && this.#primary !== undefined) error = { reason: this.failure() };
    let value: unknown;
    if (error === undefined)
      try {
        value = this.work.result(this);
      } catch (reason) {
        error = { reason };
      }
    if (report !== undefined)
      this.tell({ type: "end", records: this.records(), ...(error && { error: error.reason }) });
    const settle = (): void => {
      if (error === undefined) this.#resolve(value);
      else this.#reject(error.reason);
    };
    if (within === undefined) settle();
    else within.leave(this, settle);
  }
}

type FailedRecord = BranchRecord & { readonly status: "failed" };
