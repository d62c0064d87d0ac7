import { joinGraph } from "@holdfast/join-merge";
import type { EndNote } from "../checkpoint/journal.js";
import { standingEnds } from "../checkpoint/standing-ends.js";
import { isJoin, type Step } from "../definition/model.js";
import { type Plan, planOf, start } from "../plan/plan.js";
import type { StepRecord } from "../values/record.js";
import { StepError } from "../values/step-error.js";
import { View } from "../values/view.js";
import { runnerNameOf } from "./bodies/prompt-body.js";
import type { CancelReason } from "./events.js";
import type { Verdict } from "./reaction.js";
import { Launches } from "./launches.js";
import { holdsIn, isDisabled, namedIn, type RunningScope, type ScopeResult } from "./running-scope.js";
import { type End, reasonOf, ScopeEnd } from "./scope-end.js";
import { type Slot, Slots } from "./slots.js";
import { StepBodies } from "./step-bodies.js";
import { StepEndings } from "./step-endings.js";
import { type StepRun, StepRuns } from "./step-run.js";
import { StepWorker } from "./step-worker.js";

export interface ScopeRunOptions extends RunningScope {
  /** Aborts when all of it is to stop. */
  readonly signal: AbortSignal;
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
  readonly #end = new ScopeEnd();
  readonly #endings: StepEndings;
  readonly #launches: Launches;
  /** Aborts when the rest is not to start any more. */
  readonly #over = new AbortController();
  /** Of steps that were over before the run was resumed. */
  readonly #standing: ReadonlyMap<string, EndNote>;
  #view: View = View.empty;

  constructor(options: ScopeRunOptions) {
    const { scope, pipeline } = options.called;
    this.#options = options;
    this.#plan = planOf(scope);
    this.#runs = new StepRuns(scope.steps);
    this.#slots = new Slots(pipeline.defaults.maxConcurrency);
    this.#standing = standingEnds(options.journal, scope.steps);
    this.#endings = new StepEndings(options, this.#runs, this.#end, this.#standing);
    this.#launches = new Launches(options, this.#plan, this.#runs, this.#endings, this.#standing);
  }

  /** Resolves when nothing of it runs any more, but for what did not end when it was stopped by force. */
  async run(): Promise<ScopeResult> {
    const { signal, caller } = this.#options;
    const onAbort = (): void => {
      this.#finish({ status: "killed", by: null }, caller?.cancelled?.reason);
    };
    signal.addEventListener("abort", onAbort);
    try {
      if (signal.aborted) onAbort();
      else await this.#runGraph();
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
    return this.#end.result(this.#runs, this.#view);
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
    const error = await this.#options.context.keeping.failure();
    if (error !== undefined) this.#finish({ status: "failed", error, by: null });
  };

  /** The cursor moves on. */
  #launch(from: string): void {
    const end = this.#launches.after(from, this.#view);
    if (end !== undefined) this.#finish(end);
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
      if (!this.#end.reached) this.#launch(step.id);
    }
    await this.#keep();
  }

  async #perform(run: StepRun, launchView: View): Promise<void> {
    const { step } = run;
    const dependencies = this.#runs.dependenciesOf(run);
    const collected = [...new Set(dependencies.flatMap(({ outcome }) => outcome?.records ?? []))];
    const view = launchView.collecting(collected, dependencies.map(speakerOf));
    if (!step.async) this.#view = view;

    const end = this.#standing.get(step.id);
    if (end !== undefined) {
      this.#restore(run, end, collected);
      return;
    }
    const lost = dependencies.filter(({ isLost }) => isLost);
    const mustFail = lost.length > 0 && !(step.body.kind === "join" && step.body.onError === "wait_for_all");
    try {
      if (isDisabled(this.#options, step) || !holdsIn(this.#options, step, view)) {
        this.#endings.skip(run, collected);
        return;
      }
    } catch (error) {
      // A condition about a step that failed says nothing that the failure does not say better.
      if (!mustFail) {
        this.#endings.threw(run, StepError.of(error, step.id), collected);
        this.#endOf(run);
        return;
      }
    }
    if (mustFail) {
      this.#endings.failWith(run, lost, collected);
      this.#endOf(run);
    } else await this.#work(run, view, dependencies, collected);
  }

