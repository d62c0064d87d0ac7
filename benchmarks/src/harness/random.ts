import { at } from "./at.ts";

/** Numbers from 0 to 1, the same in every run (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** 0 to `count` - 1 in an order that is the same in every run. */
export function shuffled(count: number, seed: number): number[] {
  const random = randomNumbers(seed);
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [at(order, other), at(order, last)];
  }
  return order;
}

/** So many draws of 0 to `range` - 1, where the k-th is k times as rare as the first. */
export function zipf(draws: number, range: number, seed: number): number[] {
  const random = randomNumbers(seed);
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= range; rank += 1) sums.push((sum += 1 / rank));
  return Array.from({ length: draws }, () => {
    const drawn = random() * sum;
    let low = 0;
    let high = range - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (at(sums, middle) < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}
