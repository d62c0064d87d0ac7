/**
 * The program did something else when the same schedule was run again, so nothing can be concluded from it.
 * Look for randomness, real timers or I/O, and state that outlives a schedule.
 */
export class DeterminismError extends Error {
  override readonly name = "DeterminismError";
}
