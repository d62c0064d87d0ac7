import type { StateTable } from "./state-table.js";

/** Where one prompt is, over all its attempts and all children that they use up. */
export type AttemptState = "initial" | "pending" | "pendingCancelled" | "returned" | "returnedCancelled";

export type AttemptEvent = "prompt" | "cancel" | "childExit" | "recover" | "return";

/** A cancel that was seen once stays seen, whatever becomes of the child; what is returned says exactly that. */
export const attemptTable: StateTable<AttemptState, AttemptEvent> = {
  initial: { prompt: "pending" },
  pending: { cancel: "pendingCancelled", childExit: "pending", recover: "pending", return: "returned" },
  pendingCancelled: {
    cancel: "pendingCancelled",
    childExit: "pendingCancelled",
    recover: "pendingCancelled",
    return: "returnedCancelled",
  },
  returned: {},
  returnedCancelled: {},
};
