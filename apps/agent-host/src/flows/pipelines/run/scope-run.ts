import { joinGraph } from "@holdfast/join-merge";
import type { Callable } from "../library.js";
import { isJoin, type Step } from "../definition/model.js";
import { type Plan, planOf, start } from "../plan/plan.js";
import { holds } from "../values/evaluate.js";
import type { StepRecord } from "../values/record.js";
import type { Surroundings } from "../values/resolve.js";
import { StepError } from "../values/step-error.js";
import { View } from "../values/view.js";
import { runnerNameOf } from "./bodies/prompt-body.js";
import { UnresponsiveError } from "./call.js";
import type { CancelOutcome, CancelReason, FailedJoin, RunStatus } from "./events.js";
import { findDoomed } from "./liveness.js";
import type { RunContext } from "./run-context.js";
import { Slots } from "./slots.js";
import { type Outcome, type StepRun, StepRuns } from "./step-run.js";
import { StepWorker, type Verdict } from "./step-worker.js";

export interface ScopeRunOptions {
  readonly context: RunContext;
  readonly called: Callable;
  readonly around: Surroundings;
  readonly prefix: string;
  readonly depth: number;
  /** Aborts when all of it is to stop. */
  readonly signal: AbortSignal;
  /** Of the branch that it runs in. */
  readonly group: string | undefined;
}

/** How a pipeline ended. */
export interface ScopeResult {
  readonly status: RunStatus;
  readonly error: StepError | undefined;
  /** The step that ended it early, and successfully. */
  readonly breakAt: string | undefined;
  /** What its main flow saw at the end. */
  readonly view: View;
}

/** Why a pipeline ends before its last step. */
interface End {
  readonly status: Exclude<RunStatus, "completed">;
  readonly error?: StepError | undefined;
  readonly by: string | null;
}

/**
 * One pipeline that runs once. The graph decides when a step's turn has come; here is what that means for the main flow, which alone
 * has a view that changes, and for the branches, which see what there was at their launch.
 */
export class ScopeRun {
  readonly #options: ScopeRunOptions;
  readonly #plan: Plan;
  readonly #runs: StepRuns;
  readonly #slots: Slots;
  /** Aborts when the rest is not to start any more. */
  readonly #over = new AbortController();
  /** Failures beside the one that ended it, in the order in which they happened. */
  readonly #others: StepError[] = [];
  #view: View = View.empty;
  #settled = 0;
  #end: End | undefined;
  /** The latest step whose failure others may have to be stopped for. */
  #trigger: string | undefined;

  constructor(options: ScopeRunOptions) {
    const { scope, pipeline } = options.called;
    this.#options = options;
    this.#plan = planOf(scope);
    this.#runs = new StepRuns(scope.steps);
    this.#slots = new Slots(pipeline.defaults.maxConcurrency);
  }

