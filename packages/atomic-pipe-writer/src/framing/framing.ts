import { type Body, byteLength, type Chunk, concat, encode, isTorn } from "../bytes.js";
import { FrameError } from "../errors.js";

/** How a message becomes a frame. */
export interface Framing<M> {
  /**
   * The frame of one message, whole: with its header or its line end. Several chunks are written as one. Called when the
   * message is sent, so that what happens to it afterwards changes nothing; bytes are not copied, though. What this throws
   * is the cause of the send's rejection.
   */
  encode(message: M): Chunk | readonly Chunk[];
}

/** Makes the frame of a message; throws a `FrameError` if it is none. */
export function frame<M>(framing: Framing<M>, message: M): Body {
  const body = toBody(encodeBy(framing, message));
  if (body === undefined)
    throw new FrameError("The framing made something that is neither a string nor a Uint8Array", "encode");
  if (body.length === 0) throw new FrameError("The frame is empty", "shape");
  return body;
}

/** How many bytes a frame has. */
export function sizeOf(body: Body): number {
  if (typeof body === "string") return byteLength(body);
  let bytes = 0;
  for (const chunk of body) bytes += chunk.length;
  return bytes;
}

function encodeBy<M>(framing: Framing<M>, message: M): unknown {
  try {
    return framing.encode(message);
  } catch (cause) {
    if (cause instanceof FrameError) throw cause;
    const why = cause instanceof Error ? `: ${cause.message}` : "";
    throw new FrameError(`The message cannot be encoded${why}`, "encode", { cause });
  }
}

function toBody(frame: unknown): Body | undefined {
  if (typeof frame === "string") return isTorn(frame) ? [encode(frame)] : frame;
  if (frame instanceof Uint8Array) return frame.length === 0 ? [] : [frame];
  if (!Array.isArray(frame)) return undefined;
  const parts: unknown[] = frame;
  if (parts.every((part) => typeof part === "string")) return toBody(parts.join(""));
  const chunks: Uint8Array[] = [];
  for (const part of parts) {
    const chunk = typeof part === "string" ? encode(part) : part;
    if (!(chunk instanceof Uint8Array)) return undefined;
    if (chunk.length > 0) chunks.push(chunk);
  }
  return chunks;
}

/** What a stream is given for the frames of one write, all text or all bytes: as few chunks as are cheap to make. */
export function pack(
  frames: readonly { readonly body: Body }[],
  bytes: number,
): Chunk | readonly Uint8Array[] {
  // Mostly there is one frame, with nothing to put together.
  const body = frames.length === 1 ? frames[0]?.body : undefined;
  if (typeof body === "string") return body;
  const bodies = frames.map((frame) => frame.body);
  if (typeof bodies[0] === "string") return bodies.join("");
  const chunks = body ?? (bodies as Uint8Array[][]).flat();
  const only = chunks.length === 1 ? chunks[0] : undefined;
  // Below this copying costs less than handing over each of them.
  return only ?? (bytes < chunks.length * 1024 ? concat(chunks, bytes) : chunks);
}

/** The pieces in which a large frame is handed over. */
export function slices(body: Body, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (const chunk of typeof body === "string" ? [encode(body)] : body)
    for (let at = 0; at < chunk.length; at += size) pieces.push(chunk.subarray(at, at + size));
  return pieces;
}
