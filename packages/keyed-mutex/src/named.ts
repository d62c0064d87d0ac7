import { demand } from "@holdfast/core";
import { KeyedMutex, type KeyedMutexOptions } from "./keyed-mutex.js";
import { KeyedRwLock, type KeyedRwLockOptions } from "./keyed-rw-lock.js";

/**
 * The `KeyedMutex` that everybody in this process gets who asks for this name, also through another copy or version of
 * this package: a lock in a module that is loaded twice is otherwise two locks, which exclude nobody.
 *
 * The options of whoever asks first are the ones that count. It lives as long as the process.
 *
 * @example
 * ```ts
 * import { namedKeyedMutex } from "@holdfast/keyed-mutex";
 *
 * const here = namedKeyedMutex("my-app/files");
 * const there = namedKeyedMutex("my-app/files");
 * console.log(here === there); // => true
 * ```
 */
export function namedKeyedMutex<K = string>(name: string, options?: KeyedMutexOptions<K>): KeyedMutex<K> {
  return named(`KeyedMutex ${name}`, name, () => new KeyedMutex<K>({ label: name, ...options }));
}

/** The same for a `KeyedRwLock`. */
export function namedKeyedRwLock<K = string>(name: string, options?: KeyedRwLockOptions<K>): KeyedRwLock<K> {
  return named(`KeyedRwLock ${name}`, name, () => new KeyedRwLock<K>({ label: name, ...options }));
}

function named<L>(id: string, name: unknown, make: () => L): L {
  demand(typeof name === "string" && name !== "", "name must be a string that is not empty", name);
  // The registry is found by a registered symbol, because another copy of this module has other variables. The number
  // changes with the meaning of what is in it.
  const root = globalThis as unknown as Record<symbol, Map<string, unknown> | undefined>;
  const locks = (root[Symbol.for("@holdfast/keyed-mutex/1")] ??= new Map<string, unknown>());
  const known = locks.get(id);
  if (known !== undefined) return known as L;
  const lock = make();
  locks.set(id, lock);
  return lock;
}
