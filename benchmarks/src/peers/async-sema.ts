// A semaphore. Lacks AbortSignal and timeout; a second release breaks exclusion.
import { Sema } from "async-sema";
import type { MutexAdapter } from "../harness/adapters.ts";

export const mutex: MutexAdapter<Sema> = {
  secondRelease: "breaks exclusion",
  create: () => new Sema(1),
  acquire: (lock) => lock.acquire() as Promise<unknown>,
  release: (lock) => {
    lock.release();
  },
  tryAcquire: (lock) => lock.tryAcquire() as unknown,
};
