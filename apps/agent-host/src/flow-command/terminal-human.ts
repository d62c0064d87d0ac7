import { createInterface } from "node:readline";
import { Mutex } from "@holdfast/keyed-mutex";
import type { Human } from "../flows/pipelines/run/human.js";
import { StepError } from "../flows/pipelines/values/step-error.js";
import type { PermissionAnswer, PermissionRequest } from "../flows/runners/runner.js";
import { printable } from "../session-command/describe-outcome.js";
import { isYes, permissionQuestion } from "../session-command/permission-desk.js";

export interface TerminalHumanOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Keeps everybody else from writing there, until what it returns is called. */
  readonly hold: () => () => void;
  /** In the terminal's raw mode Ctrl-C is a key. */
  readonly onInterrupt: () => void;
}

/** Somebody at a terminal, who is asked one question at a time. */
export class TerminalHuman implements Human {
  readonly #options: TerminalHumanOptions;
  readonly #turn = new Mutex({ label: "terminal" });

  constructor(options: TerminalHumanOptions) {
    this.#options = options;
  }

  /** The line that is typed. */
  atGate(stepId: string, message: string | undefined, signal: AbortSignal): Promise<string> {
    return this.#ask(
      `${stepId}: ${message === undefined ? "what is the answer?" : printable(message)}`,
      signal,
    );
  }

  async permission(
    stepId: string,
    request: PermissionRequest,
    signal: AbortSignal,
  ): Promise<PermissionAnswer> {
    const answer = await this.#ask(`${stepId}: ${permissionQuestion(request)}`, signal);
    return isYes(answer) ? { allowed: true } : { allowed: false, reason: "it was not allowed" };
  }

  async #ask(question: string, signal: AbortSignal): Promise<string> {
    using _turn = await this.#turn.acquire({ signal });
    const { input, output, hold, onInterrupt } = this.#options;
    const release = hold();
    output.write(`${question}\n`);
    const lines = createInterface({ input, output, terminal: true, prompt: "> " });
    let leave = (): void => undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        leave = () => {
          reject(signal.reason);
        };
        signal.addEventListener("abort", leave);
        lines.once("line", resolve);
        lines.on("SIGINT", onInterrupt);
        lines.once("close", () => {
          reject(
            new StepError("pipeline/aborted", "the terminal was closed while it was asked for an answer"),
          );
        });
        lines.prompt();
      });
    } catch (error) {
      // What comes next begins a line of its own.
      output.write("\n");
      throw error;
    } finally {
      signal.removeEventListener("abort", leave);
      lines.close();
      release();
    }
  }
}
