// Lacks AbortSignal, timeout and tryAcquire. A second release is harmless.
import { KeyedMutex, Mutex, RWMutex } from "composable-locks";
import type { KeyedAdapter, MutexAdapter, RwAdapter } from "../harness/adapters.ts";

type Release = () => void;

export const mutex: MutexAdapter<Mutex, Release> = {
  secondRelease: "harmless",
  create: () => new Mutex(),
  acquire: (lock) => lock.acquire(),
  release: (_lock, release) => {
    release();
  },
};

export const rw: RwAdapter<RWMutex<[]>, Release, Release> = {
  policy: "FIFO",
  shares: true,
  create: () => new RWMutex(() => new Mutex()),
  read: (lock) => lock.acquire("read"),
  releaseRead: (_lock, release) => {
    release();
  },
  write: (lock) => lock.acquire("write"),
  releaseWrite: (_lock, release) => {
    release();
  },
};

export const keyed: KeyedAdapter<KeyedMutex<[], string>, Release> = {
  keepsDeadKeys: false,
  create: () => new KeyedMutex<[], string>(() => new Mutex()),
  acquire: (lock, key) => lock.acquire(key),
  release: (_lock, _key, release) => {
    release();
  },
};
