// Has AbortSignal, with a listener per waiter; an aborted wait resolves with null. A second release breaks exclusion.
import { createLock, withLock } from "superlock";
import type { AbortAdapter, MutexAdapter } from "../harness/adapters.ts";

type Lock = ReturnType<typeof createLock>;
type Release = Exclude<Awaited<ReturnType<Lock>>, null>;

interface Both {
  readonly lock: Lock;
  readonly withLock: ReturnType<typeof withLock>;
}

export const mutex: MutexAdapter<Both, Release> = {
  secondRelease: "breaks exclusion",
  create: () => ({ lock: createLock(), withLock: withLock() }),
  // Without a signal it never resolves with null.
  acquire: ({ lock }) => lock() as Promise<Release>,
  release: (_both, release) => {
    release();
  },
  run: (both, body) => both.withLock(body as unknown as () => Promise<undefined>),
  runAsync: (both, body) => both.withLock(body),
};

export const abort: AbortAdapter<Lock, Release | null> = {
  aborted: "resolves with null",
  create: () => createLock(),
  hold: (lock) => lock() as Promise<Release>,
  wait: (lock, signal) => lock(signal),
  waiting: (lock) => lock.awaiting(),
};
