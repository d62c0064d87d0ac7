/** Puts the name of a parameter wherever its value stands, also where a tool has said it. */
export function hideParameters(text: string, params: Readonly<Record<string, unknown>>): string {
  return Object.entries(params).reduce((shown, [name, value]) => {
    const plain = typeof value === "string" ? value : JSON.stringify(value);
    // In JSON some characters are written otherwise.
    const escaped = JSON.stringify(plain).slice(1, -1);
    return [escaped, plain]
      .filter((each) => each !== "")
      .reduce((left, each) => left.replaceAll(each, () => `‹${name}›`), shown);
  }, text);
}
