import type { PermissionAnswer, PermissionRequest } from "./driver.js";
import { messageOf } from "./message-of.js";

/** Asked by the agent; the signal aborts when the answer is not wanted any more. */
export type OnPermission = (
  request: PermissionRequest,
  signal: AbortSignal,
) => PermissionAnswer | Promise<PermissionAnswer>;

/** What an agent has asked in a turn and was not told yet. Each question is answered once, by whoever is first. */
export class Questions {
  readonly #onPermission: OnPermission | undefined;
  readonly #write: (request: PermissionRequest, answer: PermissionAnswer) => void;
  readonly #open = new Map<
    string,
    { readonly request: PermissionRequest; readonly wanted: AbortController }
  >();

  constructor(
    onPermission: OnPermission | undefined,
    write: (request: PermissionRequest, answer: PermissionAnswer) => void,
  ) {
    this.#onPermission = onPermission;
    this.#write = write;
  }

  /** Passes a question on, and the answer back. Without anybody to ask, and if that fails, the answer is no. */
  async ask(request: PermissionRequest): Promise<void> {
    const question = this.note(request);
    let answer: PermissionAnswer = { allow: false, message: "nobody is there to allow it" };
    try {
      if (this.#onPermission !== undefined)
        answer = await this.#onPermission(request, question.wanted.signal);
    } catch (error) {
      answer = { allow: false, message: `the host failed: ${messageOf(error)}` };
    }
    if (this.#open.get(request.id) !== question) return;
    this.withdraw(request.id);
    this.#write(request, answer);
  }

  /** Takes a question down without asking anybody. */
  note(request: PermissionRequest): {
    readonly request: PermissionRequest;
    readonly wanted: AbortController;
  } {
    const question = { request, wanted: new AbortController() };
    this.#open.set(request.id, question);
    return question;
  }

  /** Says no to all that are open, because the turn ends. */
  denyAll(message: string): void {
    for (const [id, { request }] of [...this.#open]) {
      this.withdraw(id);
      this.#write(request, { allow: false, message, cancelled: true });
    }
  }

  /** The agent does not want to know any more. Says whether it had not been told. */
  withdraw(id: string): boolean {
    const question = this.#open.get(id);
    question?.wanted.abort(new Error("the question is not open any more"));
    return this.#open.delete(id);
  }

  /** Nobody is there to be told. */
  forgetAll(): void {
    for (const id of [...this.#open.keys()]) this.withdraw(id);
  }
}
