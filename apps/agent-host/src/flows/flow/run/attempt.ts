import type { KeyedMutex } from "@holdfast/keyed-mutex";
import type { Tool } from "../tools/tool.js";
import { linkSignals } from "../../../session/linked-signal.js";
import type { Ports } from "./ports.js";
import { plainOutput } from "./plain-output.js";
import type { WaitFor } from "./step-waits.js";
import {
  StepExecutionError,
  StepUnresponsiveError,
  ToolOutputError,
  ToolOutputSizeError,
  ToolTimeoutError,
} from "./step-errors.js";

export interface AttemptOptions {
  /** Says that nobody wants the result any more. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number | undefined;
  /** How long it may go on once `signal` has aborted; `undefined` for as long as it takes. */
  readonly graceMs: number | undefined;
  readonly maxOutputBytes: number;
  /** Nobody else runs with one of these keys meanwhile. */
  readonly exclusiveKeys: readonly string[];
  readonly exclusive: KeyedMutex;
  readonly ports: Ports;
  readonly waitFor: WaitFor;
}

/**
 * Calls a tool once, and resolves to its output as plain data that nobody else has.
 *
 * The timeout and the grace bound the wait: what comes later is dropped. The keys are kept until the tool has really ended, as
 * two that must not run at the same time do not do so because one was given up.
 */
export async function attempt(
  tool: Tool,
  input: Record<string, unknown>,
  options: AttemptOptions,
): Promise<Record<string, unknown>> {
  const { signal, timeoutMs, graceMs, exclusive, exclusiveKeys, waitFor } = options;
  const token =
    exclusive.tryAcquireAll(exclusiveKeys) ??
    (await waitFor({ for: "exclusive", keys: exclusiveKeys }, () =>
      exclusive.acquireAll(exclusiveKeys, { signal }),
    ));
  const { signal: told, abort, unlink } = abortable(signal);
  const work = call(tool, input, told).finally(() => {
    token.release();
    unlink();
  });
  const stopped = graceMs === undefined ? work : untilLeftAlone(tool, work, graceMs, options);
  const output = await (timeoutMs === undefined
    ? stopped
    : within(tool, stopped, timeoutMs, abort, options.ports));
  return plainOutput(output, tool.name, options.maxOutputBytes);
}

async function call(tool: Tool, input: Record<string, unknown>, signal: AbortSignal): Promise<unknown> {
  signal.throwIfAborted();
  return await tool.run(structuredClone(input), { signal });
}

interface Abortable {
  readonly signal: AbortSignal;
  readonly abort: (reason: unknown) => void;
  readonly unlink: () => void;
}

function abortable(source: AbortSignal): Abortable {
  const own = new AbortController();
  const { signal, unlink } = linkSignals([source, own.signal]);
  return {
    signal,
    unlink,
    abort: (reason) => {
      own.abort(reason);
    },
  };
}

async function within(
  { name }: Tool,
  work: Promise<unknown>,
  timeoutMs: number,
  abort: (reason: unknown) => void,
  ports: Ports,
): Promise<unknown> {
  const clock = new AbortController();
  const timeout = ports.wait(timeoutMs, clock.signal).then(
    () => {
      const error = new ToolTimeoutError(name, timeoutMs);
      abort(error);
      throw error;
    },
    // It has been stopped, because the work is done.
    () => undefined,
  );
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clock.abort();
  }
}

async function untilLeftAlone(
  { name }: Tool,
  work: Promise<unknown>,
  graceMs: number,
  { signal, ports }: AttemptOptions,
): Promise<unknown> {
  const over = new AbortController();
  const leftAlone = new Promise<never>((_, reject) => {
    const told = (): void => {
      ports.wait(graceMs, over.signal).then(
        () => {
          reject(new StepUnresponsiveError(name, graceMs));
        },
        // It has ended.
        () => undefined,
      );
    };
    signal.addEventListener("abort", told, { signal: over.signal });
  });
  try {
    return await Promise.race([work, leftAlone]);
  } finally {
    over.abort();
  }
}

/** What a tool threw, as an error of the step. Those that are ours keep their type. */
export function asStepError(error: unknown, { name }: Tool): Error {
  const isOurs =
    error instanceof ToolTimeoutError ||
    error instanceof StepUnresponsiveError ||
    error instanceof ToolOutputError ||
    error instanceof ToolOutputSizeError;
  return isOurs ? error : new StepExecutionError(name, error);
}
