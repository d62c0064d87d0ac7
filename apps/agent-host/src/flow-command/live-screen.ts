import { createLogUpdate } from "log-update";
import { type BoardChange, LiveBoard } from "./live-board.js";

/** Milliseconds between two looks at the clock. */
const refresh = 200;

/** A terminal: what has happened scrolls away above, what goes on stands below. */
export class LiveScreen {
  readonly #board = new LiveBoard();
  readonly #terminal: NodeJS.WriteStream;
  readonly #below: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  /** What has happened while somebody else had the terminal. */
  #held: (() => void)[] | undefined;

  constructor(terminal: NodeJS.WriteStream) {
    this.#terminal = terminal;
    this.#below = createLogUpdate(terminal);
    this.#timer = setInterval(() => {
      this.#draw();
    }, refresh);
  }

  tell(change: BoardChange | undefined, line: string | undefined): void {
    if (change !== undefined) this.#board.tell(change, Date.now());
    if (line === undefined) this.#draw();
    else
      this.aside(() => {
        this.#terminal.write(`${line}\n`);
      });
  }

  /** Makes room above for something that is written to this terminal. */
  aside(write: () => void): void {
    if (this.#held !== undefined) {
      this.#held.push(write);
      return;
    }
    this.#below.clear();
    write();
    this.#draw();
  }

  /** Leaves the terminal to somebody else, until what it returns is called. */
  hold(): () => void {
    this.#clear();
    this.#held = [];
    return () => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const write of held) write();
      this.#draw();
    };
  }

  /** Takes away what stood below. */
  close(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #clear(): void {
    this.#below.clear();
    this.#below.done();
  }

  #draw(): void {
    if (this.#held !== undefined) return;
    // As a whole: of a text with more or fewer lines than before, log-update would overwrite lines that stay, and erase some above.
    this.#below.clear();
    this.#below(this.#board.render(Date.now()));
  }
}
