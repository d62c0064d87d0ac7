import type { Frame } from "./agent-child.js";
import type { AgentRequest } from "./driver.js";
import type { SessionLimits } from "./limits.js";
import { Timers } from "./timers.js";
import { UnfitAgentError } from "./unfit-agent-error.js";

interface Open {
  readonly resolve: (answer: Frame) => void;
  readonly reject: (error: Error) => void;
}

/** Requests to one child that are not answered yet. Each has a deadline, and none outlives the child. */
export class Requests {
  readonly #limits: Pick<SessionLimits, "opening" | "brokenPipe">;
  readonly #write: (frame: Frame) => Promise<void>;
  readonly #open = new Map<number, Open>();
  readonly #timers = new Timers<number>();
  #closed: Error | undefined;

  constructor(limits: Pick<SessionLimits, "opening" | "brokenPipe">, write: (frame: Frame) => Promise<void>) {
    this.#limits = limits;
    this.#write = write;
  }

  /** Sends a request; resolves to its answer. Rejects if none comes in time, or with what ends the child. */
  ask({ id, name, frame }: AgentRequest): Promise<Frame> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const { opening, brokenPipe } = this.#limits;
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      this.#timers.after(id, opening, () => {
        this.#fail(id, new UnfitAgentError(`It did not answer ${name} within ${opening} ms`));
      });
      this.#write(frame).catch((cause: unknown) => {
        if (!this.#open.has(id)) return;
        // The child's end says more than the broken pipe.
        this.#timers.after(id, brokenPipe, () => {
          this.#fail(id, new Error(`${name} could not be written`, { cause }));
        });
      });
    });
  }

  /** An answer came; says whether anybody waits for it. */
  answer(id: number, answer: Frame): boolean {
    const request = this.#take(id);
    request?.resolve(answer);
    return request !== undefined;
  }

  /** The child comes to its end, and answers nothing any more. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const id of [...this.#open.keys()]) this.#fail(id, reason);
  }

  #fail(id: number, error: Error): void {
    this.#take(id)?.reject(error);
  }

  #take(id: number): Open | undefined {
    const request = this.#open.get(id);
    this.#open.delete(id);
    this.#timers.clear(id);
    return request;
  }
}
