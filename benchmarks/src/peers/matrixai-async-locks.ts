// Has signal and timeout, and pays for both on every acquire: a timer, an AbortController and a subclassed promise.
import { Lock, LockBox, RWLockWriter } from "@matrixai/async-locks";
import type { AbortAdapter, KeyedAdapter, MutexAdapter, RwAdapter } from "../harness/adapters.ts";

type Held = readonly [release: () => Promise<void>, lock?: unknown];

export const mutex: MutexAdapter<Lock, Held> = {
  secondRelease: "harmless",
  create: () => new Lock(),
  acquire: (lock) => lock.lock()(),
  release: (_lock, [release]) => {
    void release();
  },
  run: (lock, body) =>
    lock.withF(() => {
      body();
      return Promise.resolve();
    }),
  runAsync: (lock, body) => lock.withF(body),
};

export const abort: AbortAdapter<Lock, Held> = {
  aborted: "rejects with the reason",
  create: () => new Lock(),
  async hold(lock) {
    const [release] = (await lock.lock()()) as Held;
    return () => {
      void release();
    };
  },
  wait: (lock, signal) => lock.lock(signal === undefined ? {} : { signal })(),
};

export const rw: RwAdapter<RWLockWriter, Held, Held> = {
  policy: "writers first",
  shares: true,
  create: () => new RWLockWriter(),
  read: (lock) => lock.read()(),
  releaseRead: (_lock, [release]) => {
    void release();
  },
  write: (lock) => lock.write()(),
  releaseWrite: (_lock, [release]) => {
    void release();
  },
};

export const keyed: KeyedAdapter<LockBox<Lock>, Held> = {
  keepsDeadKeys: false,
  create: () => new LockBox<Lock>(),
  acquire: (box, key) => box.lock([key, Lock])(),
  release: (_box, _key, [release]) => {
    void release();
  },
  size: (box) => box.locks.size,
};
