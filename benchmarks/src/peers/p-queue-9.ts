// A queue that runs one at a time; has AbortSignal, taken out by search: O(n). Nothing to release twice.
import PQueue from "p-queue-9";
import type { AbortAdapter, MutexAdapter } from "../harness/adapters.ts";

export const mutex: MutexAdapter<PQueue, never> = {
  secondRelease: "cannot be written",
  create: () => new PQueue({ concurrency: 1 }),
  run: (queue, body) => queue.add(body),
  runAsync: (queue, body) => queue.add(body),
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
