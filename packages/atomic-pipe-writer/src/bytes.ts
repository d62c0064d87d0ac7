/** What a stream is given: text, which becomes UTF-8, or bytes. */
export type Chunk = string | Uint8Array;

/** What one frame, or several that are written together, consist of. */
export type Body = string | Uint8Array[];

declare class TextEncoder {
  encode(text: string): Uint8Array;
}

interface NodeBuffer {
  readonly byteLength: (text: string) => number;
  readonly from: (text: string) => Uint8Array;
}

// Quicker than the platforms' common ways, where there is one.
const { Buffer } = globalThis as { readonly Buffer?: NodeBuffer };
const encoder = new TextEncoder();

/** How many bytes a text takes as UTF-8, where the platform has no quicker way to tell. */
export function countBytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // A pair takes four bytes, a lone half three.
    if (isHigh(unit) && isLow(text.charCodeAt(at + 1))) at += 1;
  }
  return bytes;
}

/** How many bytes a text takes as UTF-8. */
export const byteLength: (text: string) => number = Buffer === undefined ? countBytes : Buffer.byteLength;

export const encode: (text: string) => Uint8Array =
  Buffer === undefined ? (text) => encoder.encode(text) : Buffer.from;

/** Copies chunks into one. */
export function concat(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Whether a text begins or ends with half a character, which would become another one beside the wrong neighbour. */
export function isTorn(text: string): boolean {
  return isLow(text.charCodeAt(0)) || isHigh(text.charCodeAt(text.length - 1));
}

/** Whether it is the first half of a character that takes two. */
export const isHigh = (unit: number): boolean => (unit & 0xfc00) === 0xd800;
const isLow = (unit: number): boolean => (unit & 0xfc00) === 0xdc00;
