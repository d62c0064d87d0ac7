import { createLogUpdate } from "log-update";
import type { RunEvent } from "../flows/pipelines/run/events.js";
import { LiveBoard } from "./live-board.js";

/** Milliseconds between two looks at the clock. */
const refresh = 200;

/** A terminal: what has happened scrolls away above, what goes on stands below. */
export class LiveScreen {
  readonly #board = new LiveBoard();
  readonly #output: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  /** What has happened while somebody else had the terminal. */
  #held: string[] | undefined;

  constructor(terminal: NodeJS.WriteStream) {
    this.#output = createLogUpdate(terminal);
    this.#timer = setInterval(() => {
      this.#draw();
    }, refresh);
  }

  tell(event: RunEvent, line: string | undefined): void {
    this.#board.tell(event, Date.now());
    if (line !== undefined) this.#scroll(line);
    this.#draw();
  }

  /** Leaves the terminal to somebody else, until what it returns is called. */
  hold(): () => void {
    this.#clear();
    this.#held = [];
    return () => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const line of held) this.#scroll(line);
      this.#draw();
    };
  }

  /** Takes away what stood below. */
  close(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #scroll(line: string): void {
    if (this.#held === undefined) this.#output.persist(line);
    else this.#held.push(line);
  }

  #clear(): void {
    this.#output.clear();
    this.#output.done();
  }

  #draw(): void {
    if (this.#held !== undefined) return;
    this.#output(this.#board.render(Date.now()));
  }
}
