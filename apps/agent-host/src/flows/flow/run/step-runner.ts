import type { MergeContext } from "@holdfast/join-merge";
import { project } from "@holdfast/join-merge";
import type { KeyedMutex } from "@holdfast/keyed-mutex";
import { fallbackOf, type FlowDefinition, type Step } from "../definition/definition.js";
import { type HostSchemas, validatorAt } from "../definition/schema-refs.js";
import type { Tool, Toolset } from "../tools/tool.js";
import { asStepError, attempt } from "./attempt.js";
import { cacheKeyOf, keyText, type Output, type StepCache } from "./cache.js";
import { type Inputs, resolveInputs } from "./inputs.js";
import type { Ports } from "./ports.js";
import { backoffMs, isRetryable } from "./retry.js";
import {
  type At,
  ContractError,
  OutputMappingError,
  SchemaValidationError,
  ToolNotFoundError,
} from "./step-errors.js";

/** What a step runs with: the same for all steps of a run, whatever is configured meanwhile. */
export interface StepSettings {
  readonly flow: FlowDefinition;
  readonly tools: Toolset;
  readonly schemas: HostSchemas;
  readonly ports: Ports;
  readonly params: ReadonlySet<string>;
  readonly cache: StepCache | undefined;
  readonly computing: KeyedMutex;
  readonly exclusive: KeyedMutex;
  readonly toolTimeoutMs: number | undefined;
  readonly maxOutputBytes: number;
}

export type StepContext = MergeContext<Readonly<Record<string, unknown>>>;

/** How a step went, as far as its record says so. */
export interface StepOutcome {
  inputs: Inputs | undefined;
  outputs: Output | undefined;
  /** What it adds to the context; nothing if it is skipped. */
  contribution: Output | undefined;
  /** Why it failed, or was skipped. */
  error: unknown;
  succeeded: boolean;
  skipped: boolean;
  cached: boolean;
  fallback: string | undefined;
  /** How often its own tool was called, and any tool. */
  attempts: number;
  toolCalls: number;
  retryErrors: string[];
}

/** Runs one step, from its inputs to what it adds to the context. Never rejects. */
export class StepRunner {
  readonly outcome: StepOutcome = {
    inputs: undefined,
    outputs: undefined,
    contribution: undefined,
    error: undefined,
    succeeded: false,
    skipped: false,
    cached: false,
    fallback: undefined,
    attempts: 0,
    toolCalls: 0,
    retryErrors: [],
  };
  readonly #settings: StepSettings;
  readonly #step: Step;
  readonly #context: StepContext;
  readonly #at: At;
  readonly #onStart: (inputs: unknown) => void;

  /** `onStart` is called with what the tool is given, before it is. */
  constructor(
    settings: StepSettings,
    step: Step,
    stepIndex: number,
    context: StepContext,
    onStart: (inputs: unknown) => void,
  ) {
    this.#settings = settings;
    this.#step = step;
    this.#context = context;
    this.#at = { tool: step.tool_name ?? "", stepIndex };
    this.#onStart = onStart;
  }

