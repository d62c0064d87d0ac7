import { closest, distance } from "fastest-levenshtein";

/** The one of the names that is much like the wrong one, if there is one. */
export function nameLike(wrong: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const best = closest(wrong, names);
  const changes = distance(wrong, best);
  // Two letters of a short name, or a third of a long one; but not all of them.
  return changes <= Math.max(2, wrong.length / 3) && changes < wrong.length ? best : undefined;
}

/** `; did you mean "x"?` if one of the names is much like the wrong one, and else nothing. */
export function didYouMean(wrong: string, names: readonly string[]): string {
  const best = nameLike(wrong, names);
  return best === undefined ? "" : `; did you mean "${best}"?`;
}
