import type { EndNote } from "../checkpoint/journal.js";
import { isJoin } from "../definition/model.js";
import type { Plan } from "../plan/plan.js";
import { StepError } from "../values/step-error.js";
import type { View } from "../values/view.js";
import { holdsIn, isDisabled, namedIn, type RunningScope } from "./running-scope.js";
import type { End } from "./scope-end.js";
import type { StepEndings } from "./step-endings.js";
import type { StepRuns } from "./step-run.js";

/** Launches what is to run beside the main flow of one pipeline, as its cursor moves on. */
export class Launches {
  readonly #scope: RunningScope;
  readonly #plan: Plan;
  readonly #runs: StepRuns;
  readonly #endings: StepEndings;
  readonly #standing: ReadonlyMap<string, EndNote>;

  /** `standing`: how steps ended before the run was resumed. */
  constructor(
    scope: RunningScope,
    plan: Plan,
    runs: StepRuns,
    endings: StepEndings,
    standing: ReadonlyMap<string, EndNote>,
  ) {
    this.#scope = scope;
    this.#plan = plan;
    this.#runs = runs;
    this.#endings = endings;
    this.#standing = standing;
  }

  /** Launches what comes after this step, in the order of declaration. Gives an end if the pipeline cannot go on. */
  after(from: string, view: View): End | undefined {
    const { context } = this.#scope;
    for (const step of this.#plan.launches.get(from) ?? []) {
      const run = this.#runs.of(step.id);
      run.view = view;
      run.launchedAt = context.stamps.next();
      const isOver = this.#standing.has(step.id);
      const canTell = step.dependsOn.length === 0;
      try {
        if (!isOver && (isDisabled(this.#scope, step) || (canTell && !holdsIn(this.#scope, step, view)))) {
          this.#endings.skip(run, []);
          continue;
        }
      } catch (error) {
        const failure = StepError.of(error, step.id);
        this.#endings.fail(run, failure, []);
        return { status: "failed", error: failure, by: step.id };
      }
      run.group = this.#scope.group ?? (isJoin(step) ? undefined : this.#groupAt(from));
      if (isOver) continue;
      context.events.tell({
        type: "step_launched",
        ...namedIn(this.#scope, run),
        launchedAt: run.launchedAt,
        dependsOn: step.dependsOn,
      });
    }
    this.#tellAwaited(from);
    this.#endings.stopDoomed();
    return undefined;
  }

  /** Says whom the main flow waits for before its next step. */
  #tellAwaited(from: string): void {
    const { events, stamps } = this.#scope.context;
    const next = this.#plan.next.get(from);
    if (next === undefined || next.dependsOn.length === 0 || this.#standing.has(next.id)) return;
    const { stepId } = namedIn(this.#scope, this.#runs.of(next.id));
    events.tell({ type: "step_awaits", stepId, dependsOn: next.dependsOn, at: stamps.next() });
  }

  /** The group of branches that are launched after this step. */
  #groupAt(from: string): string {
    const { journal, context } = this.#scope;
    const known = journal.groupAt(from);
    if (known !== undefined) return known;
    const reservation = context.groups.reserveFirst(context.newGroupId);
    reservation.commit();
    journal.noteGroup(from, reservation.id);
    return reservation.id;
  }
}
