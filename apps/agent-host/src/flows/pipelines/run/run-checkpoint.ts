import { Journal } from "../checkpoint/journal.js";

/** Where a run notes what it has done. */
export interface RunCheckpoint {
  readonly journal: Journal;
  /** Resolves when all that is noted so far is kept for good. Rejects if that cannot be. */
  written(): Promise<void>;
}

/** For a run that nobody will go on with. */
export function noCheckpoint(): RunCheckpoint {
  return { journal: new Journal(), written: () => Promise.resolve() };
}
