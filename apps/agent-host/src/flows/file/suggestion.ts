import { closest, distance } from "fastest-levenshtein";

/** The one of the names that is much like the wrong one, if there is one. */
export function nameLike(wrong: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const best = names.find((name) => name.toLowerCase() === wrong.toLowerCase()) ?? closest(wrong, names);
  return isLike(wrong, best) ? best : undefined;
}

/** `; did you mean "x"?` if one of the names is much like the wrong one, and else nothing. */
export function didYouMean(wrong: string, names: readonly string[]): string {
  const best = nameLike(wrong, names);
  return best === undefined ? "" : `; did you mean "${best}"?`;
}

/** The same, or else all the names that there are. */
export function didYouMeanOneOf(wrong: string, names: readonly string[]): string {
  return didYouMean(wrong, names) || `; there are: ${names.join(", ") || "none"}`;
}

/** The same letters, or all but two, or but a third of a long name; never more than 40 % of them are wrong. */
function isLike(wrong: string, name: string): boolean {
  const { length } = wrong;
  const most = Math.min(0.4 * length, Math.max(2, length / 3));
  return lettersOf(wrong) === lettersOf(name) || distance(wrong, name) <= most;
}

function lettersOf(name: string): string {
  return Array.from(name.toLowerCase()).sort().join("");
}
