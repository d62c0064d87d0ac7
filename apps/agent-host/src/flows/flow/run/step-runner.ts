import { project } from "@holdfast/join-merge";
import { fallbackOf, type Step } from "../definition/definition.js";
import type { Tool } from "../tools/tool.js";
import type { Output } from "./cache.js";
import { type Inputs, resolveInputs } from "./inputs.js";
import { checkContract } from "./step-contract.js";
import { ContractError, OutputMappingError, ToolNotFoundError } from "./step-errors.js";
import { newOutcome, type StepOutcome } from "./step-outcome.js";
import type { StepContext, StepSettings } from "./step-settings.js";
import type { StepListener } from "./step-waits.js";
import { ToolRunner } from "./tool-runner.js";

/** Runs one step, from its inputs to what it adds to the context. Never rejects. */
export class StepRunner {
  readonly #outcome = newOutcome();
  readonly #settings: StepSettings;
  readonly #step: Step;
  readonly #context: StepContext;
  readonly #tool: string;
  readonly #runner: ToolRunner;
  readonly #listener: StepListener;

  constructor(settings: StepSettings, step: Step, context: StepContext, listener: StepListener) {
    this.#settings = settings;
    this.#step = step;
    this.#context = context;
    this.#tool = step.tool_name ?? "";
    this.#runner = new ToolRunner(settings, step, context, this.#outcome, listener);
    this.#listener = listener;
  }

  async run(): Promise<StepOutcome> {
    const outcome = this.#outcome;
    try {
      const outputs = await this.#outputs();
      checkContract("output", outputs, this.#step, this.#settings);
      outcome.outputs = outputs;
      outcome.contribution = this.#project(outputs);
      outcome.succeeded = true;
    } catch (error) {
      outcome.error = error;
      // Wrong wiring is not what a policy for failures is for, and whoever is told to stop stops.
      const isExcused = this.#step.on_error === "skip" && !(error instanceof ContractError);
      if (isExcused && !this.#context.signal.aborted) {
        outcome.succeeded = true;
        outcome.skipped = true;
        outcome.outputs = undefined;
      }
    }
    return outcome;
  }

  async #outputs(): Promise<Output> {
    const tool = this.#find(this.#tool);
    const { params } = this.#settings;
    const inputs = resolveInputs(this.#step, this.#context.base, params, tool);
    this.#outcome.inputs = inputs;
    checkContract("input", inputs.value, this.#step, this.#settings);
    this.#listener.started(inputs.shown);
    try {
      return await this.#runner.run(tool, inputs);
    } catch (error) {
      const fallback = fallbackOf(this.#step);
      if (fallback === undefined || this.#context.signal.aborted) throw error;
      return await this.#fallBack(fallback, inputs, error);
    }
  }

  /** The same inputs, once. */
  async #fallBack(name: string, inputs: Inputs, error: unknown): Promise<Output> {
    this.#outcome.fallback = name;
    const failed = (error as Error).message;
    if (this.#outcome.retryErrors.at(-1) !== failed) this.#outcome.retryErrors.push(failed);
    return await this.#runner.once(this.#find(name), inputs);
  }

  #find(name: string): Tool {
    const tool = this.#settings.tools.get(name);
    if (tool === undefined) throw new ToolNotFoundError(name);
    return tool;
  }

  #project(outputs: Output): Output {
    const { output_mapping } = this.#step;
    if (output_mapping === null) return outputs;
    for (const key of Object.values(output_mapping))
      if (!Object.hasOwn(outputs, key)) throw new OutputMappingError(this.#tool, key, Object.keys(outputs));
    return project(outputs, output_mapping);
  }
}
