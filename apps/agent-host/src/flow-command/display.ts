import pc from "picocolors";
import type { BoardChange } from "./live-board.js";
import { LiveScreen } from "./live-screen.js";

/** What people see of a run: on a terminal what goes on, live; elsewhere a line for each thing that has happened. */
export class Display {
  readonly #stdout: NodeJS.WriteStream;
  readonly #stderr: NodeJS.WritableStream;
  #screen: LiveScreen | undefined;
  #isOver = false;

  constructor(stdout: NodeJS.WriteStream = process.stdout, stderr: NodeJS.WritableStream = process.stderr) {
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** Whether what goes on is seen while it does. */
  get isLive(): boolean {
    return isScreen(this.#stdout);
  }

  tell(change: BoardChange | undefined, line: string | undefined): void {
    // Not before there is something to show, as a run may be refused.
    if (!this.#isOver && this.isLive) this.#screen ??= new LiveScreen(this.#stdout);
    if (this.#screen !== undefined) this.#screen.tell(change, line);
    else if (line !== undefined) this.#stdout.write(`${line}\n`);
  }

  warn(message: string): void {
    this.say(`${pc.yellow("warning:")} ${message}`);
  }

  /** On stderr, which may be the same terminal. */
  say(line: string): void {
    const write = (): void => {
      this.#stderr.write(`${line}\n`);
    };
    if (this.#screen === undefined) write();
    else this.#screen.aside(write);
  }

  /** Leaves the terminal to somebody else, until what it returns is called. */
  hold(): () => void {
    return this.#screen?.hold() ?? (() => undefined);
  }

  /** Leaves nothing on the screen but what has happened. */
  close(): void {
    this.#isOver = true;
    this.#screen?.close();
    this.#screen = undefined;
  }
}

/** Whether lines on it can change. */
function isScreen({ isTTY }: NodeJS.WriteStream): boolean {
  return isTTY && process.env["TERM"] !== "dumb";
}
