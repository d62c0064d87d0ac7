// Lacks AbortSignal and timeout; keeps every key for ever; a second release breaks exclusion.
import { Lock } from "async-await-mutex-lock";
import type { KeyedAdapter, MutexAdapter } from "../harness/adapters.ts";

export const mutex: MutexAdapter<Lock<string>> = {
  secondRelease: "breaks exclusion",
  create: () => new Lock<string>(),
  acquire: (lock) => lock.acquire(),
  release: (lock) => {
    lock.release();
  },
};

export const keyed: KeyedAdapter<Lock<string>> = {
  keepsDeadKeys: true,
  create: () => new Lock<string>(),
  acquire: (lock, key) => lock.acquire(key),
  release: (lock, key) => {
    lock.release(key);
  },
};
