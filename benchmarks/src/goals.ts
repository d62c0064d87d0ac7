import { ours, oursWithTimeout } from "./contestants.ts";
import type { Goal } from "./harness/goal.ts";

// Code that was compiled meanwhile counts as heap; a waiter that is still there would be 160 bytes or more.
const bytesOfNoise = 16;

// Some of them tell more of the classes, some of the queue.
const drains = {
  case: "priority/1000-3",
  andCases: ["priority/10000-2", "priority/10000-3", "priority/10000-5"],
};

// What the locks are to reach. Some peers let a second release() break exclusion; beside those we may take a little longer.
export const goals: readonly Goal[] = [
  { case: "mutex/uncontended", with: "await undefined", atMost: 1.3 },
  { case: "mutex/uncontended", with: "await-lock", atMost: 1.2 },
  { case: "mutex/uncontended", with: "superlock", atLeast: 1.4 },
  { case: "mutex/uncontended", with: "composable-locks", atLeast: 3 },
  { case: "mutex/uncontended", with: "async-mutex", atLeast: 20 },

  { case: "mutex/try", with: "await undefined", atMost: 0.4 },

  { case: "mutex/run", with: "await undefined", atMost: 1.65 },
  { case: "mutex/run", with: "superlock", atLeast: 2.4 },
  { case: "mutex/run", with: "async-lock", atLeast: 3.3 },
  { case: "mutex/run", with: "async-mutex", atLeast: 18 },

  { case: "mutex/10", with: "list", atMost: 1.3 },
  { case: "mutex/10", with: "async-await-mutex-lock", atMost: 1.25 },
  { case: "mutex/10", with: "superlock", atLeast: 1.5 },
  { case: "mutex/10", with: "async-mutex", atLeast: 7 },

  { case: "mutex/1000", with: "list", atMost: 1.3 },
  { case: "mutex/1000", with: "async-await-mutex-lock", atMost: 1.25 },
  { case: "mutex/1000", with: "superlock", atLeast: 1.5 },
  { case: "mutex/1000", with: "async-mutex", atLeast: 7 },

  { case: "mutex/10000", with: "list", atMost: 1.5 },
  { case: "memory/waiter", metric: "task", atMost: 600 },

  { case: "mutex/100000", with: "list", atMost: 1.5 },
  { case: "mutex/100000", withCase: "mutex/1000", atMost: 4 },

  { case: "rw/reads", with: "await undefined", atMost: 1.4 },
  { case: "rw/reads", with: "list", atMost: 1.55 },
  { case: "rw/reads", with: "rwlock", atLeast: 1.6 },
  { case: "rw/reads", with: "composable-locks", atLeast: 4 },
  { case: "rw/reads", with: "async-rwlock", atLeast: 14 },
  { case: "rw/reads", with: "web locks", atLeast: 40 },

  { case: "rw/writes", with: "await undefined", atMost: 1.4 },
  { case: "rw/writes", with: "list", atMost: 1.55 },
  { case: "rw/writes", with: "rwlock", atLeast: 1.6 },
  { case: "rw/writes", with: "composable-locks", atLeast: 4 },
  { case: "rw/writes", with: "async-rwlock", atLeast: 14 },
  { case: "rw/writes", with: "web locks", atLeast: 40 },

  { case: "rw/mix-1000", with: "list", atMost: 1.7 },
  { case: "rw/mix-1000", with: "rwlock", atLeast: 1.2 },
  { case: "rw/mix-1000", with: "composable-locks", atLeast: 1.2 },
  { case: "rw/mix-1000", with: "async-rwlock", atLeast: 4 },

  { case: "rw/mix-10000", with: "list", atMost: 2.2 },
  { case: "rw/mix-10000", with: "rwlock", atMost: 1.2 },
  { case: "rw/mix-10000", with: "async-rwlock", atLeast: 1.7 },
  { case: "rw/mix-10000", with: "@matrixai", atLeast: 50 },

  { case: "keyed/hot-free", with: "await undefined", atMost: 1.5 },
  { case: "keyed/hot-free", with: "map + list", atMost: 0.5 },
  { case: "keyed/hot-free", with: "async-await-mutex-lock", atLeast: 1.2 },
  { case: "keyed/hot-free", with: "async-lock", atLeast: 3.5 },

  { case: "keyed/hot-1000", with: "map + list", atMost: 1.15 },
  { case: "keyed/hot-1000", with: "async-await-mutex-lock", atLeast: 1.4 },
  { case: "keyed/hot-1000", with: "async-lock", atLeast: 2.7 },

  { case: "keyed/distinct", with: "map + list", atMost: 0.8 },
  { case: "keyed/distinct", with: "async-await-mutex-lock", atLeast: 1.25 },
  { case: "keyed/distinct", with: "async-lock", atLeast: 1.9 },
  { case: "memory/distinct-keys", metric: "heap", atMost: 1 },
  { case: "memory/distinct-keys", metric: "size", atMost: 0 },

  { case: "keyed/zipf", with: "map + list", atMost: 1.3 },
  { case: "keyed/zipf", with: "async-await-mutex-lock", atMost: 1.1 },
  { case: "keyed/zipf", with: "rwlock", atMost: 1.1 },
  { case: "keyed/zipf", with: "async-lock", atLeast: 2 },
  { case: "keyed/zipf", with: "async-mutex", atLeast: 5 },

  { case: "priority/uncontended", with: "Mutex", atMost: 1.5 },
  { case: "priority/uncontended-5", with: "Mutex", atMost: 1.5 },
  { case: "priority/run", with: "Mutex", atMost: 1.5 },
  { case: "priority/1000", with: "Mutex", atMost: 1.5 },

  { ...drains, with: "heap", atMost: 1 },
  { ...drains, with: "buckets", atMost: 1.7 },
  { ...drains, with: "async", atLeast: 3.5 },
  { ...drains, with: "p-queue@9", atLeast: 4 },
  { ...drains, with: "p-queue@10", atLeast: 4 },
  { ...drains, with: "async-mutex", atLeast: 8 },

  { case: "priority/100000-3", with: "list", atMost: 1.3 },
  { case: "priority/100000-3", with: "async", atLeast: 2.2 },
  { case: "priority/100000-3", with: "async-mutex", atLeast: 60 },
  { case: "priority/100000-3", with: "p-queue@9", atLeast: 8 },
  { case: "priority/100000-3", with: "p-queue@10", atLeast: 8 },

  { case: "priority/abort-10000", with: "listener per signal", atMost: 1.3 },
  { case: "priority/abort-10000", with: "p-queue@10", atLeast: 2.5 },
  { case: "memory/priority-waiter", metric: "task", atMost: 600 },

  { case: "id/turn", with: "set + closure", atMost: 1.1 },
  { case: "id/turn", with: "set", atMost: 1.5 },
  { case: "id/turn", with: "number-allocator", atLeast: 5 },
  { case: "id/held", with: "set + closure", atMost: 1.1 },
  { case: "id/refused", with: "set", atMost: 1.5 },
  { case: "id/integers", with: "counter + stack", atMost: 1.7 },
  { case: "id/integers", atMost: 5 },
  { case: "id/integers", with: "id-pool", atLeast: 4 },
  { case: "id/integers", with: "number-allocator", atLeast: 100 },
  { case: "memory/held-id", atMost: 135 },
  { case: "memory/ended-ids", atMost: 1 },

  { case: "abort/shared-10000", metric: "enqueue", with: "listener per signal", atMost: 1.1 },
  { case: "abort/shared-10000", metric: "abort", with: "listener per signal", atMost: 1.2 },
  { case: "abort/shared-10000", metric: "enqueue", with: "p-queue@10", atLeast: 15 },
  { case: "abort/shared-10000", metric: "enqueue", with: "superlock", atLeast: 100 },
  { case: "abort/shared-10000", metric: "total", withCase: "abort/shared-1000", atMost: 2 },

  { case: "abort/own-10000", with: "listener per signal", atMost: 1.3 },
  { case: "abort/own-10000", with: "superlock", atMost: 1.5 },
  { case: "abort/own-random-10000", with: "listener per signal", atMost: 1.3 },
  { case: "abort/own-random-10000", with: "superlock", atMost: 1.5 },
  { case: "abort/own-random-10000", with: "p-queue@10", atLeast: 2.5 },

  { case: "pipe/small-burst", with: "chunk", atMost: 2.5 },
  { case: "pipe/small-burst", with: "join", atMost: 1.3 },
  { case: "pipe/small-burst", with: "write + drain", atLeast: 20 },
  { case: "pipe/small-burst", with: "await callback", atLeast: 5 },
  { case: "pipe/small-burst", with: "p-queue@10", atLeast: 150 },
  { case: "pipe/small-burst-bytes", with: "join", atMost: 1.3 },
  { case: "pipe/small-burst-bytes", with: "await callback", atLeast: 5 },

  { case: "pipe/small-tasks", with: "chunk", atMost: 6.5 },
  { case: "pipe/small-tasks", with: "write + drain", atLeast: 10 },
  { case: "pipe/small-tasks", with: "async-mutex", atLeast: 60 },
  { case: "pipe/small-one", with: "await callback", atMost: 1.2 },

  { case: "pipe/4k-burst", with: "chunk", atMost: 2 },
  { case: "pipe/4k-burst", with: "join", atMost: 1.3 },
  { case: "pipe/4k-burst", with: "write + drain", atLeast: 2 },
  { case: "pipe/4k-burst", with: "p-queue@10", atLeast: 9 },

  { case: "pipe/64k", with: "write + drain", atMost: 1.15 },
  { case: "pipe/64k-bytes", with: "write + drain", atMost: 1.15 },
  { case: "pipe/1m", with: "write + drain", atMost: 1.1 },
  { case: "pipe/1m-bytes", with: "write + drain", atMost: 1.1 },
  // One batch: what is under way is never torn.
  { case: "pipe/control-latency", metric: "ahead", atMost: 65_536 },

  { case: "join/2", with: "branches alone", atMost: 1.7 },
  { case: "join/10", with: "branches alone", atMost: 1.6 },
  { case: "join/1000", with: "branches alone", atMost: 1.4 },
  ...["join/2", "join/10", "join/1000"].map((id): Goal => ({
    case: id,
    with: "Promise.all + assign",
    atMost: 1.05,
  })),
  ...["join/2", "join/10"].flatMap((id): Goal[] => [
    { case: id, with: "p-all", atLeast: 3 },
    { case: id, with: "p-map", atLeast: 4.5 },
    { case: id, with: "effect", atLeast: 8 },
  ]),
  { case: "join/1000", with: "p-map", atLeast: 3 },
  { case: "join/fan-out", with: "one at a time", atLeast: 5.9 },

  ...["memory/abort-shared", "memory/abort-own", "memory/abort-own-random"].flatMap((id) =>
    [ours, oursWithTimeout].flatMap((who): Goal[] => [
      { case: id, who, metric: "heap", atMost: bytesOfNoise },
      { case: id, who, metric: "waiting", atMost: 0 },
      { case: id, who, metric: "listeners", atMost: 0 },
      { case: id, who, metric: "timers", atMost: 0 },
    ]),
  ),
];