  /** Resolves when nothing of it runs any more, but for what did not end when it was stopped by force. */
  async run(): Promise<ScopeResult> {
    const { signal } = this.#options;
    const onAbort = (): void => {
      this.#finish({ status: "killed", by: null });
    };
    signal.addEventListener("abort", onAbort);
    try {
      if (signal.aborted) onAbort();
      else await this.#runGraph();
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
    return this.#result();
  }

  async #runGraph(): Promise<void> {
    const first = {
      run: () =>
        this.#guarded(null, () => {
          this.#launch(start);
        }),
    };
    const tasks = this.#plan.nodes.map(
      ({ step, dependsOn }) =>
        [step.id, { dependsOn, run: () => this.#guarded(step.id, () => this.#take(step)) }] as const,
    );
    try {
      await joinGraph([[start, first], ...tasks], { signal: this.#over.signal });
    } catch (error) {
      if (error !== this.#over.signal.reason) throw error;
    }
  }

  /** Whatever goes wrong in our own code ends the run, and leaves no branch behind. */
  async #guarded(id: string | null, work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#finish({ status: "failed", error: StepError.of(error, id ?? "start"), by: id });
    }
  }

  /** Nobody goes on past what is not kept. */
  readonly #keep = async (): Promise<void> => {
    try {
      await this.#options.context.events.flushed();
    } catch (error) {
      this.#finish({ status: "failed", error: StepError.of(error, "log"), by: null });
    }
  };

  /** The cursor moves on: launches what is to run beside the next step, in the order of declaration. */
  #launch(from: string): void {
    const steps = this.#plan.launches.get(from) ?? [];
    let group: string | undefined;
    for (const step of steps) {
      const run = this.#runs.of(step.id);
      run.view = this.#view;
      run.launchedAt = this.#options.context.stamps.next();
      const canTell = step.dependsOn.length === 0;
      try {
        if (this.#isDisabled(step) || (canTell && !this.#holds(step, this.#view))) {
          this.#skip(run, []);
          continue;
        }
      } catch (error) {
        this.#failAlone(run, StepError.of(error, step.id), []);
        this.#finish({ status: "failed", error: StepError.of(error, step.id), by: step.id });
        return;
      }
      if (!isJoin(step)) group ??= this.#newGroup();
      run.group = this.#options.group ?? (isJoin(step) ? undefined : group);
      this.#options.context.events.tell({
        type: "step_launched",
        ...this.#named(run),
        launchedAt: run.launchedAt,
        dependsOn: step.dependsOn,
      });
    }
    this.#tellAwaited(from);
    this.#stopDoomed();
  }

  /** Says whom the main flow waits for before its next step. */
  #tellAwaited(from: string): void {
    const { events, stamps } = this.#options.context;
    const next = this.#plan.next.get(from);
    if (next === undefined || next.dependsOn.length === 0) return;
    const { stepId } = this.#named(this.#runs.of(next.id));
    events.tell({ type: "step_awaits", stepId, dependsOn: next.dependsOn, at: stamps.next() });
  }

  /** A step's turn has come: all that it depends on is over. */
  async #take(step: Step): Promise<void> {
    const run = this.#runs.of(step.id);
    if (step.async) {
      if (run.outcome === undefined) await this.#perform(run, run.view ?? View.empty);
    } else {
      run.view = this.#view;
      run.launchedAt = this.#options.context.stamps.next();
      run.group = this.#options.group;
      await this.#perform(run, this.#view);
      if (this.#end === undefined) this.#launch(step.id);
    }
    await this.#keep();
  }

  async #perform(run: StepRun, launchView: View): Promise<void> {
    const { step } = run;
    const dependencies = this.#runs.dependenciesOf(run);
    const collected = [...new Set(dependencies.flatMap(({ outcome }) => outcome?.records ?? []))];
    const view = launchView.collecting(collected, dependencies.map(speakerOf));
    if (!step.async) this.#view = view;

    const lost = dependencies.filter(({ isLost }) => isLost);
    const mustFail = lost.length > 0 && !(step.body.kind === "join" && step.body.onError === "wait_for_all");
    try {
      if (this.#isDisabled(step) || !this.#holds(step, view)) {
        this.#skip(run, collected);
        return;
      }
    } catch (error) {
      // A condition about a step that failed says nothing that the failure does not say better.
      if (!mustFail) {
        this.#fail(run, StepError.of(error, step.id), collected);
        return;
      }
    }
    if (mustFail) this.#failWith(run, lost, collected);
    else await this.#work(run, view, dependencies, collected);
  }

  async #work(
    run: StepRun,
    view: View,
    dependencies: readonly StepRun[],
    collected: readonly StepRecord[],
  ): Promise<void> {
    const { step } = run;
    const { events, stamps } = this.#options.context;
    const worker = new StepWorker({ ...this.#options, keep: this.#keep }, run, dependencies);
    let release: (() => void) | undefined;
    events.tell({ type: "step_queued", stepId: this.#named(run).stepId, at: stamps.next() });
    try {
      // Whoever is only told to wait holds nothing that others could need.
      if (step.async && !isJoin(step)) release = await this.#slots.acquire(step.index, run.signal);
      await this.#options.context.pause.whenOff(run.signal);
      run.started = true;
      run.startedAt = this.#options.context.stamps.next();
      const { record, failure, verdict } = await worker.work(view);
      const records = [...collected, ...worker.records];
      if (!step.async) this.#moveOn(step, record, worker.records);
      if (record === undefined)
        this.#settle(run, { kind: "absorbed", error: failure ?? this.#unknown(step), records });
      else this.#settle(run, { kind: "completed", record, records });
      if (verdict !== undefined) this.#obey(verdict, step);
    } catch (error) {
      const records = [...collected, ...worker.records];
      if (run.cancelled === undefined) this.#fail(run, StepError.of(error, step.id), records);
      else this.#stopped(run, error, records);
    } finally {
      release?.();
    }
  }

  /** The main flow has its result. What is private to the step comes with it, and is not what the flow said last. */
  #moveOn(step: Step, record: StepRecord | undefined, all: readonly StepRecord[]): void {
    const at = record === undefined ? all.length : all.indexOf(record);
    const before = this.#view.collecting(all.slice(0, at), []);
    this.#view =
      record === undefined
        ? before
        : before.after(record, runnerNameOf(step)).collecting(all.slice(at + 1), []);
  }

  #obey(verdict: Verdict, { id }: Step): void {
    if (verdict.kind === "break") this.#finish({ status: "break", by: id });
    else this.#finish({ status: "failed", error: verdict.error, by: id }, "abort_pipeline");
  }

  #skip(run: StepRun, records: readonly StepRecord[]): void {
    const { events, stamps } = this.#options.context;
    if (!this.#settle(run, { kind: "skipped", records })) return;
    events.tell({ type: "step_skipped", stepId: this.#named(run).stepId, at: stamps.next() });
  }

  /** It cannot run, because what it depends on has failed. */
  #failWith(run: StepRun, lost: readonly StepRun[], collected: readonly StepRecord[]): void {
    const { step } = run;
    const root = this.#rootOf(run) ?? lost[0] ?? run;
    const cause = errorOf(root);
    const what = isJoin(step) ? `the join "${step.id}" fails (fail_fast)` : `step "${step.id}" cannot run`;
    const error = new StepError(
      "pipeline/aborted",
      `${what}, because "${root.step.id}" failed: ${cause.message}`,
      {
        stepId: step.id,
        cause,
      },
    );
    if (step.onError.kind === "continue") {
      const { events, stamps } = this.#options.context;
      const { stepId } = this.#named(run);
      events.tell({
        type: "step_error",
        stepId,
        error,
        action: "continue",
        attempt: undefined,
        maxRetries: undefined,
        at: stamps.next(),
      });
      this.#settle(run, { kind: "absorbed", error, records: collected });
      return;
    }
    if (step.async && !isJoin(step)) {
      this.#stop(run, "dependency_failed", root.step.id);
      return;
    }
    this.#fail(run, error, collected, isJoin(step) ? this.#joinOf(run, root) : undefined);
  }

  /** The first of those it depends on, one way or another, to fail by itself. */
  #rootOf(run: StepRun): StepRun | undefined {
    const all = new Set(this.#runs.dependenciesOf(run));
    // What is added on the way is visited too.
    for (const each of all) for (const dependency of this.#runs.dependenciesOf(each)) all.add(dependency);
    return [...all]
      .filter((each) => each.outcome?.kind === "failed")
      .sort((a, b) => a.sequence - b.sequence)[0];
  }

  #joinOf(run: StepRun, root: StepRun): FailedJoin {
    const cancelled = this.#runs.dependenciesOf(run).filter((each) => each.cancelled !== undefined);
    return {
      trigger: root.step.id,
      cancelled: cancelled.map((each) => ({ stepId: each.step.id, outcome: howOf(each) })),
    };
  }

  #fail(run: StepRun, error: StepError, records: readonly StepRecord[], join?: FailedJoin): void {
    if (run.cancelled !== undefined) {
      this.#stopped(run, error, records);
      return;
    }
    this.#failAlone(run, error, records, join);
    if (!run.step.async) this.#finish({ status: "failed", error, by: run.step.id });
  }

  #failAlone(run: StepRun, error: StepError, records: readonly StepRecord[], join?: FailedJoin): void {
    const { events, stamps } = this.#options.context;
    const { launchedAt } = run;
    events.tell({
      type: "step_failed",
      ...this.#named(run),
      error,
      launchedAt,
      completedAt: stamps.next(),
      join,
    });
    this.#settle(run, { kind: "failed", error, records });
  }

  /** It was told to stop, and has. */
  #stopped(run: StepRun, thrown: unknown, records: readonly StepRecord[]): void {
    const { cancelled } = run;
    if (cancelled === undefined) return;
    const how = howStopped(run, thrown);
    if (how === "failed") this.#others.push(StepError.of(thrown, run.step.id));
    this.#settle(run, { kind: "cancelled", error: cancelled.error, how, records });
  }

  /** Tells a step to stop; one that has not started is over with that. */
  #stop(run: StepRun, reason: CancelReason, by: string | null): void {
    const why = by === null ? reason : `${reason}, because of "${by}"`;
    const error = new StepError("runner/cancelled", `step "${run.step.id}" was cancelled (${why})`, {
      stepId: run.step.id,
    });
    if (!run.stop({ by, reason, at: this.#options.context.stamps.next(), error })) return;
    if (!run.started) this.#settle(run, { kind: "cancelled", error, how: "not_started", records: [] });
  }

  #settle(run: StepRun, outcome: Outcome): boolean {
    this.#settled += 1;
    if (!run.settle(outcome, this.#settled)) return false;
    const { events, stamps } = this.#options.context;
    const { cancelled } = run;
    if (cancelled !== undefined)
      events.tell({
        type: "step_cancelled",
        ...this.#named(run),
        cancelledBy: cancelled.by,
        reason: cancelled.reason,
        signalledAt: cancelled.at,
        at: stamps.next(),
        outcome: howOf(run),
      });
    if (outcome.kind === "failed") this.#trigger = this.#rootOf(run)?.step.id ?? run.step.id;
    if (run.isLost) this.#stopDoomed();
    return true;
  }

  /** Stops those of whom nobody needs anything any more. */
  #stopDoomed(): void {
    if (this.#trigger === undefined || this.#end !== undefined) return;
    for (const { run, reason } of findDoomed(this.#runs.all)) this.#stop(run, reason, this.#trigger);
  }

  /** Ends it now: nothing starts any more, and what runs is told to stop. The first end stands. */
  #finish(end: End, reason: CancelReason = reasonOf(end)): void {
    if (this.#end !== undefined) {
      if (end.error !== undefined) this.#others.push(end.error);
      return;
    }
    this.#end = end;
    for (const run of this.#runs.all) if (run.launched) this.#stop(run, reason, end.by);
    this.#over.abort(new Error("the pipeline has ended"));
  }

  #result(): ScopeResult {
    const failed = this.#runs.all.filter(({ outcome }) => outcome?.kind === "failed");
    failed.sort((a, b) => a.sequence - b.sequence);
    // A failure that nobody has looked at is not lost.
    const left = failed.find((run) => !this.#isConsumed(run));
    if (this.#end === undefined && left !== undefined)
      this.#end = { status: "failed", error: errorOf(left), by: left.step.id };
    const { status = "completed", error, by } = this.#end ?? {};
    for (const other of [...failed.map(errorOf), ...this.#others])
      if (
        error !== undefined &&
        other !== error &&
        !causesOf(error).has(other) &&
        !error.secondary.includes(other)
      )
        error.secondary.push(other);
    return { status, error, breakAt: status === "break" ? (by ?? undefined) : undefined, view: this.#view };
  }

  /** Whether its failure has reached the main flow, through whoever depends on it. */
  #isConsumed(run: StepRun): boolean {
    return this.#runs.all.some((each) => {
      if (!each.step.dependsOn.includes(run.step.id)) return false;
      if (each.outcome === undefined || each.outcome.kind === "skipped") return false;
      const passesOn = each.step.async && each.isLost;
      return !passesOn || this.#isConsumed(each);
    });
  }

  #holds(step: Step, view: View): boolean {
    return holds(step.condition, view, this.#options.around);
  }

  #isDisabled({ id }: Step): boolean {
    return this.#options.context.disabled.has(`${this.#options.prefix}${id}`);
  }

  #newGroup(): string {
    const { groups, newGroupId } = this.#options.context;
    const reservation = groups.reserveFirst(newGroupId);
    reservation.commit();
    return reservation.id;
  }

  #unknown({ id }: Step): StepError {
    return new StepError("runner/invocation-failed", `step "${id}" has ended without a result`, {
      stepId: id,
    });
  }

  #named({ step, group }: StepRun): {
    stepId: string;
    index: number;
    totalSteps: number;
    group: string | undefined;
  } {
    const totalSteps = this.#plan.nodes.length;
    return { stepId: `${this.#options.prefix}${step.id}`, index: step.index, totalSteps, group };
  }
}

function speakerOf({ outcome }: StepRun): StepRecord | undefined {
  return outcome?.kind === "completed" ? outcome.record : undefined;
}

function errorOf({ outcome }: StepRun): StepError {
  return (outcome as Outcome & { error: StepError }).error;
}

function howOf({ outcome, cancelled }: StepRun): CancelOutcome {
  if (outcome?.kind === "cancelled") return outcome.how;
  return outcome?.kind === "completed" || cancelled === undefined ? "completed" : "failed";
}

function howStopped({ forced, signal }: StepRun, thrown: unknown): CancelOutcome {
  if (thrown instanceof UnresponsiveError) return "unresponsive";
  if (forced) return "forced";
  const isAbort =
    thrown === signal.reason ||
    (thrown instanceof StepError && thrown.type === "runner/cancelled") ||
    (thrown instanceof Error && thrown.name === "AbortError");
  return isAbort ? "cancelled" : "failed";
}

function reasonOf({ status }: End): CancelReason {
  if (status === "killed") return "kill";
  return status === "break" ? "break" : "pipeline_error";
}

function causesOf(error: StepError): ReadonlySet<unknown> {
  const causes = new Set<unknown>();
  for (let at: unknown = error.cause; at instanceof Error; at = at.cause) causes.add(at);
  return causes;
}
