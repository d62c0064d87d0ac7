import type { BodyNote } from "../checkpoint/journal.js";
import type { Step } from "../definition/model.js";
import { emptyRecord, type StepRecord } from "../values/record.js";
import { resolveTemplate } from "../values/resolve.js";
import { StepError } from "../values/step-error.js";
import type { View } from "../values/view.js";
import { prepareGate } from "./bodies/gate-body.js";
import { joinOutputs } from "./bodies/join-body.js";
import { preparePrompt } from "./bodies/prompt-body.js";
import { prepareShell } from "./bodies/shell-body.js";
import { callPipeline } from "./called-pipeline.js";
import { checkInput, checkOutput } from "./check-data.js";
import type { Place, Prepared } from "./place.js";
import { namedIn, type RunningScope } from "./running-scope.js";
import type { StepRun } from "./step-run.js";

/** What came of a body. */
export type BodyResult =
  | {
      readonly record: StepRecord;
      readonly failure?: undefined;
      /** What it went on with as data, if its step says what that must be. */
      readonly input: unknown;
    }
  /** It failed, and the pipeline goes on without it. */
  | { readonly record?: undefined; readonly failure: StepError; readonly input?: undefined };

/** The bodies of one step and of those that are private to it: runs each, with its retries, and makes a record of it. */
export class StepBodies {
  readonly #scope: RunningScope;
  readonly #run: StepRun;
  readonly #dependencies: readonly StepRun[];
  readonly keep: () => Promise<void>;
  /** All that were made, in that order. */
  readonly records: StepRecord[] = [];

  /** `keep` resolves when all that was told so far is kept for good. If it cannot be, everything is told to stop, this step as well. */
  constructor(
    scope: RunningScope,
    run: StepRun,
    dependencies: readonly StepRun[],
    keep: () => Promise<void>,
  ) {
    this.#scope = scope;
    this.#run = run;
    this.#dependencies = dependencies;
    this.keep = keep;
  }

  /** Rejects with why it failed, unless the pipeline goes on without it. */
  async run(step: Step, view: View, launchedAt: string): Promise<BodyResult> {
    const done = this.#restored(step, step.id);
    if (done?.error !== undefined) return { failure: done.error };
    if (done !== undefined) return { record: done.record, input: checkInput(step, view) };
    const place = this.placeOf(step, view);
    const started = { at: "" };
    for (let attempt = 1; ; attempt += 1)
      try {
        const input = checkInput(step, view);
        const record = await this.#attempt(step, step.id, this.#prepare(step, place), launchedAt, started);
        await this.keep();
        return { record, input };
      } catch (error) {
        const failure = await this.#absorb(step, error, attempt);
        if (failure !== undefined) return { failure };
        this.#scope.journal.forgetCall(step.id);
      }
  }

