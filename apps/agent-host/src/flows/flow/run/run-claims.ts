import { IdReservations } from "@holdfast/id-reservation";
import type { CheckpointStore } from "./checkpoint.js";
import { AlreadyRunningError } from "./refusals.js";

/** Who runs what has which id: one at a time, in this process and, as far as a store knows of them, in others. */
export class RunClaims {
  readonly #running = new IdReservations();

  /** The right to run it. Rejects with `AlreadyRunningError`. */
  async claim(traceId: string, store: CheckpointStore | undefined): Promise<AsyncDisposable> {
    const reservation = this.#running.tryReserve(traceId);
    if (reservation === null) throw new AlreadyRunningError(traceId, "a run in this process");
    try {
      const lease = await store?.claim?.(traceId);
      return {
        async [Symbol.asyncDispose]() {
          try {
            await lease?.[Symbol.asyncDispose]();
          } finally {
            reservation.release();
          }
        },
      };
    } catch (error) {
      reservation.release();
      throw error;
    }
  }
}
