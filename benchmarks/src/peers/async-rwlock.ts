// One unlock for both sides, tied to no grant; a writer that times out is granted all the same: deadlock. No AbortSignal.
import { RWLock } from "async-rwlock";
import type { RwAdapter } from "../harness/adapters.ts";

export const rw: RwAdapter<RWLock> = {
  policy: "readers overtake; a coin toss after a writer",
  shares: true,
  create: () => new RWLock(),
  read: (lock) => lock.readLock(),
  releaseRead: (lock) => {
    lock.unlock();
  },
  write: (lock) => lock.writeLock(),
  releaseWrite: (lock) => {
    lock.unlock();
  },
};
