// As p-map, of which it is made.
import pAll from "p-all";
import type { JoinAdapter } from "../harness/adapters.ts";
import { assign, type Branch } from "../harness/branches.ts";

export const join: JoinAdapter<readonly Branch[]> = {
  prepare: (branches) => Object.values(branches),
  joinMerge: async (branches) => assign(await pAll(branches)),
  limited: async (branches, concurrency) => assign(await pAll(branches, { concurrency })),
};
