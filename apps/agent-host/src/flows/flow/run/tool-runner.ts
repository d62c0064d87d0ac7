import type { Step } from "../definition/definition.js";
import type { Tool } from "../tools/tool.js";
import { asStepError, attempt } from "./attempt.js";
import { cacheKeyOf, keyText, type Output } from "./cache.js";
import { CachedOutputs } from "./cached-outputs.js";
import type { Inputs } from "./inputs.js";
import { plainOutput } from "./plain-output.js";
import { backoffMs, isRetryable } from "./retry.js";
import { checkContract } from "./step-contract.js";
import { type At, SchemaValidationError } from "./step-errors.js";
import type { StepOutcome } from "./step-outcome.js";
import type { StepContext, StepSettings } from "./step-settings.js";
import { type StepListener, type WaitFor, waitsOf } from "./step-waits.js";

/** Gets outputs of tools for a step, which fit their schemas, and counts what that took in its outcome. */
export class ToolRunner {
  readonly #settings: StepSettings;
  readonly #step: Step;
  readonly #context: StepContext;
  readonly #at: At;
  readonly #outcome: StepOutcome;
  readonly #waitFor: WaitFor;
  readonly #cached: CachedOutputs | undefined;

  constructor(
    settings: StepSettings,
    step: Step,
    context: StepContext,
    at: At,
    outcome: StepOutcome,
    listener: StepListener,
  ) {
    this.#settings = settings;
    this.#step = step;
    this.#context = context;
    this.#at = at;
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
    const input = this.#validInput(tool, inputs, this.#at);
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
      this.#validOutput(tool, plainOutput(output, this.#at, this.#maxBytes(tool)), this.#at),
    );
    if (known !== undefined) {
      this.#outcome.cached = true;
      return known;
    }
    const outputs = await this.#computed(tool, input);
    // What does not hold to the step's contract is not what the next one wants to get either.
    checkContract("output", outputs, this.#step, this.#at, this.#settings);
    await cached.set(key, outputs);
    return outputs;
  }

  /** Once, of a tool in place of the step's own. */
  async once(tool: Tool, inputs: Inputs): Promise<Output> {
    const at = { ...this.#at, tool: tool.name };
    const input = this.#validInput(tool, inputs, at);
    return this.#validOutput(tool, await this.#call(tool, input, at), at);
  }

  async #computed(tool: Tool, input: Record<string, unknown>): Promise<Output> {
    return this.#validOutput(tool, await this.#withRetries(tool, input), this.#at);
  }

  async #withRetries(tool: Tool, input: Record<string, unknown>): Promise<Output> {
    const { retry } = this.#step;
    const { retryErrors } = this.#outcome;
    const { ports } = this.#settings;
    const { signal } = this.#context;
    for (;;) {
      this.#outcome.attempts += 1;
      try {
        return await this.#call(tool, input, this.#at);
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

  async #call(tool: Tool, input: Record<string, unknown>, at: At): Promise<Output> {
    const { toolTimeoutMs, graceMs, exclusive, ports } = this.#settings;
    const { timeout_ms, exclusive: stepKey } = this.#step;
    const { traits } = tool;
    const { signal } = this.#context;
    this.#outcome.toolCalls += 1;
    try {
      return await attempt(tool, input, {
        at,
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
      throw asStepError(error, at);
    }
  }

  #maxBytes({ traits }: Tool): number {
    return traits.max_output_bytes ?? this.#settings.maxOutputBytes;
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
}
