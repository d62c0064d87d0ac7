// Not pools to use: whoever knows a number can give it back, as often as he likes.
import type { IntegerAdapter } from "../harness/adapters.ts";

class CounterAndStack {
  readonly #free: number[] = [];
  #next = 0;

  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  giveBack(number: number): void {
    this.#free.push(number);
  }
}

/** A counter, and a stack of the numbers that came back. */
export const counterAndStack: IntegerAdapter<CounterAndStack, number> = {
  secondRelease: "hands it out twice",
  create: () => new CounterAndStack(),
  take: (pool) => pool.take(),
  numberOf: (number) => number,
  giveBack(pool, number) {
    pool.giveBack(number);
  },
};
