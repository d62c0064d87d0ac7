import type { Frame } from "./frame.js";
import type { Lane } from "./lane.js";

/** Who comes next of both lanes: control, but data after so many control messages in a row that went before it. */
export class Lanes {
  readonly control: Lane;
  readonly data: Lane;
  readonly #most: number;
  #inARow = 0;

  constructor(control: Lane, data: Lane, maxConsecutiveControl: number) {
    this.control = control;
    this.data = data;
    this.#most = maxConsecutiveControl;
  }

  next(): Frame | undefined {
    const control = this.control.first();
    const data = this.data.first();
    if (control === undefined) return data;
    return data !== undefined && this.#inARow + control.messages > this.#most ? data : control;
  }

  /** Takes out the one that comes next. */
  start(frame: Frame): void {
    // Control that kept no data waiting has taken nothing from it.
    const overtakes = frame.lane === this.control && this.data.first() !== undefined;
    this.#inARow = overtakes ? this.#inARow + frame.messages : 0;
    frame.lane.start(frame);
  }

  /** There may be room again. */
  advance(): void {
    this.control.advance();
    this.data.advance();
  }
}
