import { closest, distance } from "fastest-levenshtein";

/** `; did you mean "x"?` if one of the names is much like the wrong one, and else nothing. */
export function didYouMean(wrong: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const best = closest(wrong, names);
  // Two letters of a short name, or a third of a long one.
  return distance(wrong, best) <= Math.max(2, wrong.length / 3) ? `; did you mean "${best}"?` : "";
}
