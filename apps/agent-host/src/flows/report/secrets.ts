/** Puts the name of a parameter wherever its value stands, also where a tool has said it. */
export function hideParameters(text: string, params: Readonly<Record<string, string>>): string {
  // Of a value that has another one in it the rest would be left.
  const longestFirst = Object.entries(params).sort(([, a], [, b]) => b.length - a.length);
  return longestFirst.reduce((shown, [name, value]) => {
    // In JSON some characters are written otherwise.
    const escaped = JSON.stringify(value).slice(1, -1);
    return [escaped, value]
      .filter((each) => each !== "")
      .reduce((left, each) => left.replaceAll(each, () => `‹${name}›`), shown);
  }, text);
}
