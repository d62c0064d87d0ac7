// Lacks AbortSignal and timeout; a second release breaks exclusion.
import { Mutex } from "es-toolkit/promise";
import type { MutexAdapter } from "../harness/adapters.ts";

export const mutex: MutexAdapter<Mutex> = {
  secondRelease: "breaks exclusion",
  create: () => new Mutex(),
  acquire: (lock) => lock.acquire(),
  release: (lock) => {
    lock.release();
  },
};
