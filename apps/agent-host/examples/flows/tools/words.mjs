/** How many words a text has. */
export default function words({ text }) {
  return { words: text.split(/\s+/).filter(Boolean).length };
}

export const input = { type: "object", required: ["text"], properties: { text: { type: "string" } } };
export const output = { type: "object", required: ["words"], properties: { words: { type: "integer" } } };
export const traits = { cacheable: true };
