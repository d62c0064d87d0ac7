import { FileProblemsError } from "../../file/problem.js";
import type { Callable } from "../library.js";
import type { ResultAction, Step } from "../definition/model.js";
import { actionFor } from "../values/match-result.js";
import { objectOf } from "../values/join-outputs.js";
import { type StepRecord, textOf } from "../values/record.js";
import { resolveTemplate, type Surroundings } from "../values/resolve.js";
import { StepError } from "../values/step-error.js";
import type { View } from "../values/view.js";
import { askHuman, prepareGate } from "./bodies/gate-body.js";
import { joinOutputs } from "./bodies/join-body.js";
import { preparePrompt, runnerNameOf } from "./bodies/prompt-body.js";
import { prepareShell } from "./bodies/shell-body.js";
import { checkInput, checkOutput } from "./check-data.js";
import type { Made, Place, Prepared } from "./place.js";
import type { RunContext } from "./run-context.js";
import { ScopeRun } from "./scope-run.js";
import type { StepRun } from "./step-run.js";

/** What a step says about the pipeline that it is in. */
export type Verdict =
  { readonly kind: "break" } | { readonly kind: "abort_pipeline"; readonly error: StepError };

/** What a step has done. */
export interface Work {
  /** What came of the body; nothing if it failed and the pipeline goes on without it. */
  readonly record: StepRecord | undefined;
  readonly failure: StepError | undefined;
  readonly verdict: Verdict | undefined;
}

export interface Surrounded {
  readonly context: RunContext;
  readonly called: Callable;
  readonly around: Surroundings;
  /** What stands before the names of steps in events. */
  readonly prefix: string;
  /** How many pipelines this one is within. */
  readonly depth: number;
  /** Resolves when all that was told so far is kept for good. If it cannot be, everything is told to stop, this step as well. */
  readonly keep: () => Promise<void>;
}

const maxDepth = 16;

/** Does what one step is for: what comes before it, its body with its retries, what its result asks for, and what comes after it. */
export class StepWorker {
  readonly #where: Surrounded;
  readonly #run: StepRun;
  readonly #dependencies: readonly StepRun[];
  /** All records of the step, in the order in which they were made. */
  readonly records: StepRecord[] = [];

  constructor(where: Surrounded, run: StepRun, dependencies: readonly StepRun[]) {
    this.#where = where;
    this.#run = run;
    this.#dependencies = dependencies;
  }

  /** Resolves when nothing of it runs any more. Rejects with why it failed, unless the pipeline goes on without it. */
  async work(before: View): Promise<Work> {
    const { step } = this.#run;
    let view = before;
    for (const entry of step.before) view = await this.#chained(entry, view);
    const body = await this.#body(step, view, this.#run.launchedAt);
    // What was told to stop and has made something all the same does nothing more.
    if (body.record === undefined || this.#run.cancelled !== undefined)
      return { ...body, verdict: undefined };
    view = view.after(body.record, runnerNameOf(step));
    const verdict = await this.#react(step, body.record, view, body.input);
    if (verdict === undefined) for (const entry of step.then) view = await this.#chained(entry, view);
    return { ...body, verdict };
  }

  /** A private step: it fails with its step, and what its result asks for concerns nobody else. */
  async #chained(step: Step, view: View): Promise<View> {
    const { record, input } = await this.#body(step, view, this.#where.context.stamps.next());
    if (record === undefined) return view;
    const after = view.after(record, runnerNameOf(step));
    await this.#react(step, record, after, input);
    return after;
  }

