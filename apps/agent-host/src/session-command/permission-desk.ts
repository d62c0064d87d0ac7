import type { PermissionAnswer, PermissionRequest } from "../session/driver.js";
import { printable, quote } from "./describe-outcome.js";

/** What whoever sits there is asked. */
export function permissionQuestion({ tool, input }: Pick<PermissionRequest, "tool" | "input">): string {
  // As a whole: nobody can allow what is not shown.
  const what = input === undefined ? "" : ` with ${printable(JSON.stringify(input))}`;
  return `asks for ${quote(tool, Infinity)}${what}: allow it? y/n, default no`;
}

export function isYes(answer: string): boolean {
  return /^y(es)?$/i.test(answer.trim());
}

/** Puts what the agent asks to whoever sits there, one question at a time. */
export class PermissionDesk {
  readonly #asks: boolean;
  readonly #tell: (line: string) => void;
  readonly #open: { readonly text: string; readonly answer: (allow: boolean) => void }[] = [];

  /** `asks`: whether anybody sits there; else the answer is no. */
  constructor(asks: boolean, tell: (line: string) => void) {
    this.#asks = asks;
    this.#tell = tell;
  }

  /** Resolves to the answer. The signal takes the question down. */
  ask(request: PermissionRequest, signal: AbortSignal): Promise<PermissionAnswer> {
    if (!this.#asks) {
      this.#tell(`asks for ${quote(request.tool)}: not allowed`);
      return Promise.resolve({ allow: false, message: "nothing is allowed here" });
    }
    return new Promise((resolve) => {
      const question = {
        text: permissionQuestion(request),
        answer: (allow: boolean): void => {
          const at = this.#open.indexOf(question);
          if (at < 0) return;
          this.#open.splice(at, 1);
          resolve(allow ? { allow } : { allow, message: "it was not allowed" });
          if (at === 0) this.#show();
        },
      };
      signal.addEventListener("abort", () => {
        question.answer(false);
      });
      if (this.#open.push(question) === 1) this.#show();
    });
  }

  /** Takes a line that is an answer to the question that is shown; says whether it was one. */
  take(line: string): boolean {
    const [question] = this.#open;
    if (question === undefined || !/^(y|yes|n|no|)$/i.test(line)) return false;
    question.answer(isYes(line));
    return true;
  }

  #show(): void {
    const [question] = this.#open;
    if (question !== undefined) this.#tell(question.text);
  }
}
