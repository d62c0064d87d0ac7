export { PriorityLock } from "./priority-lock.js";
export type { PriorityAcquireOptions, PriorityLockOptions } from "./priority-lock.js";
export type { PriorityClasses, PriorityClassOptions } from "./classes.js";
export type { DemandHandle } from "./demand.js";
export { EvictedError, PreemptedError } from "./errors.js";
export type { DemandEntry, HolderInfo, PriorityPending, PrioritySnapshot } from "./introspection.js";
export type { OverrunLimit } from "./overrun-clock.js";
export type { PriorityRequest } from "./request.js";
export type { PriorityToken } from "./token.js";
export {
  CanceledError,
  ClosedError,
  DeadlockError,
  isLockError,
  LockError,
  QueueFullError,
  TimeoutError,
} from "@holdfast/core";
export type {
  AbortSignalLike,
  Governor,
  HeldEntry,
  LockErrorCode,
  LockSnapshot,
  LockToken,
  PendingEntry,
  PlatformAbortSignal,
  WaitOptions,
} from "@holdfast/core";
