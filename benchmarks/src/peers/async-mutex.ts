// Lacks AbortSignal; its timeout leaves the waiter in the queue; compiled down to generators. A second release is harmless.
import { Mutex } from "async-mutex";
import { written } from "../floors/pipe.ts";
import type {
  KeyedAdapter,
  MutexAdapter,
  PipeAdapter,
  PriorityAdapter,
  RwAdapter,
} from "../harness/adapters.ts";
import type { Locked } from "../harness/pipe.ts";

type Release = () => void;

export const mutex: MutexAdapter<Mutex, Release> = {
  secondRelease: "harmless",
  create: () => new Mutex(),
  acquire: (lock) => lock.acquire(),
  release: (_lock, release) => {
    release();
  },
  run: (lock, body) => lock.runExclusive(body),
  runAsync: (lock, body) => lock.runExclusive(body),
};

/** It lets the greatest number in first. */
export const priority: PriorityAdapter<Mutex, Release> = {
  secondRelease: "harmless",
  order: "by class, then FIFO",
  create: () => new Mutex(),
  acquire: (lock, rank) => lock.acquire(-rank),
  release: (_lock, release) => {
    release();
  },
  run: (lock, rank, body) => lock.runExclusive(body, -rank),
};

/** What people do who have no keyed lock: a Map of mutexes that only grows. */
export const keyed: KeyedAdapter<Map<string, Mutex>, Release> = {
  keepsDeadKeys: true,
  create: () => new Map(),
  acquire(locks, key) {
    let lock = locks.get(key);
    if (lock === undefined) locks.set(key, (lock = new Mutex()));
    return lock.acquire();
  },
  release: (_locks, _key, release) => {
    release();
  },
  size: (locks) => locks.size,
};

/** What people do who have no readers/writer lock. */
export const rw: RwAdapter<Mutex, Release, Release> = {
  policy: "FIFO, nobody shares",
  shares: false,
  create: () => new Mutex(),
  read: (lock) => lock.acquire(),
  releaseRead: (_lock, release) => {
    release();
  },
  write: (lock) => lock.acquire(),
  releaseWrite: (_lock, release) => {
    release();
  },
};

/** What people do who have no writer: a lock around each write, until its callback. */
export const pipe: PipeAdapter<Locked<Mutex>> = {
  create: (stream) => ({ stream, lock: new Mutex() }),
  send: ({ stream, lock }, message) => lock.runExclusive(() => written(stream, message)),
  control: ({ stream, lock }, message) => lock.runExclusive(() => written(stream, message), 1),
};
