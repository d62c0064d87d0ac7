// Keyed by nature, callback style; a timeout only, and its dead entries stay queued. Nothing to release twice.
import AsyncLock from "async-lock";
import type { KeyedAdapter, MutexAdapter } from "../harness/adapters.ts";

export const mutex: MutexAdapter<AsyncLock, never> = {
  secondRelease: "cannot be written",
  // It refuses the 1001st task of a key unless told otherwise.
  create: () => new AsyncLock({ maxPending: Infinity }),
  run: (lock, body) => lock.acquire("key", body),
  runAsync: (lock, body) => lock.acquire("key", body),
};

export const keyed: KeyedAdapter<AsyncLock, never> = {
  keepsDeadKeys: false,
  create: () => new AsyncLock({ maxPending: Infinity }),
  run: (lock, key, body) => lock.acquire(key, body),
  runAsync: (lock, key, body) => lock.acquire(key, body),
};
