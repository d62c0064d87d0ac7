import { RE2JS } from "re2js";

/** A regular expression that was written `/pattern/flags`. It takes linear time, whatever the pattern and the text are. */
export class Pattern {
  readonly source: string;
  readonly #engine: RE2JS;

  /** Throws `Error` with a message for people. */
  constructor(source: string) {
    const [, pattern, flags] = /^\/(.*)\/([a-z]*)$/s.exec(source) ?? [];
    if (pattern === undefined || flags === undefined)
      throw new Error(`${JSON.stringify(source)} is no pattern; write /pattern/ or /pattern/flags`);
    this.source = source;
    this.#engine = RE2JS.compile(pattern, flagBits(flags));
  }

  /** Whether it matches anywhere in the text. */
  isIn(text: string): boolean {
    return this.#engine.matcher(text).find();
  }
}

const bits: Readonly<Record<string, number>> = {
  i: RE2JS.CASE_INSENSITIVE,
  m: RE2JS.MULTILINE,
  s: RE2JS.DOTALL,
};

function flagBits(flags: string): number {
  let all = 0;
  for (const flag of flags) {
    const bit = bits[flag];
    if (bit === undefined) throw new Error(`flag "${flag}" has no meaning here; there are i, m and s`);
    all |= bit;
  }
  return all;
}
