import type { StateTable } from "./state-table.js";

/** Whose the session is. A background holder stands in the handlers' lane. */
export type LockState = "free" | "worker" | "handler";

export type LockEvent =
  "workerAcquire" | "handlerAcquire" | "workerRelease" | "handlerRelease" | "preempt" | "forceRelease";

/** Run beside the real lock: who comes in and goes out must be possible here too. `preempt` is a hand-over in one step. */
export const lockTable: StateTable<LockState, LockEvent> = {
  free: { workerAcquire: "worker", handlerAcquire: "handler", forceRelease: "free" },
  worker: { workerRelease: "free", preempt: "handler", forceRelease: "free" },
  handler: { handlerRelease: "free", forceRelease: "free" },
};
