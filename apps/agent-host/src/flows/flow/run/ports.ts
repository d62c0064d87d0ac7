/** All that a run takes from outside besides its tools: the execution core reads no clock and no randomness of its own. */
export interface Ports {
  /** The date, in milliseconds since 1970. */
  wallTime(): number;
  /** Milliseconds that only ever go forward. */
  elapsed(): number;
  /** Waits, for `longestWaitMs` at most; rejects with the signal's reason when that aborts, and leaves nothing behind. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** An id that nobody else has. */
  newTraceId(): string;
  /** Between 0.5 and 1.5. */
  jitter(): number;
}

/** The longest time that a timer can wait. */
export const longestWaitMs = 2 ** 31 - 1;