  async #body(
    step: Step,
    view: View,
    launchedAt: string,
  ): Promise<{ record: StepRecord | undefined; failure: StepError | undefined; input: unknown }> {
    const { context } = this.#where;
    const place = this.#placeOf(step, view);
    const started = { at: "" };
    for (let attempt = 1; ; attempt += 1)
      try {
        const input = checkInput(step, view);
        const prepared = this.#prepare(step, place);
        this.#tellStarted(step, prepared, started);
        const made = await prepared.run();
        checkOutput(step, made);
        const record = this.#recordOf(step, prepared, made, launchedAt, started.at);
        this.records.push(record);
        context.events.tell({
          type: "step_completed",
          ...this.#named(step),
          record,
          late: this.#run.cancelled !== undefined,
        });
        await this.#where.keep();
        return { record, failure: undefined, input };
      } catch (error) {
        const failure = await this.#absorb(step, error, attempt);
        if (failure !== undefined) return { record: undefined, failure, input: undefined };
      }
  }

  /** Throws an error that ends the step; gives one that the pipeline goes on after; gives nothing if it is tried again. */
  async #absorb(step: Step, thrown: unknown, attempt: number): Promise<StepError | undefined> {
    if (this.#run.signal.aborted) throw thrown;
    const error = StepError.of(thrown, step.id);
    const { onError } = step;
    const { events, stamps } = this.#where.context;
    const told = {
      type: "step_error",
      stepId: this.#named(step).stepId,
      error,
      at: stamps.next(),
    } as const;
    if (onError.kind === "continue") {
      events.tell({ ...told, action: "continue", attempt: undefined, maxRetries: undefined });
      await this.#where.keep();
      return error;
    }
    const { maxRetries } = onError.kind === "retry" ? onError : { maxRetries: 0 };
    if (attempt > maxRetries || !worthRetrying.has(error.type)) throw error;
    events.tell({ ...told, action: "retry", attempt, maxRetries });
    return undefined;
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
        const target = resolveTemplate(body.target, place.view, place.around);
        return { prompt: prompt ?? null, run: () => this.#callPipeline(step, target, prompt) };
      }
    }
  }

  /** Runs another pipeline to its end. Only its last response comes back. */
  async #callPipeline({ id }: Step, target: string, prompt: string | undefined): Promise<Made> {
    const { context, around, prefix, depth } = this.#where;
    if (depth >= maxDepth)
      throw new StepError(
        "pipeline/circular-reference",
        `step "${id}" calls "${target}" more than ${maxDepth} pipelines deep`,
        { stepId: id },
      );
    const child = new ScopeRun({
      context,
      called: this.#resolve(id, target),
      around: { ...around, invocation: prompt ?? around.invocation },
      prefix: `${prefix}${id}::`,
      depth: depth + 1,
      signal: this.#run.signal,
      group: this.#run.group,
    });
    const { status, error, view } = await child.run();
    if (status === "killed") throw this.#run.signal.reason;
    if (error !== undefined)
      throw new StepError(error.type, `step "${id}": in ${target}: ${error.message}`, {
        stepId: id,
        cause: error,
      });
    return { response: view.last === undefined ? null : textOf(view.last) };
  }

  #resolve(id: string, target: string): Callable {
    const { context, called } = this.#where;
    try {
      return context.library.resolve(called.pipeline, target);
    } catch (error) {
      if (!(error instanceof FileProblemsError)) throw error;
      throw new StepError(
        "config/validation-failed",
        `step "${id}" cannot call "${target}": ${error.message}`,
        {
          stepId: id,
          cause: error,
        },
      );
    }
  }

  /** Does what `on_result` says. Gives what concerns the pipeline. */
  async #react(step: Step, record: StepRecord, view: View, input: unknown): Promise<Verdict | undefined> {
    const { around } = this.#where;
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
        await askHuman(this.#placeOf(step, view), message && resolveTemplate(message, view, around));
        return undefined;
      }
      case "pipeline":
        await this.#followUp(step, action, view);
        return undefined;
      default:
        return undefined;
    }
  }

  /** The pipeline that `on_result` calls, with a record of its own. */
  async #followUp(step: Step, action: ResultAction, view: View): Promise<void> {
    const { around, context } = this.#where;
    const launchedAt = context.stamps.next();
    const prompt = action.prompt && resolveTemplate(action.prompt, view, around);
    const target = action.target ? resolveTemplate(action.target, view, around) : "";
    const called = { ...step, id: `${step.id}__on_result` };
    const prepared = { prompt: prompt ?? null, run: () => this.#callPipeline(called, target, prompt) };
    const started = { at: "" };
    this.#tellStarted(called, prepared, started);
    const record = this.#recordOf(called, prepared, await prepared.run(), launchedAt, started.at);
    this.records.push(record);
    context.events.tell({ type: "step_completed", ...this.#named(called), record, late: false });
  }

  #placeOf(step: Step, view: View): Place {
    const { context, called, around } = this.#where;
    return {
      context,
      around,
      defaults: called.pipeline.defaults,
      view,
      signal: this.#run.signal,
      name: this.#named(step).stepId,
      onForced: () => {
        if (this.#run.cancelled !== undefined) this.#run.forced = true;
      },
    };
  }

  #tellStarted(step: Step, { prompt }: Prepared, started: { at: string }): void {
    if (started.at !== "") return;
    const { context } = this.#where;
    started.at = context.stamps.next();
    context.events.tell({
      type: "step_started",
      ...this.#named(step),
      prompt: step.body.kind === "join" ? null : prompt,
      startedAt: started.at,
    });
  }

  #named({ id }: Step): { stepId: string; index: number; totalSteps: number; group: string | undefined } {
    const { prefix, called } = this.#where;
    const { step, group } = this.#run;
    return { stepId: `${prefix}${id}`, index: step.index, totalSteps: called.scope.steps.length, group };
  }

  #recordOf(step: Step, { prompt }: Prepared, made: Made, launchedAt: string, startedAt: string): StepRecord {
    return {
      response: null,
      costUsd: null,
      inputTokens: 0,
      outputTokens: 0,
      sessionId: null,
      stdout: null,
      stderr: null,
      exitCode: null,
      thinking: null,
      toolEvents: [],
      model: undefined,
      contextInherited: undefined,
      join: undefined,
      ...made,
      sampling: step.runner.sampling,
      stepId: step.id,
      prompt: prompt ?? "",
      group: this.#run.group,
      launchedAt,
      startedAt,
      completedAt: this.#where.context.stamps.next(),
    };
  }
}

/** What may well be otherwise the next time. */
const worthRetrying = new Set(["runner/invocation-failed", "schema/output-validation-failed"]);
