// Lacks AbortSignal, and any tie between a grant and its release: a second release breaks exclusion.
import AwaitLock from "await-lock";
import type { MutexAdapter } from "../harness/adapters.ts";

export const mutex: MutexAdapter<AwaitLock> = {
  secondRelease: "breaks exclusion",
  create: () => new AwaitLock(),
  acquire: (lock) => lock.acquireAsync(),
  release: (lock) => {
    lock.release();
  },
  tryAcquire: (lock) => lock.tryAcquire(),
};
