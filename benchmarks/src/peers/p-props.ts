// As p-map, of which it is made, with names.
import pProps from "p-props";
import type { JoinAdapter } from "../harness/adapters.ts";
import { assign, type Branch, type Branches } from "../harness/branches.ts";

const call = (branch: Branch): ReturnType<Branch> => branch();

export const join: JoinAdapter<Branches> = {
  prepare: (branches) => branches,
  joinMerge: async (branches) => assign(Object.values(await pProps(branches, call))),
  limited: async (branches, concurrency) =>
    assign(Object.values(await pProps(branches, call, { concurrency }))),
};
