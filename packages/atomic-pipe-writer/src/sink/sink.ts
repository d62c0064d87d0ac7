import type { Chunk } from "../bytes.js";
import type { PipeFailure } from "../errors.js";

/** Why nothing may be written any more. */
export interface Trouble {
  readonly failure: PipeFailure;
  readonly cause: unknown;
}

/** Called once with nothing when it went well, or with what went wrong. */
export type Done = (trouble?: Trouble) => void;

/** A stream as the pump sees it: one write at a time. */
export interface Sink {
  /** Why the stream must not be given anything. Asked before each write, when none is under way. */
  trouble(): Trouble | undefined;
  /** Hands over chunks that belong together. What it throws is a failure too. */
  write(data: Chunk | readonly Uint8Array[], bytes: number, done: Done): void;
  end(done: Done): void;
  destroy(reason: unknown): void;
}

/** Makes something an error, to be a stream's reason. */
export function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("The pipe was destroyed", { cause: reason });
}
