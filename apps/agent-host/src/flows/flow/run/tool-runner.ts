import type { Step } from "../definition/definition.js";
import type { Tool } from "../tools/tool.js";
import { asStepError, attempt } from "./attempt.js";
import { cacheKeyOf, keyText, type Output } from "./cache.js";
import { CachedOutputs } from "./cached-outputs.js";
import type { Inputs } from "./inputs.js";
import { plainOutput } from "./plain-output.js";
import { backoffMs, isRetryable } from "./retry.js";
import { checkContract } from "./step-contract.js";
import { SchemaValidationError } from "./step-errors.js";
import type { StepOutcome } from "./step-outcome.js";
import type { StepContext, StepSettings } from "./step-settings.js";
import { type StepListener, type WaitFor, waitsOf } from "./step-waits.js";

/** Gets outputs of tools for a step, which fit their schemas, and counts what that took in its outcome. */
export class ToolRunner {
  readonly #settings: StepSettings;
  readonly #step: Step;
  readonly #context: StepContext;
  readonly #outcome: StepOutcome;
  readonly #waitFor: WaitFor;
  readonly #cached: CachedOutputs | undefined;

  constructor(
    settings: StepSettings,
    step: Step,
    context: StepContext,
    outcome: StepOutcome,
    listener: StepListener,
  ) {
    this.#settings = settings;
    this.#step = step;
    this.#context = context;
    this.#outcome = outcome;
    this.#waitFor = waitsOf(context, listener);
    const { cache } = settings;
    if (cache !== undefined)
      this.#cached = new CachedOutputs(cache, (error) => {
        listener.cacheFailed(error);
      });
  }

  /** As the step says: from the cache, or with its retries. */
  async run(tool: Tool, inputs: Inputs): Promise<Output> {
    const input = this.#validInput(tool, inputs);
    const { computing } = this.#settings;
    const cached = this.#cached;
    if (cached === undefined || tool.traits.cacheable !== true) return await this.#computed(tool, input);
    const key = cacheKeyOf(tool, input);
    const { signal } = this.#context;
    const text = keyText(key);
    // Of those who want one thing at the same time one makes it, and the others look again.
    using _turn =
      computing.tryAcquire(text) ??
      (await this.#waitFor({ for: "cache" }, () => computing.acquire(text, { signal })));
    signal.throwIfAborted();
    const known = await cached.get(key, (output) =>
      this.#validOutput(tool, plainOutput(output, tool.name, this.#maxBytes(tool))),
    );
    if (known !== undefined) {
      this.#outcome.cached = true;
      return known;
    }
    const outputs = await this.#computed(tool, input);
    // What does not hold to the step's contract is not what the next one wants to get either.
    checkContract("output", outputs, this.#step, this.#settings);
    await cached.set(key, outputs);
    return outputs;
  }

  /** Once, of a tool in place of the step's own. */
  async once(tool: Tool, inputs: Inputs): Promise<Output> {
    return this.#validOutput(tool, await this.#call(tool, this.#validInput(tool, inputs)));
  }

  async #computed(tool: Tool, input: Record<string, unknown>): Promise<Output> {
    return this.#validOutput(tool, await this.#withRetries(tool, input));
  }

  async #withRetries(tool: Tool, input: Record<string, unknown>): Promise<Output> {
    const { retry } = this.#step;
    const { retryErrors } = this.#outcome;
    const { ports } = this.#settings;
    const { signal } = this.#context;
    for (;;) {
      this.#outcome.attempts += 1;
      try {
        return await this.#call(tool, input);
      } catch (error) {
        const { message } = error as Error;
        retryErrors.push(message);
        if (signal.aborted || retry === null || !isRetryable(retry, error)) throw error;
        const { max_retries } = retry;
        if (retryErrors.length > max_retries) throw error;
        const ms = backoffMs(retry, retryErrors.length, ports);
        const pause = { for: "retry", ms, retry: retryErrors.length, max_retries, error: message } as const;
        await this.#waitFor(pause, () => ports.wait(ms, signal));
        signal.throwIfAborted();
      }
    }
  }

  async #call(tool: Tool, input: Record<string, unknown>): Promise<Output> {
    const { toolTimeoutMs, graceMs, exclusive, ports } = this.#settings;
    const { timeout_ms, exclusive: stepKey } = this.#step;
    const { traits } = tool;
    const { signal } = this.#context;
    this.#outcome.toolCalls += 1;
    try {
      return await attempt(tool, input, {
        signal,
        waitFor: this.#waitFor,
        ports,
        exclusive,
        exclusiveKeys: [...new Set([stepKey, traits.exclusive])].filter((key) => typeof key === "string"),
        timeoutMs: timeout_ms ?? traits.timeout_ms ?? toolTimeoutMs,
        graceMs,
        maxOutputBytes: this.#maxBytes(tool),
      });
    } catch (error) {
      throw asStepError(error, tool);
    }
  }

  #maxBytes({ traits }: Tool): number {
    return traits.max_output_bytes ?? this.#settings.maxOutputBytes;
  }

  #validInput(tool: Tool, inputs: Inputs): Record<string, unknown> {
    // Defaults are filled in, which is nobody else's business.
    const input = structuredClone(inputs.value);
    const errors = tool.input?.errors(input) ?? [];
    if (errors.length > 0) throw new SchemaValidationError(tool.name, "input", errors);
    return input;
  }

  #validOutput(tool: Tool, output: Output): Output {
    const errors = tool.output?.errors(output) ?? [];
    if (errors.length > 0) throw new SchemaValidationError(tool.name, "output", errors);
    return output;
  }
}