  async #work(
    run: StepRun,
    view: View,
    dependencies: readonly StepRun[],
    collected: readonly StepRecord[],
  ): Promise<void> {
    const { step } = run;
    const { journal, context } = this.#options;
    const { events, stamps, pause } = context;
    const bodies = new StepBodies(this.#options, run, dependencies, this.#keep);
    let own: Slot | undefined;
    events.tell({ type: "step_queued", stepId: namedIn(this.#options, run).stepId, at: stamps.next() });
    try {
      // Whoever is only told to wait holds nothing that others could need.
      if (step.async && !isJoin(step)) own = await this.#slots.acquire([step.index], run.signal);
      if (works(step))
        run.slot = await context.slots.acquire([...this.#options.order, step.index], run.signal);
      await pause.whenOff(run.signal);
      // Others were told of an end, too, and may have stopped this step before it came to go on.
      run.signal.throwIfAborted();
      run.started = true;
      const { record, failure, verdict } = await new StepWorker(this.#options, run, bodies).work(view);
      const records = [...collected, ...bodies.records];
      if (!step.async) this.#moveOn(step, record, bodies.records);
      if (record === undefined) this.#endings.settle(run, { kind: "absorbed", error: failure, records });
      else this.#endings.settle(run, { kind: "completed", record, records }, verdict?.kind === "break");
      if (verdict !== undefined) this.#obey(verdict, run);
    } catch (thrown) {
      const error = StepError.of(thrown, step.id);
      // A private step that has failed says nothing about what is joined.
      const isOwn = error.stepId === step.id && journal.body(step.id) === undefined;
      if (run.cancelled === undefined && isJoin(step) && isOwn) this.#redo(run);
      this.#endings.threw(run, thrown, [...collected, ...bodies.records]);
      this.#endOf(run);
    } finally {
      run.slot?.release();
      own?.release();
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

  /** It was over before the run was resumed. */
  #restore(run: StepRun, end: EndNote, collected: readonly StepRecord[]): void {
    const { step } = run;
    const own = this.#options.journal.recordsOf(step.id);
    // What was stopped before its turn had not collected anything.
    const hadTurn = end.kind !== "cancelled" || end.how !== "not_started";
    const records = hadTurn ? [...collected, ...own] : own;
    const record = this.#options.journal.body(step.id)?.record;
    if (!step.async) this.#moveOn(step, record, own);
    if (end.kind !== "completed") this.#endings.restore(run, { ...end, records }, end.sequence);
    else if (record !== undefined)
      this.#endings.restore(run, { kind: "completed", record, records }, end.sequence);
    if (end.kind === "completed" && end.breaks) this.#finish({ status: "break", by: step.id });
  }

  #obey(verdict: Verdict, run: StepRun): void {
    const { id } = run.step;
    if (verdict.kind === "break") this.#finish({ status: "break", by: id });
    else {
      this.#redo(run);
      this.#finish({ status: "failed", error: verdict.error, by: id }, "abort_pipeline");
    }
  }

  /** Whoever resumes the run wants another result: of a join, from those branches that it alone has used. */
  #redo(run: StepRun): void {
    const { journal } = this.#options;
    const { step } = run;
    journal.forget(step.id);
    if (!isJoin(step)) return;
    for (const each of this.#runs.dependenciesOf(run)) {
      const isUsed = this.#runs.all.some(
        (other) => other.step.dependsOn.includes(each.step.id) && journal.ends.has(other.step.id),
      );
      if (each.step.async && !isUsed) this.#redo(each);
    }
  }

  /** A failure of the main flow ends it all. */
  #endOf({ step, outcome }: StepRun): void {
    if (outcome?.kind === "failed" && !step.async)
      this.#finish({ status: "failed", error: outcome.error, by: step.id });
  }

  /** Ends it now: nothing starts any more, and what runs is told to stop. The first end stands. */
  #finish(end: End, reason: CancelReason = reasonOf(end)): void {
    if (!this.#end.reach(end)) return;
    this.#endings.stopAll(reason, end.by);
    this.#over.abort(new Error("the pipeline has ended"));
  }
}

/** Whether it has something to do itself: a merge takes no time, and a human takes as much as a human does. */
function works({ body, before, then }: Step): boolean {
  return (body.kind !== "join" && body.kind !== "gate") || before.length > 0 || then.length > 0;
}

function speakerOf({ outcome }: StepRun): StepRecord | undefined {
  return outcome?.kind === "completed" ? outcome.record : undefined;
}
