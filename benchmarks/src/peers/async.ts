// A heap of tasks that are run one at a time; starts in a later turn of the loop. Lacks AbortSignal and timeout.
import { auto, priorityQueue, type QueueObject } from "async";
import type { GraphAdapter, JoinAdapter, PriorityAdapter } from "../harness/adapters.ts";
import { assign, type Branches, type Output } from "../harness/branches.ts";

type Done = () => void;
type Task = (done: Done) => void;

const nothing = (): void => undefined;

export const priority: PriorityAdapter<QueueObject<Task>, Done> = {
  secondRelease: "throws",
  order: "by class, then FIFO",
  create: () =>
    priorityQueue((task, done) => {
      task(done);
    }, 1),
  acquire: (queue, rank) =>
    new Promise((resolve) => {
      // With a callback it makes no promise of its own.
      queue.push(resolve, rank, nothing);
    }),
  release: (_queue, done) => {
    done();
  },
  run: (queue, rank, body) =>
    queue.push((done) => {
      body();
      done();
    }, rank),
};

type AutoTasks = Readonly<Record<string, unknown>>;

// After a failure the others run on, and what they make is dropped.
export const join: JoinAdapter<Branches> = {
  prepare: (branches) => branches,
  joinMerge: async (branches) => assign(Object.values(await auto<Output>(branches))),
  limited: async (branches, limit) => assign(Object.values(await auto<Output>(branches, limit))),
};

export const graph: GraphAdapter<AutoTasks> = {
  prepare: (tasks) =>
    Object.fromEntries(
      tasks.map(({ name, dependsOn, run }) => [
        name,
        // With dependencies it hands them over first, and wants to be told by a callback unless the function is async.
        dependsOn.length === 0 ? run : [...dependsOn, async () => run()],
      ]),
    ),
  run: (tasks) => auto<number>(tasks),
};
