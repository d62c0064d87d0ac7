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

  constructor(terminal: NodeJS.WriteStream) {
    this.#output = createLogUpdate(terminal);
    this.#timer = setInterval(() => {
      this.#draw();
    }, refresh);
  }

  tell(event: RunEvent, line: string | undefined): void {
    this.#board.tell(event, Date.now());
    if (line !== undefined) this.#output.persist(line);
    this.#draw();
  }

  /** Takes away what stood below. */
  close(): void {
    clearInterval(this.#timer);
    this.#output.clear();
    this.#output.done();
  }

  #draw(): void {
    this.#output(this.#board.render(Date.now()));
  }
}
