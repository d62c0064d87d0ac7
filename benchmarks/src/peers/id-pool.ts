// Whole numbers only, and no name of a holder; whatever is given back is handed out, whether it was taken or not.
import IdPool from "id-pool";
import type { IntegerAdapter } from "../harness/adapters.ts";

export const integers: IntegerAdapter<IdPool, number> = {
  secondRelease: "hands it out twice",
  create: () => new IdPool(),
  take: (pool) => pool.reserve(),
  numberOf: (number) => number,
  giveBack(pool, number) {
    pool.release(number);
  },
};
