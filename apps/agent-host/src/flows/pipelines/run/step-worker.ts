import type { Step } from "../definition/model.js";
import type { StepRecord } from "../values/record.js";
import type { View } from "../values/view.js";
import { askHuman } from "./bodies/gate-body.js";
import { runnerNameOf } from "./bodies/prompt-body.js";
import { reactionTo, type Verdict } from "./reaction.js";
import type { RunningScope } from "./running-scope.js";
import type { BodyResult, StepBodies } from "./step-bodies.js";
import type { StepRun } from "./step-run.js";

/** What a step has done. */
type Work = BodyResult & { readonly verdict?: Verdict | undefined };

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
    const result = await this.#bodies.run(step, view, this.#run.launchedAt);
    const { record, input } = result;
    // What was told to stop and has made something all the same does nothing more.
    if (record === undefined || this.#run.cancelled !== undefined) return result;
    view = view.after(record, runnerNameOf(step));
    const verdict = await this.#react(step, record, view, input);
    if (verdict === undefined) for (const entry of step.then) view = await this.#chained(entry, view);
    return { ...result, verdict };
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
    const reaction = this.#reactionTo(step, record, view, input);
    switch (reaction?.kind) {
      case "pause_for_human":
        await this.#pause(step, view, reaction.message);
        return undefined;
      case "pipeline":
        await this.#bodies.call(step, reaction.target, reaction.prompt);
        return undefined;
      default:
        return reaction;
    }
  }

  #reactionTo(...[step, ...result]: [Step, StepRecord, View, unknown]): ReturnType<typeof reactionTo> {
    try {
      return reactionTo(step, ...result, this.#scope.around);
    } catch (error) {
      // The same result would always fail so.
      this.#scope.journal.forget(step.id);
      throw error;
    }
  }

  async #pause(step: Step, view: View, message: string | undefined): Promise<void> {
    const { journal } = this.#scope;
    if (journal.isAnswered(step.id)) return;
    const answer = await askHuman(this.#bodies.placeOf(step, view), message, true);
    if (answer === undefined) return;
    journal.noteAnswer(step.id);
    await this.#bodies.keep();
  }
}
