/** The quotes around a place in a command for `sh`. */
export type Quote = "" | "'" | '"';

/**
 * Follows the quotes of a command for `sh` as its text comes. It is no parser: where it errs (a `case` in a substitution, a
 * here-document), a value may be split or shown with quotes, and still never becomes a piece of the command.
 */
export class Quotes {
  /** What closes each thing that is open. */
  readonly #closers: string[] = [];
  #isEscaped = false;
  #isComment = false;
  #before = "\n";

  /** Around what comes next. */
  get around(): Quote {
    const closer = this.#closers.at(-1);
    return closer === "'" || closer === '"' ? closer : "";
  }

  /** What stands last, if it would take the beginning of what comes next for its own. */
  get loose(): "\\" | "$" | undefined {
    if (this.#isEscaped) return "\\";
    return this.#before === "$" && this.around !== "'" ? "$" : undefined;
  }

  read(text: string): void {
    for (const char of text) {
      // What is escaped begins nothing, and neither does the second of two dollars.
      const isTaken = this.#isEscaped || (char === "$" && this.#before === "$");
      this.#take(char);
      this.#before = isTaken ? "" : char;
    }
  }

  /** A value stands here: a part of a word, whatever it is. */
  pass(): void {
    this.#isEscaped = false;
    this.#before = "";
  }

  #take(char: string): void {
    if (this.#isComment) {
      this.#isComment = char !== "\n";
      return;
    }
    if (this.#isEscaped) {
      this.#isEscaped = false;
      return;
    }
    const { around } = this;
    if (char === this.#closers.at(-1)) this.#closers.pop();
    else if (around === "'") return;
    else if (char === "\\") this.#isEscaped = true;
    else if (char === '"' || char === "`") this.#closers.push(char);
    else if (char === "(" && (this.#before === "$" || around === "")) this.#closers.push(")");
    else if (char === "'" && around === "") this.#closers.push(char);
    else if (char === "#" && around === "" && /[\s;&|(]/.test(this.#before)) this.#isComment = true;
  }
}
