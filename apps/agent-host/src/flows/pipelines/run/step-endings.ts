import type { EndNote } from "../checkpoint/journal.js";
import { isJoin } from "../definition/model.js";
import type { StepRecord } from "../values/record.js";
import { StepError } from "../values/step-error.js";
import { UnresponsiveError } from "./call.js";
import type { CancelOutcome, CancelReason, FailedJoin } from "./events.js";
import { errorOf, rootOf } from "./failures.js";
import { findDoomed } from "./liveness.js";
import { namedIn, nameIn, type RunningScope } from "./running-scope.js";
import type { ScopeEnd } from "./scope-end.js";
import type { Outcome, StepRun, StepRuns } from "./step-run.js";

type Restored = Exclude<Outcome, { readonly kind: "skipped" }>;

/** How the steps of one pipeline end: says so to everybody, and stops those that nobody needs any more. */
export class StepEndings {
  readonly #scope: RunningScope;
  readonly #runs: StepRuns;
  readonly #end: ScopeEnd;
  readonly #standing: ReadonlyMap<string, EndNote>;
  #settled = 0;
  /** The latest step whose failure others may have to be stopped for. */
  #trigger: string | undefined;

  /** `standing`: how steps ended before the run was resumed. */
  constructor(scope: RunningScope, runs: StepRuns, end: ScopeEnd, standing: ReadonlyMap<string, EndNote>) {
    this.#scope = scope;
    this.#standing = standing;
    this.#runs = runs;
    this.#end = end;
    this.#settled = Math.max(0, ...[...standing.values()].map(({ sequence }) => sequence));
  }

