export type { AbortListener, AbortSignalLike, PlatformAbortSignal, WaitOptions } from "./options.js";
export type { Governor, LockToken } from "./governor.js";
export type { HeldEntry, Introspection, LockSnapshot, PendingEntry, Shutdown } from "./introspection.js";
export type { LockErrorCode } from "./errors.js";
export {
  CanceledError,
  ClosedError,
  DeadlockError,
  isLockError,
  LockError,
  QueueFullError,
  TimeoutError,
} from "./errors.js";
// For authors of locks.
export { AbortGroup } from "./abort-group.js";
export type { Abortable, AbortGroups } from "./abort-group.js";
export { observing } from "#observe";
export { Gate, queueFull } from "./gate.js";
export type { Grant, WaitQueue } from "./gate.js";
export { GateGovernor } from "./gate-governor.js";
export { hold, holdUnlessAborted, wrapper } from "./hold.js";
export { IdleWaiters } from "./idle.js";
export { keep } from "./keep.js";
export { canceled, GateLock, pendingEntry } from "./lock.js";
export {
  checkFunction,
  checkOptions,
  checkWaitOptions,
  controller,
  demand,
  readLimit,
  wrong,
} from "./options.js";
export type { Controller } from "./options.js";
export { Queue } from "./queue.js";
export { LockRequest } from "./request.js";
export { LockState } from "./state.js";
export { GateToken } from "./token.js";
export { timedOut, Waiter } from "./waiter.js";
export type { Entry, Place } from "./waiter.js";
