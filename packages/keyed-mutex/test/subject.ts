import { type ModelledLock, modelledKeys, type Wants } from "@holdfast/conformance";
import { KeyedMutex, type KeyedMutexOptions, KeyedRwLock, type KeyedRwLockOptions } from "../src/index.js";

/** What KeyedRwLock calls its two ways of being held; KeyedMutex has the second alone. */
export const modes = { shared: "shared", exclusive: "exclusive" } as const;

/** KeyedMutex as the model sees it: one key through `acquire`, several through `acquireAll`. */
export function mutexOfKeys(keys: readonly string[], options: KeyedMutexOptions<string> = {}): ModelledLock {
  const lock = new KeyedMutex(options);
  return modelledKeys(
    lock,
    keys,
    modes,
    (wants, wait) => {
      const [first = "", ...more] = Object.keys(wants);
      return more.length === 0 ? lock.acquire(first, wait) : lock.acquireAll([first, ...more], wait);
    },
    (wants) => {
      const [first = "", ...more] = Object.keys(wants);
      return more.length === 0 ? lock.tryAcquire(first) : lock.tryAcquireAll([first, ...more]);
    },
  );
}

/** KeyedRwLock as the model sees it; requests for several keys want all of them in one mode. */
export function rwLockOfKeys(
  keys: readonly string[],
  options: KeyedRwLockOptions<string> = {},
): ModelledLock {
  const lock = new KeyedRwLock(options);
  const mode = (wants: Wants) => (key: string) => wants[key] ?? "exclusive";
  return modelledKeys(
    lock,
    keys,
    modes,
    (wants, wait) => {
      const [first = "", ...more] = Object.keys(wants);
      return more.length === 0
        ? lock.acquire(first, { ...wait, mode: mode(wants)(first) })
        : lock.acquireAll([first, ...more], { ...wait, mode: mode(wants) });
    },
    (wants) => {
      const [first = "", ...more] = Object.keys(wants);
      return more.length === 0
        ? lock.tryAcquire(first, mode(wants)(first))
        : lock.tryAcquireAll([first, ...more], mode(wants));
    },
  );
}
