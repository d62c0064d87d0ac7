// Not locks to use: nothing ties a release to its grant.
import type { KeyedAdapter } from "../harness/adapters.ts";
import { ListLock } from "./mutex.ts";

/** A Map of list locks; an entry goes when nobody wants it any more. */
export const mapOfLists: KeyedAdapter<Map<string, ListLock>> = {
  keepsDeadKeys: false,
  create: () => new Map(),
  acquire(locks, key) {
    let lock = locks.get(key);
    if (lock === undefined) locks.set(key, (lock = new ListLock()));
    return lock.acquire();
  },
  release(locks, key) {
    if (locks.get(key)?.release() === true) locks.delete(key);
  },
  size: (locks) => locks.size,
};

/** A Map entry set, one microtask, the entry deleted: no lock at all. */
export const bareMap: KeyedAdapter<Map<string, true>> = {
  keepsDeadKeys: undefined,
  create: () => new Map(),
  acquire(map, key) {
    map.set(key, true);
    return undefined;
  },
  release(map, key) {
    map.delete(key);
  },
  size: (map) => map.size,
};

/** One microtask, and no lock at all. */
export const awaitUndefined: KeyedAdapter<undefined> = {
  keepsDeadKeys: undefined,
  create: () => undefined,
  acquire: () => undefined,
  release: () => undefined,
};
