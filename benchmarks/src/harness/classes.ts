import type { AbortAdapter, MutexAdapter, PriorityAdapter } from "./adapters.ts";
import { randomNumbers } from "./random.ts";

/** Draws classes, 0 to `classes` - 1, the same in every run. */
export function randomRanks(classes: number): () => number {
  const random = randomNumbers(classes);
  return () => Math.floor(random() * classes);
}

const classes = 5;

/** A lock, and the class of whoever comes next. */
interface Classed<Lock> {
  readonly lock: Lock;
  readonly nextRank: () => number;
}

/** A lock that is abortable, with waiters of random classes. */
export function abortInClasses<Lock, Held>(
  { aborted, create, hold, waiting }: Omit<AbortAdapter<Lock, Held>, "wait">,
  wait: (lock: Lock, signal: AbortSignal | undefined, rank: number) => Promise<Held>,
): AbortAdapter<Classed<Lock>, Held> {
  return {
    aborted,
    create: () => ({ lock: create(), nextRank: randomRanks(classes) }),
    hold: ({ lock }) => hold(lock),
    wait: ({ lock, nextRank }, signal) => wait(lock, signal, nextRank()),
    ...(waiting !== undefined && { waiting: ({ lock }) => waiting(lock) }),
  };
}

/** A lock with classes as one without: everybody who comes is of a random class. */
export function asMutex({
  secondRelease,
  create,
  acquire,
  release,
  runAsync,
}: PriorityAdapter): MutexAdapter<Classed<unknown>> {
  return {
    secondRelease,
    create: () => ({ lock: create(classes), nextRank: randomRanks(classes) }),
    ...(acquire !== undefined && { acquire: ({ lock, nextRank }) => acquire(lock, nextRank()) }),
    ...(release !== undefined && {
      release({ lock }, held) {
        release(lock, held);
      },
    }),
    ...(runAsync !== undefined && {
      runAsync: ({ lock, nextRank }, body) => runAsync(lock, nextRank(), body),
    }),
  };
}
