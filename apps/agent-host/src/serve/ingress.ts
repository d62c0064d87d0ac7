import { isLockError } from "@holdfast/priority-lock";
import type { Announcement } from "../session/announcements.js";
import { messageOf } from "../session/message-of.js";
import type { Outcome } from "../session/outcome.js";
import type { AgentSession } from "../session/session.js";
import { HttpError, soon } from "./http-error.js";
import type { PromptRequest } from "./prompt-request.js";

/** Who waits for the answer. */
export interface Asker {
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal;
  /** The request is noted, and will come to its turn. */
  readonly onAccepted: () => void;
  readonly onText: (text: string) => void;
  /** What `onText` was told so far does not count. */
  readonly onRetry: () => void;
}

/**
 * Takes requests into the session, as handlers. A request is noted first, and from then on no worker begins a turn; then the worker that
 * runs is asked to yield; then its sender is told; then it is counted in and waits for its turn.
 *
 * What cannot be noted is refused, and its sender keeps it and tries again. Nothing is kept here beyond that: until it has the outcome,
 * the sender has the request.
 */
export class Ingress {
  readonly #session: Pick<AgentSession, "announce" | "prompt">;
  readonly #maxOpen: number;
  #open = 0;

  /** `maxOpen`: how many may wait or have their turn at once. */
  constructor(session: Pick<AgentSession, "announce" | "prompt">, maxOpen: number) {
    this.#session = session;
    this.#maxOpen = maxOpen;
  }

  /** Rejects with an `HttpError` if it is not taken in. */
  async ask({ prompt, label }: PromptRequest, asker: Asker): Promise<Outcome> {
    // Before anybody is stopped for it.
    if (this.#open >= this.#maxOpen)
      throw new HttpError(503, `${this.#open} requests wait already. Try again later.`, soon);
    const announcement = this.#note(label);
    this.#open += 1;
    try {
      return await this.#countIn(announcement, () => {
        const { signal, onAccepted, onText, onRetry } = asker;
        onAccepted();
        return this.#session.prompt(prompt, { kind: "handler", label, signal, onText, onRetry });
      });
    } finally {
      this.#open -= 1;
    }
  }

  #note(label: string | undefined): Announcement {
    try {
      return this.#session.announce(label);
    } catch (error) {
      const why = isLockError(error, "ERR_CLOSED") ? "the session has ended" : messageOf(error);
      throw new HttpError(503, `The request was not taken in: ${why}. Try again.`, soon);
    }
  }

  /** Whoever waits needs no announcement; one that stayed would keep the worker out for good. */
  #countIn(announcement: Announcement, ask: () => Promise<Outcome>): Promise<Outcome> {
    try {
      return ask();
    } finally {
      announcement.release();
    }
  }
}
