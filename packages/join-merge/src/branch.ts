import { CanceledError, controller, type Controller, keep, type PlatformAbortSignal } from "@holdfast/core";
import { Context } from "./context.js";
import { inWords, show } from "./errors.js";
import type { BranchRecord } from "./record.js";
import type { Run } from "./run.js";
import type { Seat } from "./seat.js";

/** The code of a branch, whatever its context is. */
export type Body = (context: never) => unknown;

// Shared, and replaced where there are some.
const none: never[] = [];

/** One branch of one join. */
export class Branch {
  static {
    keep(new Branch("", () => undefined, 0));
  }

  readonly name: string;
  /** Where it was declared. */
  readonly index: number;
  readonly body: Body;
  /** Its place in the order in which branches would run one at a time. */
  position: number;
  /** The step of the schedule that it belongs to. */
  level = 0;
  dependencies: readonly Branch[] = none;
  dependents: Branch[] = none;
  /** Whether it runs whatever becomes of its dependencies. */
  collects = false;
  /** How many of its dependencies have not ended. */
  missing = 0;
  status: "waiting" | "running" | "succeeded" | "failed" | "cancelled" | "skipped" = "waiting";
  /** The value, the error, or the branch because of which it was skipped. */
  result: unknown = undefined;
  /** Set once it is not wanted any more. */
  stopped: { readonly reason: unknown } | undefined = undefined;
  settled = 0;
  /** Where slots are limited. */
  seat: Seat | undefined = undefined;
  run: Run = undefined as never; // The run that it is given to sets it.
  // Made when somebody looks.
  private controller: Controller | undefined = undefined;
  private ownBase: unknown = undefined;
  private ownDeps: unknown = undefined;
  // The joins within it, and how many there have been.
  private inner: Set<Run> | undefined = undefined;
  private joins = 0;
  // How its body has ended, while a join within it is not over.
  private ending: Ending | undefined = undefined;

  constructor(name: string, body: Body, index: number) {
    this.name = name;
    this.index = this.position = index;
    this.body = body;
  }

  /** Its place among the branches of all joins that share a budget. */
  get path(): readonly number[] {
    return [...this.run.path, this.position];
  }

  get signal(): PlatformAbortSignal {
    return (this.controller ??= controller(this.stopped?.reason)).signal;
  }

  get base(): unknown {
    return (this.ownBase ??= this.run.work.baseOf?.(this));
  }

  get deps(): unknown {
    return (this.ownDeps ??= this.run.work.depsOf?.(this));
  }

  /** Calls the body, and tells the run how it ends. */
  start(): void {
    try {
      const { body } = this;
      this.follow(Promise.resolve(body(new Context(this) as never)));
    } catch (error) {
      this.follow(Promise.reject(error));
    }
  }

  /** Tells it that it is not wanted any more, where it has started; it will not start otherwise. */
  stop(reason: unknown): void {
    this.stopped = { reason };
    this.seat?.close();
    this.stopInner(reason);
    this.controller?.abort(reason);
  }

  /** Runs `fn` without a slot. */
  async idle<R>(fn: () => R): Promise<Awaited<R>> {
    const { seat } = this;
    if (seat === undefined) return await fn();
    seat.pause();
    seat.lend();
    try {
      return await fn();
    } finally {
      await new Promise<void>((resolve) => {
        seat.resume(resolve);
      });
    }
  }

  /** A join begins within it, which is the how-manieth. */
  enter(run: Run): number {
    if (this.status !== "running" || this.ending !== undefined)
      throw new TypeError(`options.within: branch ${show(this.name)} is over; await the join in the branch`);
    (this.inner ??= new Set()).add(run);
    this.seat?.pause();
    return this.joins++;
  }

  /** That join is over. */
  leave(run: Run, done: () => void): void {
    this.inner?.delete(run);
    if (this.seat === undefined) done();
    else this.seat.resume(done);
    if (this.inner?.size === 0 && this.ending !== undefined) this.end(this.ending);
  }

  /** Lets it depend on others. */
  dependOn(dependencies: readonly Branch[]): void {
    this.dependencies = dependencies;
    this.missing = dependencies.length;
    for (const each of dependencies)
      if (each.dependents === none) each.dependents = [this];
      else each.dependents.push(this);
  }

  /** One of those it depends on has ended. Tells whether it was the last. */
  loseDependency(): boolean {
    this.missing -= 1;
    return this.missing === 0;
  }

  /** It turns out to have failed although its body has not. */
  fail(error: unknown): void {
    this.status = "failed";
    this.result = error;
  }

  /** It turns out to have failed of what others made. */
  excuse(): void {
    this.stopped = { reason: this.result };
    this.status = "cancelled";
  }

  get hasEnded(): boolean {
    return this.status !== "waiting" && this.status !== "running";
  }

  /** Of the dependencies because of which this cannot run, the first; of those skipped, what they were skipped for. */
  failedDependency(): Branch | undefined {
    let first: Branch | undefined;
    if (this.collects) return first;
    for (const each of this.dependencies) {
      const cause =
        each.status === "failed" ? each : each.status === "skipped" ? (each.result as Branch) : undefined;
      if (cause !== undefined && (first === undefined || cause.position < first.position)) first = cause;
    }
    return first;
  }

  record(): BranchRecord {
    const { name, index, settled, result } = this;
    const place = settled === 0 ? { name, index } : { name, index, settled };
    switch (this.status) {
      case "waiting":
        return { ...place, status: "not-started" };
      case "running":
        return { ...place, status: "running" };
      case "succeeded":
        return { ...place, status: "succeeded", value: result };
      case "failed":
        return { ...place, status: "failed", error: result };
      case "cancelled":
        return { ...place, status: "cancelled", reason: this.stopped?.reason, error: result };
      case "skipped":
        return { ...place, status: "skipped", because: (result as Branch).name };
    }
  }

  private follow(outcome: Promise<unknown>): void {
    // As `await` does: a promise may have a `then` of its own, which may call back twice or never.
    void Promise.prototype.then.call(
      outcome,
      (value) => {
        if (this.inner === undefined) this.run.succeeded(this, value);
        else this.endAfterInner("succeeded", value);
      },
      (error: unknown) => {
        if (this.inner === undefined) this.run.failed(this, error);
        else {
          this.stopInner(because(this.name, error));
          this.endAfterInner("failed", error);
        }
      },
    );
  }

  private stopInner(reason: unknown): void {
    for (const run of this.inner ?? []) run.stop(reason);
  }

  /** A branch is not over before the joins within it are. */
  private endAfterInner(how: Ending["how"], result: unknown): void {
    this.ending = { how, result };
    if (this.inner?.size === 0) this.end(this.ending);
  }

  private end({ how, result }: Ending): void {
    this.run[how](this, result);
  }
}

/** How a body has ended. */
interface Ending {
  readonly how: "succeeded" | "failed";
  readonly result: unknown;
}

/** Why a branch is told to stop: another one, or the one that it is within, failed. */
export function because(name: string, error: unknown): CanceledError {
  return new CanceledError(`Cancelled: branch ${show(name)} failed: ${inWords(error)}`, { cause: error });
}
