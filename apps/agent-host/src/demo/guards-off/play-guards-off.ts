import type { GuardOff } from "./guard-off.js";
import { playOrder } from "./order.js";
import { playPipe } from "./pipe.js";
import { playTurn } from "./turn.js";

/** Several who speak to one child, without and with each of what keeps them apart. */
export function playGuardsOff(signal: AbortSignal): Promise<readonly GuardOff[]> {
  signal.throwIfAborted();
  return Promise.all([playPipe(signal), playTurn(signal), playOrder(signal)]);
}