  /** Calls another pipeline after the step, with a record of its own. */
  async call(step: Step, target: string, prompt: string | undefined): Promise<void> {
    // What it makes is not what the step's schema is about.
    const as = { ...step, id: `${step.id}__on_result`, outputSchema: undefined };
    const key = `${step.id}::on_result`;
    if (this.#restored(as, key) !== undefined) return;
    const launchedAt = this.#scope.context.stamps.next();
    await this.#attempt(as, key, this.#called(as, key, target, prompt), launchedAt, { at: "" });
    await this.keep();
  }

  placeOf(step: Step, view: View): Place {
    const { context, called, around } = this.#scope;
    return {
      context,
      around,
      defaults: called.pipeline.defaults,
      view,
      signal: this.#run.signal,
      name: this.#nameOf(step),
      whileWaiting: (wait) => this.#run.slot?.lend(wait) ?? wait(),
      onForced: () => {
        if (this.#run.cancelled !== undefined) this.#run.forced = true;
      },
    };
  }

  #prepare(step: Step, place: Place): Prepared {
    const { body } = step;
    switch (body.kind) {
      case "prompt":
        return preparePrompt(step, body.prompt, place);
      case "shell":
        return prepareShell(body.command, place);
      case "gate":
        return prepareGate(step, place);
      case "join":
        return {
          prompt: `join:[${step.dependsOn.join(",")}]`,
          run: () =>
            Promise.resolve(joinOutputs(step, body.onError, this.#dependencies, place.context.strictJoins)),
        };
      case "pipeline": {
        const prompt = body.prompt && resolveTemplate(body.prompt, place.view, place.around);
        return this.#called(step, step.id, resolveTemplate(body.target, place.view, place.around), prompt);
      }
    }
  }

  #called({ id }: Step, key: string, target: string, prompt: string | undefined): Prepared {
    const journal = this.#scope.journal.called(key);
    return {
      prompt: prompt ?? null,
      run: () => callPipeline(this.#scope, this.#run, { id, target, prompt, journal }),
    };
  }

  /** What an earlier process has done of it. */
  #restored(step: Step, key: string): BodyNote | undefined {
    const { journal, context } = this.#scope;
    const body = journal.body(key);
    if (body === undefined) return undefined;
    const { record, error } = body;
    if (record !== undefined) this.records.push(record);
    const outcome = record === undefined ? "absorbed" : "completed";
    const named = namedIn(this.#scope, this.#run, step.id);
    context.events.tell({ type: "step_restored", ...named, outcome, record, error });
    return body;
  }

  async #attempt(
    step: Step,
    key: string,
    prepared: Prepared,
    launchedAt: string,
    started: { at: string },
  ): Promise<StepRecord> {
    const { journal, context } = this.#scope;
    this.#tellStarted(step, prepared, started);
    const made = await prepared.run();
    try {
      checkOutput(step, made);
    } catch (error) {
      // The same steps would always make the same.
      journal.forgetCall(key);
      throw error;
    }
    const record = {
      ...emptyRecord,
      ...made,
      stepId: step.id,
      prompt: prepared.prompt ?? "",
      group: this.#run.group,
      launchedAt,
      startedAt: started.at,
      completedAt: context.stamps.next(),
    };
    this.records.push(record);
    journal.noteBody(key, { record });
    const late = this.#run.cancelled !== undefined;
    if (step === this.#run.step && !goesOn(step)) this.#run.done();
    context.events.tell({
      type: "step_completed",
      ...namedIn(this.#scope, this.#run, step.id),
      record,
      late,
    });
    return record;
  }

  #tellStarted(step: Step, { prompt }: Prepared, started: { at: string }): void {
    if (started.at !== "") return;
    const { events, stamps } = this.#scope.context;
    started.at = stamps.next();
    events.tell({
      type: "step_started",
      ...namedIn(this.#scope, this.#run, step.id),
      prompt: step.body.kind === "join" ? null : prompt,
      startedAt: started.at,
    });
  }

  /** Throws an error that ends the step; gives one that the pipeline goes on after; gives nothing if it is tried again. */
  async #absorb(step: Step, thrown: unknown, attempt: number): Promise<StepError | undefined> {
    if (this.#run.signal.aborted) throw thrown;
    const error = StepError.of(thrown, step.id);
    const { onError } = step;
    const { events, stamps } = this.#scope.context;
    const told = { type: "step_error", stepId: this.#nameOf(step), error, at: stamps.next() } as const;
    if (onError.kind === "continue") {
      if (step === this.#run.step) this.#run.done();
      events.tell({ ...told, action: "continue", attempt: undefined, maxRetries: undefined });
      this.#scope.journal.noteBody(step.id, { error });
      await this.keep();
      return error;
    }
    const { maxRetries } = onError.kind === "retry" ? onError : { maxRetries: 0 };
    if (attempt > maxRetries || !worthRetrying.has(error.type)) throw error;
    events.tell({ ...told, action: "retry", attempt, maxRetries });
    return undefined;
  }

  #nameOf({ id }: Step): string {
    return namedIn(this.#scope, this.#run, id).stepId;
  }
}

/** Whether its result is looked at, or there are steps after it that are private to it. */
function goesOn({ then, onResult }: Step): boolean {
  return then.length > 0 || onResult.length > 0;
}

/** What may well be otherwise the next time. */
const worthRetrying = new Set(["runner/invocation-failed", "schema/output-validation-failed"]);
