import { win32 } from "node:path";
import type { Launch } from "../agent-process.js";
import { type Loose, string } from "./loose.js";

/** The last line of a turn that was cancelled, which ends as one that was not. */
const cancelLine = "Info: Operation cancelled by user";
const diagnostic = /^(Info|Warning|Error): /;

/** By what it calls itself; one that does not, by the name of its program or its package. */
export function isCopilot({ command, args }: Launch, { name }: Loose): boolean {
  const itself = string(name);
  if (itself !== "") return /copilot/i.test(itself);
  // Takes slashes both ways.
  if (/^copilot(\.\w+)?$/i.test(win32.basename(command))) return true;
  return args.some((arg) => /^@github\/copilot(@|$)/.test(arg));
}

/** What Copilot says in its answers that no model has said. */
export class CopilotWords {
  #tail = "";

  /** A turn begins. */
  turn(): void {
    this.#tail = "";
  }

  /** A piece of the answer; says whether it is not part of it. */
  isDiagnostic(text: string): boolean {
    if (diagnostic.test(text) && text.trimEnd() !== cancelLine) return true;
    // More than the line that is looked for, so that a longer one is not taken for it.
    this.#tail = (this.#tail + text).slice(-2 * cancelLine.length);
    return false;
  }

  /** Whether the answer so far ends with a line that says so. */
  get cancelled(): boolean {
    return this.#tail.trimEnd().split("\n").at(-1) === cancelLine;
  }
}
