/** What comes from outside, and may be anything. */
export type Loose = Readonly<Record<string, unknown>>;

export function loose(value: unknown): Loose {
  return typeof value === "object" && value !== null ? (value as Loose) : {};
}

export function string(value: unknown): string {
  return typeof value === "string" ? value : "";
}
