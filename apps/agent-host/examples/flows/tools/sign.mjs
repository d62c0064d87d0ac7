import { createHmac } from "node:crypto";

/** A signature of a text. */
export default function sign({ text, key }) {
  return { signature: createHmac("sha256", key).update(text).digest("hex") };
}

export const input = {
  type: "object",
  required: ["text", "key"],
  properties: { text: { type: "string" }, key: { type: "string" } },
};
export const output = {
  type: "object",
  required: ["signature"],
  properties: { signature: { type: "string" } },
};
