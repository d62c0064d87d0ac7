/** The keys of a JSON pointer (RFC 6901). */
export function pointerTokens(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** What a JSON pointer leads to, or the part of it that leads to something. */
export function lookUp(
  value: unknown,
  pointer: string,
): { readonly found: true; readonly value: unknown } | { readonly found: false; readonly upTo: string } {
  let at = value;
  let upTo = "";
  for (const token of pointerTokens(pointer)) {
    const isIndex = /^(0|[1-9]\d*)$/.test(token);
    if (typeof at !== "object" || at === null || (Array.isArray(at) && !isIndex) || !Object.hasOwn(at, token))
      return { found: false, upTo };
    at = (at as Record<string, unknown>)[token];
    upTo += `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  }
  return { found: true, value: at };
}
