// Not joins to use: whoever fails leaves the others running, and a key that comes twice is lost.
import type { GraphAdapter, JoinAdapter, MergeAdapter } from "../harness/adapters.ts";
import { assign, type Branch, type Output, type Task } from "../harness/branches.ts";

/** The branches, and a counter. */
export const alone: JoinAdapter<readonly Branch[]> = {
  prepare: (branches) => Object.values(branches),
  joinMerge: (branches) =>
    new Promise((resolve) => {
      let left = branches.length;
      const done = (): void => {
        left -= 1;
        if (left === 0) resolve({});
      };
      for (const branch of branches) void branch().then(done);
    }),
};

/** What one writes by hand. */
export const all: JoinAdapter<readonly Branch[]> = {
  prepare: (branches) => Object.values(branches),
  joinMerge: async (branches) => assign(await Promise.all(branches.map((branch) => branch()))),
};

/** Each begins when the one before has ended. */
export const oneAtATime: JoinAdapter<readonly Branch[]> = {
  prepare: (branches) => Object.values(branches),
  async joinMerge(branches) {
    const outputs = [];
    for (const branch of branches) outputs.push(await branch());
    return assign(outputs);
  },
};

export const assignLoop: MergeAdapter = { merge: (outputs) => assign(Object.values(outputs)) };

export const objectAssign: MergeAdapter = {
  merge: (outputs) => Object.assign({}, ...Object.values(outputs)) as Output,
};

/** A promise per task, which awaits those of its dependencies. */
export const awaits: GraphAdapter<readonly Task[]> = {
  prepare: (tasks) => tasks,
  async run(tasks) {
    const promises = new Map<string, Promise<number>>();
    for (const { name, dependsOn, run } of tasks)
      promises.set(name, Promise.all(dependsOn.flatMap((each) => promises.get(each) ?? [])).then(run));
    const results: Record<string, number> = {};
    for (const [name, promise] of promises) results[name] = await promise;
    return results;
  },
};
