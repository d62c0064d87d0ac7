import { KeyedMutex } from "@holdfast/keyed-mutex";
import type { Exchange } from "../../runners/runner.js";

/** The conversations of a run with its runners: what was said in each, and who has it. */
export class Conversations {
  readonly #said = new Map<string, readonly Exchange[]>();
  readonly #turns = new KeyedMutex<string>({ label: "conversation" });

  /** Runs `fn` while nobody else speaks in that conversation. Rejects with the signal's reason, without a turn. */
  async alone<T>(sessionId: string, signal: AbortSignal, fn: () => Promise<T>): Promise<T> {
    return this.#turns.with(sessionId, fn, { signal });
  }

  /** Notes an answer. `before` is the conversation that it goes on with, or began as a copy of. */
  add(sessionId: string, before: string | undefined, prompt: string, answer: string): void {
    const said = before === undefined ? [] : (this.#said.get(before) ?? []);
    this.#said.set(sessionId, [...said, { prompt, answer }]);
  }

  get all(): ReadonlyMap<string, readonly Exchange[]> {
    return this.#said;
  }

  /** What was said, for a runner that cannot make a copy; nothing if that is not known. */
  transcript(sessionId: string): string | undefined {
    const said = this.#said.get(sessionId);
    return said?.map(({ prompt, answer }) => `User: ${prompt}\n\nAssistant: ${answer}`).join("\n\n");
  }
}
