// A task finds its dependencies by awaiting them. Tells siblings of a failure, and does not wait for them. Lacks a bound and merging.
import { all } from "better-all";
import type { GraphAdapter, JoinAdapter } from "../harness/adapters.ts";
import { assign, type Branches } from "../harness/branches.ts";

export const join: JoinAdapter<Branches> = {
  prepare: (branches) => branches,
  joinMerge: async (branches) => assign(Object.values(await all(branches))),
};

interface This {
  readonly $: Readonly<Record<string, Promise<number>>>;
}

export const graph: GraphAdapter<Readonly<Record<string, () => Promise<number>>>> = {
  prepare(tasks) {
    const methods: Record<string, (this: This) => Promise<number>> = {};
    for (const { name, dependsOn, run } of tasks)
      methods[name] = async function () {
        for (const each of dependsOn) await this.$[each];
        return run();
      };
    return methods;
  },
  run: (tasks) => all(tasks),
};
