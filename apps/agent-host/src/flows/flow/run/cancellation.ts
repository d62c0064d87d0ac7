import { FlowError } from "./error-codes.js";
import { longestWaitMs, type Ports } from "./ports.js";
import type { RunResult } from "./records.js";

/** How a run can be ended from outside. */
export interface CancelOptions {
  readonly signal?: AbortSignal | undefined;
  /** By when it must be done, in milliseconds since 1970. */
  readonly deadline?: number | undefined;
}

/** The reason that tools are given when the time for the whole run is up. */
class DeadlineExceededError extends FlowError {
  override readonly name = "DeadlineExceededError";

  constructor() {
    super("The deadline of the run has passed");
  }
}

/** A run was ended from outside; what it came to by then is the `result`. */
export class FlowCancelledError extends FlowError {
  override readonly name = "FlowCancelledError";
  readonly flow: string;
  /** The step that would have come next. */
  readonly stepIndex: number;
  readonly result: RunResult;
  readonly deadlineExceeded: boolean;
  readonly tokenCancelled: boolean;

  constructor(
    result: RunResult,
    stepIndex: number,
    { deadlineExceeded, tokenCancelled, reason }: Cancellation,
  ) {
    const why = [tokenCancelled && "it was cancelled", deadlineExceeded && "its deadline passed"];
    super(
      `The flow ${JSON.stringify(result.flow_name)} ended before step ${stepIndex}, because ${why.filter(Boolean).join(" and ")}`,
      { cause: reason },
    );
    this.flow = result.flow_name;
    this.stepIndex = stepIndex;
    this.result = result;
    this.deadlineExceeded = deadlineExceeded;
    this.tokenCancelled = tokenCancelled;
  }
}

/** One signal for all that can end a run. */
export class Cancellation {
  readonly #controller = new AbortController();
  readonly #clock = new AbortController();
  readonly #options: CancelOptions;
  readonly #ports: Ports;
  readonly #end: number;

  constructor(options: CancelOptions, ports: Ports) {
    const { signal, deadline } = options;
    this.#options = options;
    this.#ports = ports;
    // Once only: the date may be set back, and the deadline is not.
    this.#end = ports.elapsed() + (deadline ?? Infinity) - ports.wallTime();
    if (signal?.aborted === true) this.#cancel();
    else signal?.addEventListener("abort", this.#cancel);
    if (deadline !== undefined) void this.#startClock();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reason(): unknown {
    return this.signal.reason as unknown;
  }

  get tokenCancelled(): boolean {
    return this.#options.signal?.aborted === true;
  }

  get deadlineExceeded(): boolean {
    return this.#left <= 0;
  }

  get #left(): number {
    return this.#end - this.#ports.elapsed();
  }

  /** Leaves nothing behind. */
  [Symbol.dispose](): void {
    this.#options.signal?.removeEventListener("abort", this.#cancel);
    this.#clock.abort();
  }

  readonly #cancel = (): void => {
    this.#controller.abort(this.#options.signal?.reason);
  };

  async #startClock(): Promise<void> {
    try {
      while (!this.deadlineExceeded)
        await this.#ports.wait(Math.min(this.#left, longestWaitMs), this.#clock.signal);
      this.#controller.abort(new DeadlineExceededError());
    } catch {
      // The run is over.
    }
  }
}
