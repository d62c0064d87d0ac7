import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** Characters of the tail, and of one line in the log. */
const most = 4000;

/** Takes everything from a child's stderr, so that the child never waits for that, and remembers the end of it. */
export class StderrTail {
  readonly #log: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #tail = "";
  /** The line that has begun, and whether the log has had as much of it as it gets. */
  #line = "";
  #cut = false;

  constructor(from: Readable, log: (line: string) => void) {
    this.#log = log;
    // A pipe that breaks has ended; whoever waits for the child hears of it there.
    from.on("error", () => undefined);
    from.on("data", (chunk: Buffer) => {
      this.#take(this.#decoder.write(chunk));
    });
    from.once("end", () => {
      this.#endLine();
    });
  }

  /** The end of it. */
  get text(): string {
    return this.#tail.trim();
  }

  /** The last three lines. */
  get lines(): readonly string[] {
    return this.text === "" ? [] : this.text.split("\n").slice(-3);
  }

  #take(text: string): void {
    this.#tail = (this.#tail + text).slice(-most);
    const [first = "", ...rest] = text.split("\n");
    this.#append(first);
    for (const next of rest) {
      this.#endLine();
      this.#append(next);
    }
  }

  #append(piece: string): void {
    if (this.#cut) return;
    this.#line += piece;
    if (this.#line.length <= most) return;
    this.#log(`${this.#line.slice(0, most)} …`);
    this.#cut = true;
  }

  #endLine(): void {
    if (!this.#cut && this.#line.trim() !== "") this.#log(this.#line.trimEnd());
    this.#line = "";
    this.#cut = false;
  }
}
