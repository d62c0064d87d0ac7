// Ours. One release per grant, whoever calls it how often; signal and timeout on every wait.
import { AtomicPipeWriter } from "@holdfast/atomic-pipe-writer";
import { counter, IdReservations, type Reservation } from "@holdfast/id-reservation";
import { joinGraph, joinMerge, mergeOutputs, type Task } from "@holdfast/join-merge";
import { KeyedMutex, KeyedRwLock, type KeyModeToken, type KeyToken, Mutex } from "@holdfast/keyed-mutex";
import { PriorityLock, type PriorityToken } from "@holdfast/priority-lock";
import { type ReadToken, RwLock, type WriteToken } from "@holdfast/rw-lock";
import type { LockToken } from "@holdfast/core";
import type {
  AbortAdapter,
  GraphAdapter,
  IdAdapter,
  IntegerAdapter,
  JoinAdapter,
  KeyedAdapter,
  MergeAdapter,
  MutexAdapter,
  PipeAdapter,
  PriorityAdapter,
  RwAdapter,
} from "../harness/adapters.ts";
import { at } from "../harness/at.ts";
import type { Branches } from "../harness/branches.ts";
import { abortInClasses } from "../harness/classes.ts";
import type { Message } from "../harness/pipe.ts";

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

interface Numbers {
  readonly registry: IdReservations<number>;
  readonly next: () => number;
}

/** Each number once, as for jobs and requests. */
export const integers: IntegerAdapter<Numbers, Reservation<number>> = {
  secondRelease: "harmless",
  create: () => ({ registry: new IdReservations<number>({ onCommit: "forget" }), next: counter() }),
  take: ({ registry, next }) => registry.reserveFirst(next),
  numberOf: ({ id }) => id,
  giveBack(_numbers, reservation) {
    reservation.release();
  },
};

/** The lowest that is free, as for slots and ports. */
export const lowestIntegers: IntegerAdapter<IdReservations<number>, Reservation<number>> = {
  secondRelease: "harmless",
  create: () => new IdReservations<number>({ onCommit: "forget" }),
  take: (registry) => registry.reserveFirst(counter()),
  numberOf: ({ id }) => id,
  giveBack(_registry, reservation) {
    reservation.release();
  },
};

// As people name them: written down once, in the order that counts.
const classNames = ["alarm", "interactive", "handler", "worker", "backup"] as const;
type ClassName = (typeof classNames)[number];

export const priority: PriorityAdapter<PriorityLock<ClassName>, PriorityToken> = {
  secondRelease: "harmless",
  order: "by class, then FIFO",
  create: (classes) => new PriorityLock({ classes: classNames.slice(0, classes) }),
  acquire: (lock, rank) => lock.acquire({ priority: at(classNames, rank) }),
  release: (_lock, token) => {
    token.release();
  },
  run: (lock, rank, body) => lock.with(body, { priority: at(classNames, rank) }),
  runAsync: (lock, rank, body) => lock.with(body, { priority: at(classNames, rank) }),
};

/** Our lock without classes, for what they cost. */
export const withoutPriority: PriorityAdapter<Mutex, LockToken> = {
  secondRelease: "harmless",
  order: "FIFO",
  create: () => new Mutex(),
  acquire: (lock) => lock.acquire(),
  release: (_lock, token) => {
    token.release();
  },
  run: (lock, _rank, body) => lock.with(body),
  runAsync: (lock, _rank, body) => lock.with(body),
};

export const priorityAbort: AbortAdapter = abortInClasses<PriorityLock<ClassName>, PriorityToken>(
  {
    aborted: "rejects with the reason",
    create: () => new PriorityLock({ classes: classNames }),
    hold: (lock) => lock.acquire({ priority: "alarm" }).then((token) => token.release.bind(token)),
    waiting: (lock) => lock.waiters,
  },
  (lock, signal, rank) => lock.acquire({ priority: at(classNames, rank), signal }),
);

export const pipe: PipeAdapter<AtomicPipeWriter<Message>> = {
  create: (stream) => new AtomicPipeWriter<Message>(stream),
  send: (writer, message) => writer.send(message),
  control: (writer, message) => writer.control(message),
  burst(writer, messages) {
    for (const message of messages) void writer.send(message);
    return writer.flush();
  },
};

export const join: JoinAdapter<Branches> = {
  prepare: (branches) => branches,
  joinMerge: (branches) => joinMerge(branches),
  limited: (branches, concurrency) => joinMerge(branches, { concurrency }),
};

export const merge: MergeAdapter = { merge: (outputs) => mergeOutputs({}, outputs).value };

export const graph: GraphAdapter<Readonly<Record<string, Task>>> = {
  prepare: (tasks) => Object.fromEntries(tasks.map(({ name, ...task }) => [name, task])),
  run: (tasks) => joinGraph(tasks) as Promise<Readonly<Record<string, number>>>,
};
