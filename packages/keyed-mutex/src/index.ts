export type {
  AbortSignalLike,
  Governor,
  HeldEntry,
  LockErrorCode,
  LockSnapshot,
  LockToken,
  PendingEntry,
  WaitOptions,
} from "@holdfast/core";
export {
  CanceledError,
  ClosedError,
  DeadlockError,
  isLockError,
  LockError,
  QueueFullError,
  TimeoutError,
} from "@holdfast/core";
export { KeyedMutex } from "./keyed-mutex.js";
export type { KeyedMutexOptions } from "./keyed-mutex.js";
export { KeyedRwLock } from "./keyed-rw-lock.js";
export type {
  KeyedRwLockOptions,
  KeyModeToken,
  KeysWaitOptions,
  KeyWaitOptions,
  LockMode,
} from "./keyed-rw-lock.js";
export type { KeyHeld, KeyPending, KeyToken } from "./keyed-lock.js";
export type { KeysToken } from "./keys.js";
export { Mutex } from "./mutex.js";
export type { MutexOptions } from "./mutex.js";
export { namedKeyedMutex, namedKeyedRwLock } from "./named.js";
