import type { Action } from "./action.js";
import type { Chooser } from "./run.js";

/** Chooses what a list of numbers says, and zero beyond its end. */
export class Script implements Chooser {
  readonly #schedule: readonly number[];
  readonly #isExact: boolean;
  /** The ways taken so far. */
  readonly taken: number[] = [];

  /** With `isExact`, a number that is no way throws; otherwise any number is one, by its remainder. */
  constructor(schedule: readonly number[], isExact: boolean) {
    this.#schedule = schedule;
    this.#isExact = isExact;
  }

  action(enabled: readonly Action[], mayEnd: boolean): number {
    const ways = enabled.length + (mayEnd ? 1 : 0);
    return ways > 1 ? this.#next(ways) : 0;
  }

  gap(ways: number): number {
    return this.#next(ways);
  }

  settles(): boolean {
    return true;
  }

  value(_name: string, ways: number): number {
    return this.#next(ways);
  }

  #next(ways: number): number {
    const choice = this.#schedule[this.taken.length] ?? 0;
    if (this.#isExact && choice >= ways)
      throw new RangeError(
        `the schedule does not fit this program: choice ${this.taken.length + 1} is ${choice}, of ${ways} ways from 0`,
      );
    const way = choice % ways;
    this.taken.push(way);
    return way;
  }
}
