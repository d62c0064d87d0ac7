// A queue that runs one at a time; has AbortSignal, taken out in O(1) only at the head. Nothing to release twice.
import PQueue from "p-queue";
import { written } from "../floors/pipe.ts";
import type { AbortAdapter, MutexAdapter, PipeAdapter, PriorityAdapter } from "../harness/adapters.ts";
import { abortInClasses } from "../harness/classes.ts";
import type { Locked } from "../harness/pipe.ts";

export const mutex: MutexAdapter<PQueue, never> = {
  secondRelease: "cannot be written",
  create: () => new PQueue({ concurrency: 1 }),
  run: (queue, body) => queue.add(body),
  runAsync: (queue, body) => queue.add(body),
};

/** It lets the greatest number in first. */
export const priority: PriorityAdapter<PQueue, never> = {
  secondRelease: "cannot be written",
  order: "by class, then FIFO",
  create: () => new PQueue({ concurrency: 1 }),
  run: (queue, rank, body) => queue.add(body, { priority: -rank }),
  runAsync: (queue, rank, body) => queue.add(body, { priority: -rank }),
};

export const abort: AbortAdapter<PQueue> = {
  aborted: "rejects with the reason",
  create: () => new PQueue({ concurrency: 1 }),
  hold: (queue) =>
    new Promise((held) => {
      void queue.add(
        () =>
          new Promise<void>((release) => {
            held(release);
          }),
      );
    }),
  wait: (queue, signal) => queue.add(() => Promise.resolve(), signal === undefined ? {} : { signal }),
  waiting: (queue) => queue.size,
};

export const priorityAbort = abortInClasses(abort, (queue, signal, rank) =>
  queue.add(
    () => Promise.resolve(),
    signal === undefined ? { priority: -rank } : { priority: -rank, signal },
  ),
);

/** What people do who have no writer: one write after the other, each until its callback. */
export const pipe: PipeAdapter<Locked<PQueue>> = {
  create: (stream) => ({ stream, lock: new PQueue({ concurrency: 1 }) }),
  send: ({ stream, lock }, message) => lock.add(() => written(stream, message)),
  control: ({ stream, lock }, message) => lock.add(() => written(stream, message), { priority: 1 }),
};
