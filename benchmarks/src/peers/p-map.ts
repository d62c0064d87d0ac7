// After a failure the others run on, and nobody tells them. Lacks names, dependencies and merging.
import pMap from "p-map";
import type { JoinAdapter } from "../harness/adapters.ts";
import { assign, type Branch } from "../harness/branches.ts";

const call = (branch: Branch): ReturnType<Branch> => branch();

export const join: JoinAdapter<readonly Branch[]> = {
  prepare: (branches) => Object.values(branches),
  joinMerge: async (branches) => assign(await pMap(branches, call)),
  limited: async (branches, concurrency) => assign(await pMap(branches, call, { concurrency })),
};
