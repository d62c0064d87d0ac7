// Imported once per contestant under a query of its own, so that what the engine learns about one never slows another.
import type { AbortAdapter } from "../harness/adapters.ts";

/** One waiter per signal, in order. */
function enqueue(
  adapter: AbortAdapter,
  lock: unknown,
  signals: readonly AbortSignal[],
  waits: Promise<unknown>[],
): void {
  for (let i = 0; i < signals.length; i += 1) waits[i] = adapter.wait(lock, signals[i]);
}

function abortAll(controllers: readonly AbortController[], reason: unknown): void {
  for (const controller of controllers) controller.abort(reason);
}

/** @public Imported under a query, which static analysis does not see through. */
export default { enqueue, abortAll };
