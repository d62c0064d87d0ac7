import type { Step } from "../definition/model.js";
import type { StepRecord } from "../values/record.js";
import { StepError } from "../values/step-error.js";
import type { View } from "../values/view.js";
import type { Slot } from "./slots.js";
import type { CancelOutcome, CancelReason } from "./events.js";

/** Why a step is told to stop. */
export interface Cancel {
  /** The step that is the cause, as events call it; none for a kill. */
  readonly by: string | null;
  readonly reason: CancelReason;
  readonly at: string;
  readonly error: StepError;
}

/** How a step ended. `records` are all that it and those it collected have made, in the order in which others see them. */
export type Outcome = { readonly records: readonly StepRecord[] } & (
  | { readonly kind: "completed"; readonly record: StepRecord }
  | { readonly kind: "skipped" }
  /** It failed, and the pipeline goes on without it. */
  | { readonly kind: "absorbed"; readonly error: StepError }
  | { readonly kind: "failed"; readonly error: StepError }
  | { readonly kind: "cancelled"; readonly error: StepError; readonly how: CancelOutcome }
);

/** One step of one run of a pipeline: what it sees, and how it ends, once. */
export class StepRun {
  readonly step: Step;
  /** What it sees of the main flow: set when it is launched. */
  view: View | undefined;
  group: string | undefined;
  launchedAt = "";
  started = false;
  /** Among the steps of all pipelines, from when its work begins. */
  slot: Slot | undefined;
  /** How far its work had to be stopped. */
  forced = false;
  readonly #controller = new AbortController();
  #cancel: Cancel | undefined;
  #outcome: Outcome | undefined;
  #isDone = false;
  #sequence = 0;

  constructor(step: Step) {
    this.step = step;
  }

  /** Aborts when it is told to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get cancelled(): Cancel | undefined {
    return this.#cancel;
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** The how-manieth to end it was. */
  get sequence(): number {
    return this.#sequence;
  }

  get launched(): boolean {
    return this.view !== undefined;
  }

  /** Whether those who depend on it cannot have what it was for. */
  get isLost(): boolean {
    return this.#outcome?.kind === "failed" || this.#outcome?.kind === "cancelled";
  }

  /** There is nothing more to do, only to keep what has come of it: nothing stops it any more. */
  done(): void {
    this.#isDone = true;
  }

  /** Tells it to stop, unless it has been told before or does nothing any more. */
  stop(cancel: Cancel): void {
    if (this.#outcome !== undefined || this.#cancel !== undefined || this.#isDone) return;
    this.#cancel = cancel;
    this.#controller.abort(cancel.error);
  }

  /** Settles it. The first outcome stands; says whether this is it. */
  settle(outcome: Outcome, sequence: number): boolean {
    if (this.#outcome !== undefined) return false;
    this.#outcome = outcome;
    this.#sequence = sequence;
    return true;
  }
}

/** All steps of one run of a pipeline, in the order of declaration. */
export class StepRuns {
  readonly all: readonly StepRun[];
  readonly #byId: ReadonlyMap<string, StepRun>;

  constructor(steps: readonly Step[]) {
    this.all = steps.map((step) => new StepRun(step));
    this.#byId = new Map(this.all.map((run) => [run.step.id, run]));
  }

  of(id: string): StepRun {
    const run = this.#byId.get(id);
    if (run === undefined) throw new Error(`there is no step ${JSON.stringify(id)}`);
    return run;
  }

  /** In the order in which it names them. */
  dependenciesOf({ step }: StepRun): StepRun[] {
    return step.dependsOn.map((id) => this.of(id));
  }
}
