import type { StateTable } from "./state-table.js";

/**
 * Where one generation of the child is in a turn. `draining`: the interrupt is asked for, the rest of the answer is read and
 * thrown away. `cancelled`: it is read, and nobody has been told yet.
 */
export type TurnState = "idle" | "sending" | "awaiting" | "draining" | "cancelled";

/**
 * `send`: a message is given to the writer. `replyChunk`: a frame of the answer. `replyEnd`: its last one. `cancel`: the turn is to
 * end early. `drainObserve`: a frame that nobody wants any more. `turnReturn`: the turn ends, or has been reported.
 */
export type TurnEvent = "send" | "replyChunk" | "replyEnd" | "cancel" | "drainObserve" | "turnReturn";

/** The table of a turn. Only a new child starts anew from any state; that is no event. */
export const turnTable: StateTable<TurnState, TurnEvent> = {
  idle: { send: "sending" },
  sending: { replyChunk: "awaiting", cancel: "draining" },
  awaiting: { replyChunk: "awaiting", replyEnd: "awaiting", cancel: "draining", turnReturn: "idle" },
  draining: { drainObserve: "draining", turnReturn: "cancelled" },
  cancelled: { turnReturn: "idle" },
};
