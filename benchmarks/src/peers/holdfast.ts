// Ours. One release per grant, whoever calls it how often; signal and timeout on every wait.
import { IdReservations, type Reservation } from "@holdfast/id-reservation";
import { KeyedMutex, KeyedRwLock, type KeyModeToken, type KeyToken, Mutex } from "@holdfast/keyed-mutex";
import { type ReadToken, RwLock, type WriteToken } from "@holdfast/rw-lock";
import type { LockToken } from "@holdfast/core";
import type { AbortAdapter, IdAdapter, KeyedAdapter, MutexAdapter, RwAdapter } from "../harness/adapters.ts";

export const mutex: MutexAdapter<Mutex, LockToken> = {
  secondRelease: "harmless",
  create: () => new Mutex(),
  acquire: (lock) => lock.acquire(),
  release: (_lock, token) => {
    token.release();
  },
  run: (lock, body) => lock.with(body),
  runAsync: (lock, body) => lock.with(body),
  tryAcquire: (lock) => lock.tryAcquire(),
};

export const abort: AbortAdapter<Mutex, LockToken> = {
  aborted: "rejects with the reason",
  create: () => new Mutex(),
  hold: (lock) => lock.acquire().then((token) => token.release.bind(token)),
  wait: (lock, signal) => lock.acquire({ signal }),
  waiting: (lock) => lock.waiters,
};

/** Each waiter with a timer of its own besides. */
export const abortOrTimeout: AbortAdapter<Mutex, LockToken> = {
  ...abort,
  wait: (lock, signal) => lock.acquire({ signal, timeout: 600_000 }),
};

export const rw: RwAdapter<RwLock, ReadToken, WriteToken> = {
  policy: "FIFO, readers in batches",
  shares: true,
  create: () => new RwLock(),
  read: (lock) => lock.read(),
  releaseRead: (_lock, token) => {
    token.release();
  },
  write: (lock) => lock.write(),
  releaseWrite: (_lock, token) => {
    token.release();
  },
};

export const keyed: KeyedAdapter<KeyedMutex, KeyToken<string>> = {
  keepsDeadKeys: false,
  create: () => new KeyedMutex(),
  acquire: (lock, key) => lock.acquire(key),
  release: (_lock, _key, token) => {
    token.release();
  },
  run: (lock, key, body) => lock.with(key, body),
  runAsync: (lock, key, body) => lock.with(key, body),
  size: (lock) => lock.size,
};

export const keyedRw: KeyedAdapter<KeyedRwLock, KeyModeToken<string>> = {
  keepsDeadKeys: false,
  create: () => new KeyedRwLock(),
  acquire: (lock, key) => lock.acquire(key),
  release: (_lock, _key, token) => {
    token.release();
  },
  run: (lock, key, body) => lock.with(key, body),
  runAsync: (lock, key, body) => lock.with(key, body),
  size: (lock) => lock.size,
};

export const ids: IdAdapter<IdReservations, string, Reservation> = {
  secondRelease: "harmless",
  create: () => new IdReservations({ onCommit: "forget" }),
  idOf: (index) => `id-${index}`,
  reserve: (registry, id) => registry.tryReserve(id),
  release(_registry, _id, reservation) {
    reservation.release();
  },
  forget(_registry, _id, reservation) {
    reservation.commit();
  },
};