  async run(): Promise<StepOutcome> {
    const { outcome } = this;
    try {
      const outputs = await this.#outputs();
      this.#contract("output", outputs);
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
    const tool = this.#tool(this.#at.tool);
    const { params } = this.#settings;
    const inputs = resolveInputs(this.#step, this.#context.base, params, tool, this.#at);
    this.outcome.inputs = inputs;
    this.#contract("input", inputs.value);
    this.#onStart(inputs.shown);
    try {
      return await this.#cached(tool, inputs);
    } catch (error) {
      const fallback = fallbackOf(this.#step);
      if (fallback === undefined || this.#context.signal.aborted) throw error;
      return await this.#fallBack(fallback, inputs, error);
    }
  }

  /** The same inputs, once. */
  async #fallBack(name: string, inputs: Inputs, error: unknown): Promise<Output> {
    this.outcome.fallback = name;
    const failed = (error as Error).message;
    if (this.outcome.retryErrors.at(-1) !== failed) this.outcome.retryErrors.push(failed);
    const at = { ...this.#at, tool: name };
    const tool = this.#tool(name);
    const input = this.#validInput(tool, inputs, at);
    return this.#validOutput(tool, await this.#call(tool, input, at), at);
  }

  #tool(name: string): Tool {
    const tool = this.#settings.tools.get(name);
    if (tool === undefined) throw new ToolNotFoundError({ ...this.#at, tool: name });
    return tool;
  }

  async #cached(tool: Tool, inputs: Inputs): Promise<Output> {
    const input = this.#validInput(tool, inputs, this.#at);
    const { cache, computing } = this.#settings;
    if (cache === undefined || tool.traits.cacheable !== true) return await this.#computed(tool, input);
    const key = cacheKeyOf(tool, input);
    const { signal, idle } = this.#context;
    const text = keyText(key);
    // Of those who want one thing at the same time one makes it, and the others look again.
    using _turn = computing.tryAcquire(text) ?? (await idle(() => computing.acquire(text, { signal })));
    signal.throwIfAborted();
    const known = await cache.get(key);
    if (known !== undefined) {
      this.outcome.cached = true;
      return known;
    }
    const outputs = await this.#computed(tool, input);
    // What does not hold to the step's contract is not what the next one wants to get either.
    this.#contract("output", outputs);
    await cache.set(key, outputs);
    return outputs;
  }

  async #computed(tool: Tool, input: Record<string, unknown>): Promise<Output> {
    return this.#validOutput(tool, await this.#withRetries(tool, input), this.#at);
  }

  async #withRetries(tool: Tool, input: Record<string, unknown>): Promise<Output> {
    const { retry } = this.#step;
    const { retryErrors } = this.outcome;
    const { ports } = this.#settings;
    const { signal, idle } = this.#context;
    for (;;) {
      this.outcome.attempts += 1;
      try {
        return await this.#call(tool, input, this.#at);
      } catch (error) {
        retryErrors.push((error as Error).message);
        if (retry === null || !isRetryable(retry, error)) throw error;
        if (retryErrors.length > retry.max_retries) throw error;
        const ms = backoffMs(retry, retryErrors.length, ports);
        await idle(() => ports.wait(ms, signal));
        signal.throwIfAborted();
      }
    }
  }

  async #call(tool: Tool, input: Record<string, unknown>, at: At): Promise<Output> {
    const { toolTimeoutMs, maxOutputBytes, exclusive, ports } = this.#settings;
    const { timeout_ms, exclusive: stepKey } = this.#step;
    const { traits } = tool;
    const { signal, idle } = this.#context;
    this.outcome.toolCalls += 1;
    try {
      return await attempt(tool, input, {
        at,
        signal,
        idle,
        ports,
        exclusive,
        exclusiveKeys: [...new Set([stepKey, traits.exclusive])].filter((key) => typeof key === "string"),
        timeoutMs: timeout_ms ?? traits.timeout_ms ?? toolTimeoutMs,
        maxOutputBytes: traits.max_output_bytes ?? maxOutputBytes,
      });
    } catch (error) {
      throw asStepError(error, at);
    }
  }

  #validInput(tool: Tool, inputs: Inputs, at: At): Record<string, unknown> {
    // Defaults are filled in, which is nobody else's business.
    const input = structuredClone(inputs.value);
    const errors = tool.input?.errors(input) ?? [];
    if (errors.length > 0) throw new SchemaValidationError(at, "input", errors);
    return input;
  }

  #validOutput(tool: Tool, output: Output, at: At): Output {
    const errors = tool.output?.errors(output) ?? [];
    if (errors.length > 0) throw new SchemaValidationError(at, "output", errors);
    return output;
  }

  #contract(which: "input" | "output", value: unknown): void {
    const { flow, schemas } = this.#settings;
    const ref = this.#step[`${which}_contract`];
    const errors = validatorAt(flow, ref, schemas)?.errors(value) ?? [];
    if (errors.length > 0) throw new ContractError(this.#at, which, errors);
  }

  #project(outputs: Output): Output {
    const { output_mapping } = this.#step;
    if (output_mapping === null) return outputs;
    for (const key of Object.values(output_mapping))
      if (!Object.hasOwn(outputs, key)) throw new OutputMappingError(this.#at, key, Object.keys(outputs));
    return project(outputs, output_mapping);
  }
}
