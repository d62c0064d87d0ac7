import { IdReservations, IdTakenError } from "@holdfast/id-reservation";
import type { CheckpointStore } from "./checkpoint.js";
import { AlreadyRunningError } from "./refusals.js";

/** Who runs what has which id: one at a time, in this process and, as far as a store knows of them, in others. */
export class RunClaims {
  readonly #running = new IdReservations<string>({ label: "runs", onCommit: "forget" });

  /** The right to run it. Rejects with `AlreadyRunningError`. */
  async claim(traceId: string, store: CheckpointStore | undefined): Promise<AsyncDisposable> {
    const reservation = this.#reserve(traceId);
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

  #reserve(traceId: string): { release(): void } {
    try {
      return this.#running.reserve(traceId, { label: "a run in this process" });
    } catch (error) {
      if (error instanceof IdTakenError) throw new AlreadyRunningError(traceId, error.label ?? "somebody");
      throw error;
    }
  }
}
