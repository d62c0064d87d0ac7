/** The headings of a Markdown text. */
export default function headings({ text }) {
  return { headings: text.split("\n").filter((line) => line.startsWith("#")) };
}

export const input = { type: "object", required: ["text"], properties: { text: { type: "string" } } };
export const output = {
  type: "object",
  required: ["headings"],
  properties: { headings: { type: "array", items: { type: "string" } } },
};
export const traits = { cacheable: true };
