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
export { RwLock } from "./rw-lock.js";
export type { RwLockOptions } from "./rw-lock.js";
export type { ReadToken, WriteToken } from "./tokens.js";