  /** `breaks`: it ends the pipeline early. */
  settle(run: StepRun, outcome: Outcome, breaks = false): void {
    this.#settled += 1;
    if (!run.settle(outcome, this.#settled)) return;
    // Whoever is stopped because all of it ends is not done.
    if (!this.#end.reached) this.#note(run, outcome, breaks);
    const { events, stamps } = this.#scope.context;
    const { cancelled } = run;
    if (cancelled !== undefined)
      events.tell({
        type: "step_cancelled",
        ...namedIn(this.#scope, run),
        cancelledBy: cancelled.by,
        reason: cancelled.reason,
        signalledAt: cancelled.at,
        at: stamps.next(),
        outcome: howOf(run),
      });
    this.#spread(run);
  }

  /** It ended so before the run was resumed. */
  restore(run: StepRun, outcome: Restored, sequence: number): void {
    run.settle(outcome, sequence);
    const record = outcome.kind === "completed" ? outcome.record : undefined;
    const error = outcome.kind === "completed" ? undefined : outcome.error;
    const told = { ...namedIn(this.#scope, run), outcome: outcome.kind, record, error };
    this.#scope.context.events.tell({ type: "step_restored", ...told });
    this.#spread(run);
  }

  /** A failure may mean that others are not needed any more. */
  #spread(run: StepRun): void {
    if (run.outcome?.kind === "failed") this.#trigger = rootOf(run, this.#runs)?.step.id ?? run.step.id;
    if (run.isLost) this.stopDoomed();
  }

  #note({ step, cancelled }: StepRun, outcome: Outcome, breaks: boolean): void {
    const sequence = this.#settled;
    const { journal } = this.#scope;
    switch (outcome.kind) {
      case "completed":
        journal.noteEnd(step.id, { kind: outcome.kind, sequence, late: cancelled !== undefined, breaks });
        break;
      case "absorbed":
      case "failed":
        journal.noteEnd(step.id, { kind: outcome.kind, sequence, error: outcome.error });
        break;
      case "cancelled": {
        const { kind, error, how } = outcome;
        journal.noteEnd(step.id, { kind, sequence, error, how });
      }
    }
  }

  skip(run: StepRun, records: readonly StepRecord[]): void {
    const { events, stamps } = this.#scope.context;
    this.settle(run, { kind: "skipped", records });
    events.tell({ type: "step_skipped", stepId: namedIn(this.#scope, run).stepId, at: stamps.next() });
  }

  fail(run: StepRun, error: StepError, records: readonly StepRecord[], join?: FailedJoin): void {
    const { events, stamps } = this.#scope.context;
    const { launchedAt } = run;
    events.tell({
      type: "step_failed",
      ...namedIn(this.#scope, run),
      error,
      launchedAt,
      completedAt: stamps.next(),
      join,
    });
    this.settle(run, { kind: "failed", error, records });
  }

  /** It threw that. Whoever was told to stop has not failed. */
  threw(run: StepRun, thrown: unknown, records: readonly StepRecord[]): void {
    const { cancelled } = run;
    if (cancelled === undefined) {
      this.fail(run, StepError.of(thrown, run.step.id), records);
      return;
    }
    const how = howStopped(run, thrown);
    if (how === "failed") this.#end.besides(StepError.of(thrown, run.step.id));
    this.settle(run, { kind: "cancelled", error: cancelled.error, how, records });
  }

  /** It cannot run, because what it depends on has failed. */
  failWith(run: StepRun, lost: readonly StepRun[], collected: readonly StepRecord[]): void {
    const { step } = run;
    const root = rootOf(run, this.#runs) ?? lost[0] ?? run;
    const cause = errorOf(root);
    const what = isJoin(step) ? `the join "${step.id}" fails (fail_fast)` : `step "${step.id}" cannot run`;
    const message = `${what}, because "${root.step.id}" failed: ${cause.message}`;
    const error = new StepError("pipeline/aborted", message, { stepId: step.id, cause });
    if (step.onError.kind === "continue") {
      const { stepId } = namedIn(this.#scope, run);
      const { events, stamps } = this.#scope.context;
      const told = { type: "step_error", stepId, error, action: "continue", at: stamps.next() } as const;
      events.tell({ ...told, attempt: undefined, maxRetries: undefined });
      this.settle(run, { kind: "absorbed", error, records: collected });
    } else this.fail(run, error, collected, isJoin(step) ? this.#joinOf(run, root) : undefined);
  }

  #joinOf(run: StepRun, root: StepRun): FailedJoin {
    const cancelled = this.#runs.dependenciesOf(run).filter((each) => each.cancelled !== undefined);
    return {
      trigger: nameIn(this.#scope, root.step.id),
      cancelled: cancelled.map((each) => ({
        stepId: nameIn(this.#scope, each.step.id),
        outcome: howOf(each),
      })),
    };
  }

  /** Tells a step to stop; one that has not started is over with that. `by` is the step that is the cause, if that is one of these. */
  stop(run: StepRun, reason: CancelReason, by: string | null): void {
    const { caller, context } = this.#scope;
    const cause = by === null ? (caller?.cancelled?.by ?? null) : nameIn(this.#scope, by);
    const why = by === null ? reason : `${reason}, because of "${by}"`;
    const error = new StepError("runner/cancelled", `step "${run.step.id}" was cancelled (${why})`, {
      stepId: run.step.id,
    });
    run.stop({ by: cause, reason, at: context.stamps.next(), error });
    if (!run.started) this.settle(run, { kind: "cancelled", error, how: "not_started", records: [] });
  }

  /** Tells all that were launched to stop. */
  stopAll(reason: CancelReason, by: string | null): void {
    for (const run of this.#runs.all) if (run.launched) this.stop(run, reason, by);
  }

  /** Stops those of whom nobody needs anything any more. */
  stopDoomed(): void {
    if (this.#trigger === undefined) return;
    for (const { run, reason } of findDoomed(this.#runs.all))
      // Nothing can stop what was over before.
      if (!this.#standing.has(run.step.id)) this.stop(run, reason, this.#trigger);
  }
}

/** How one ended that was told to stop. */
function howOf({ outcome }: StepRun): CancelOutcome {
  return outcome?.kind === "cancelled" ? outcome.how : "completed";
}

function howStopped({ forced, signal }: StepRun, thrown: unknown): CancelOutcome {
  if (thrown instanceof UnresponsiveError) return "unresponsive";
  if (forced) return "forced";
  const isAbort = thrown === signal.reason || (thrown instanceof Error && thrown.name === "AbortError");
  return isAbort ? "cancelled" : "failed";
}
