/** A message as JSON text, which has no line break in it. */
export function toJson(message: unknown): string {
  const text = JSON.stringify(message) as string | undefined;
  if (text === undefined) throw new TypeError("the message has no JSON form");
  return text;
}
