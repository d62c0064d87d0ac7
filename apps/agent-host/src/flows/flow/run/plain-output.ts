import { ToolOutputError, ToolOutputSizeError } from "./step-errors.js";

/**
 * An output as data, so that the tool cannot change it later and a resumed run gets the very same. Throws `ToolOutputError`,
 * `ToolOutputSizeError`.
 */
export function plainOutput(output: unknown, tool: string, maxBytes: number): Record<string, unknown> {
  let text: string | undefined;
  try {
    text = jsonOf(output);
  } catch (error) {
    throw new ToolOutputError(tool, `it is no JSON: ${(error as Error).message}`);
  }
  const size = Buffer.byteLength(text ?? "");
  if (size > maxBytes) throw new ToolOutputSizeError(tool, size, maxBytes);
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const what = Array.isArray(value) ? "an array" : value === null ? "null" : `a ${typeof value}`;
    throw new ToolOutputError(tool, `it must be an object with a key for each result, and is ${what}`);
  }
  return value as Record<string, unknown>;
}

/** Of what JSON has no word for, such as a function, there is none. */
function jsonOf(value: unknown): string | undefined {
  return JSON.stringify(value);
}
