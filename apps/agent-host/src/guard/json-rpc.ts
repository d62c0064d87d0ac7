/** `1` and `"1"` are two ids. */
export type Id = string | number;

export type Fields = Readonly<Record<string, unknown>>;

export interface RequestMessage extends Fields {
  readonly id: Id;
  readonly method: string;
}

/** What one line holds. Several messages are a batch, as protocol 2025-03-26 allows. */
export type Line =
  | { readonly kind: "messages"; readonly messages: readonly unknown[] }
  | { readonly kind: "blank" }
  | { readonly kind: "nonsense" };

export const parseError = -32700;
/** What the official SDKs use for a connection that is gone. */
export const serverGone = -32000;

export function parseLine(line: Buffer): Line {
  const text = line.toString("utf8");
  try {
    const value: unknown = JSON.parse(text);
    return { kind: "messages", messages: Array.isArray(value) ? value : [value] };
  } catch {
    return { kind: text.trim() === "" ? "blank" : "nonsense" };
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isId(value: unknown): value is Id {
  return typeof value === "string" || typeof value === "number";
}

export function isRequest(message: unknown): message is RequestMessage {
  return isFields(message) && typeof message["method"] === "string" && isId(message["id"]);
}

/** A message as a line of its own. */
export function toLine(message: object): Buffer {
  return Buffer.from(`${JSON.stringify(message)}\n`);
}

export function errorAnswer(id: Id | null, code: number, message: string): object {
  return { jsonrpc: "2.0", id, error: { code, message: `agent-host guard: ${message}` } };
}

/** The beginning of a line, fit to be shown in a message. */
export function excerpt(line: Buffer, length = 120): string {
  const text = JSON.stringify(
    line
      .subarray(0, length * 4)
      .toString("utf8")
      .trimEnd()
      .slice(0, length),
  );
  return line.length > length ? `${text}… (${line.length} bytes)` : text;
}
