// A heap of tasks that are run one at a time; starts in a later turn of the loop. Lacks AbortSignal and timeout.
import { priorityQueue, type QueueObject } from "async";
import type { PriorityAdapter } from "../harness/adapters.ts";

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
