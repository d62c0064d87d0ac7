import { show } from "./errors.js";

/** "; did you mean …?", if one of `known` is but a slip away from `name`. */
export function suggestion(name: string, known: Iterable<string>): string {
  let nearest: string | undefined;
  // Of five letters two may be wrong.
  let least = Math.floor(name.length * 0.4) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = slips(name.toLowerCase(), candidate.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest === undefined ? "" : `; did you mean ${show(nearest)}?`;
}

/** How many letters must be put in, taken out or changed (Levenshtein). */
function slips(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i += 1) {
    let left = i + 1;
    row = row.map((above, j) => {
      if (j === 0) return left;
      const diagonal = (row[j - 1] ?? 0) + (a[i] === b[j - 1] ? 0 : 1);
      left = Math.min(left + 1, above + 1, diagonal);
      return left;
    });
  }
  return row.at(-1) ?? 0;
}

/** Throws for an option that there is not: a bound that is misspelt must not be ignored. */
export function checkKnown(options: object, known: readonly string[], of: string = "options"): void {
  for (const name of Object.keys(options))
    if (!known.includes(name)) throw new TypeError(`There is no ${of}.${name}${suggestion(name, known)}`);
}
