// Whole numbers only, no name of a holder, no commit; whoever knows a number can free it.
import { NumberAllocator } from "number-allocator";
import type { IdAdapter, IntegerAdapter } from "../harness/adapters.ts";

export const ids: IdAdapter<NumberAllocator, number, true> = {
  secondRelease: "frees another's",
  create: () => new NumberAllocator(0, 10_000_000),
  idOf: (index) => index,
  reserve: (allocator, number) => (allocator.use(number).valueOf() ? true : null),
  release(allocator, number) {
    allocator.free(number);
  },
};

/** It takes the lowest that is free. */
export const integers: IntegerAdapter<NumberAllocator, number> = {
  secondRelease: "hands it out twice",
  create: () => new NumberAllocator(0, 10_000_000),
  take(allocator) {
    const number = allocator.alloc();
    if (number === null) throw new RangeError("None is left");
    return number;
  },
  numberOf: (number) => number,
  giveBack(allocator, number) {
    allocator.free(number);
  },
};
