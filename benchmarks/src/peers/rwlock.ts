// Callbacks, so a promise is put around it; its timeout takes the head of the queue out instead of itself. No AbortSignal.
import ReadWriteLock from "rwlock";
import type { KeyedAdapter, RwAdapter } from "../harness/adapters.ts";

type Release = () => void;

export const rw: RwAdapter<ReadWriteLock, Release, Release> = {
  policy: "FIFO",
  shares: true,
  create: () => new ReadWriteLock(),
  read: (lock) =>
    new Promise((resolve) => {
      lock.readLock(resolve);
    }),
  releaseRead: (_lock, release) => {
    release();
  },
  write: (lock) =>
    new Promise((resolve) => {
      lock.writeLock(resolve);
    }),
  releaseWrite: (_lock, release) => {
    release();
  },
};

export const keyed: KeyedAdapter<ReadWriteLock, Release> = {
  keepsDeadKeys: true,
  create: () => new ReadWriteLock(),
  acquire: (lock, key) =>
    new Promise((resolve) => {
      lock.writeLock(key, resolve);
    }),
  release: (_lock, _key, release) => {
    release();
  },
};
