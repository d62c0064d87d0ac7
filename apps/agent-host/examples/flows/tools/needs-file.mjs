import { readFileSync } from "node:fs";

/** Reads a file, which may not be there yet. */
export default function needsFile({ path }) {
  return { approval: readFileSync(path, "utf8").trim() };
}

export const input = { type: "object", required: ["path"], properties: { path: { type: "string" } } };
export const output = {
  type: "object",
  required: ["approval"],
  properties: { approval: { type: "string" } },
};
