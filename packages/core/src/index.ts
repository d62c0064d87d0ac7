export type { AbortSignalLike, WaitOptions } from "./options.js";
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
export {
  checkFunction,
  checkLabel,
  checkLimit,
  checkOptions,
  checkWaitOptions,
  received,
} from "./options.js";
export { Gate, queueFull } from "./gate.js";
export type { MakeToken, Place } from "./gate.js";
export { GateGovernor } from "./gate-governor.js";
export { GateLock, canceled } from "./lock.js";
export { GateToken } from "./token.js";
export { hold, holdUnlessAborted, wrapper } from "./hold.js";
export { IdleWaiters } from "./idle.js";
export { observing } from "#observe";
export { keep } from "./keep.js";
export { LockRequest } from "./request.js";
export { LockState } from "./state.js";
export { timedOut, Waiter } from "./waiter.js";
