import type { FlowEvent, FlowMiddleware } from "../../flows/flow/run/events.js";
import { flowChange } from "./flow-board.js";

interface EndNoticeOptions {
  readonly say: (line: string) => void;
  /** What to type to go on with a run. */
  readonly goOn: (id: string) => string;
  /** How long a tool that was told to stop is waited for. */
  readonly graceMs: number;
}

/** Tells people who end a run whom it waits for and, if they do not wait, how to go on with it. */
export class EndNotice implements FlowMiddleware, Disposable {
  readonly #options: EndNoticeOptions;
  readonly #running = new Set<string>();
  #id: string | undefined;

  constructor(options: EndNoticeOptions) {
    this.#options = options;
  }

  event(event: FlowEvent): void {
    // From here on there is something to go on with, until the end says itself how.
    if (event.kind === "step_queued") this.#id = event.run;
    if (event.kind === "flow_end") this.#id = undefined;
    const change = flowChange(event);
    if (change?.type === "runs") this.#running.add(change.step);
    else if (change?.type === "waits" || change?.type === "over") this.#running.delete(change.step);
  }

  /** Before the run is told. */
  told(reason: Error): void {
    const { say, graceMs } = this.#options;
    const waits = `; waits for ${[...this.#running].join(", ")}, at most ${graceMs / 1000} s`;
    say(`agent-host: ${reason.message}${this.#running.size === 0 ? "" : waits}; once more ends at once`);
    process.on("exit", this.#exit);
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#exit);
  }

  readonly #exit = (): void => {
    if (this.#id !== undefined) this.#options.say(this.#options.goOn(this.#id));
  };
}
