import type { Branch } from "./branch.js";

/** Whose turn it is. */
export interface Schedule {
  /** Who can start at once. */
  first(): readonly Branch[];
  /** Who can start now that this one has ended. */
  after(branch: Branch): readonly Branch[];
}
