/** Remarks about lines of a text that hold a word. */
export default function lookFor({ text, word }) {
  const remarks = text
    .split("\n")
    .flatMap((line, at) => (line.includes(word) ? [`line ${at + 1} says "${word}"`] : []));
  return { remarks };
}

export const input = {
  type: "object",
  required: ["text", "word"],
  properties: { text: { type: "string" }, word: { type: "string" } },
};
export const output = {
  type: "object",
  required: ["remarks"],
  properties: { remarks: { type: "array", items: { type: "string" } } },
};
