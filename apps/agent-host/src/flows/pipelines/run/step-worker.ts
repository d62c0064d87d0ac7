import type { ResultAction, Step } from "../definition/model.js";
import { actionFor } from "../values/match-result.js";
import { objectOf } from "../values/join-outputs.js";
import type { StepRecord } from "../values/record.js";
import { resolveTemplate } from "../values/resolve.js";
import { StepError } from "../values/step-error.js";
import type { View } from "../values/view.js";
import { askHuman } from "./bodies/gate-body.js";
import { runnerNameOf } from "./bodies/prompt-body.js";
import type { RunningScope } from "./running-scope.js";
import type { BodyResult, StepBodies } from "./step-bodies.js";
import type { StepRun } from "./step-run.js";

/** What a step says about the pipeline that it is in. */
export type Verdict =
  { readonly kind: "break" } | { readonly kind: "abort_pipeline"; readonly error: StepError };

/** What a step has done. */
interface Work extends Pick<BodyResult, "record" | "failure"> {
  readonly verdict: Verdict | undefined;
}

/** Does what one step is for: what comes before it, its body, what its result asks for, and what comes after it. */
export class StepWorker {
  readonly #scope: RunningScope;
  readonly #run: StepRun;
  readonly #bodies: StepBodies;

  constructor(scope: RunningScope, run: StepRun, bodies: StepBodies) {
    this.#scope = scope;
    this.#run = run;
    this.#bodies = bodies;
  }

  /** Resolves when nothing of it runs any more. Rejects with why it failed, unless the pipeline goes on without it. */
  async work(before: View): Promise<Work> {
    const { step } = this.#run;
    let view = before;
    for (const entry of step.before) view = await this.#chained(entry, view);
    const { record, failure, input } = await this.#bodies.run(step, view, this.#run.launchedAt);
    // What was told to stop and has made something all the same does nothing more.
    if (record === undefined || this.#run.cancelled !== undefined)
      return { record, failure, verdict: undefined };
    view = view.after(record, runnerNameOf(step));
    const verdict = await this.#react(step, record, view, input);
    if (verdict === undefined) for (const entry of step.then) view = await this.#chained(entry, view);
    return { record, failure, verdict };
  }

  /** A private step: it fails with its step, and what its result asks for concerns nobody else. */
  async #chained(step: Step, view: View): Promise<View> {
    const { record, input } = await this.#bodies.run(step, view, this.#scope.context.stamps.next());
    if (record === undefined) return view;
    const after = view.after(record, runnerNameOf(step));
    await this.#react(step, record, after, input);
    return after;
  }

  /** Does what `on_result` says. Gives what concerns the pipeline. */
  async #react(step: Step, record: StepRecord, view: View, input: unknown): Promise<Verdict | undefined> {
    const { around } = this.#scope;
    const entries = record.join?.entries;
    const fields = entries === undefined ? input : objectOf(entries);
    const action = actionFor(step.onResult, { record, fields, view }, around);
    switch (action?.kind) {
      case "break":
        return { kind: "break" };
      case "abort_pipeline": {
        const said = action.message && resolveTemplate(action.message, view, around);
        const message = `step "${step.id}" says abort_pipeline in on_result${said === undefined ? "" : `: ${said}`}`;
        return {
          kind: "abort_pipeline",
          error: new StepError("pipeline/aborted", message, { stepId: step.id }),
        };
      }
      case "pause_for_human": {
        const message = action.message ?? step.gate.message;
        const place = this.#bodies.placeOf(step, view);
        await askHuman(place, message && resolveTemplate(message, view, around));
        return undefined;
      }
      case "pipeline":
        await this.#followUp(step, action, view);
        return undefined;
      default:
        return undefined;
    }
  }

  /** The pipeline that `on_result` calls. */
  async #followUp(step: Step, { prompt, target }: ResultAction, view: View): Promise<void> {
    const { around, context } = this.#scope;
    const launchedAt = context.stamps.next();
    const said = prompt && resolveTemplate(prompt, view, around);
    const called = target ? resolveTemplate(target, view, around) : "";
    // What it makes is not what the step's schema is about.
    const as = { ...step, id: `${step.id}__on_result`, outputSchema: undefined };
    await this.#bodies.call(as, called, said, launchedAt);
  }
}
