import type { Step } from "../definition/model.js";
import type { EndNote, Journal } from "./journal.js";

/**
 * The ends that a resumed run begins with. A failure or a cancellation stands if somebody has gone on past it, and what goes on
 * past one was told to see it; all others are tried again.
 */
export function standingEnds(journal: Journal, steps: readonly Step[]): ReadonlyMap<string, EndNote> {
  const standing = new Map<string, EndNote>();
  // Who depends on a step is declared after it.
  for (const { id } of [...steps].reverse()) {
    const end = journal.ends.get(id);
    if (end === undefined) continue;
    const isUsed = steps.some(
      ({ dependsOn, id: other }) =>
        dependsOn.includes(id) && (standing.has(other) || journal.body(other) !== undefined),
    );
    if (isUsed || !isLost(end)) standing.set(id, end);
  }
  return standing;
}

function isLost(end: EndNote): boolean {
  return end.kind === "failed" || end.kind === "cancelled" || (end.kind === "completed" && end.late);
}
