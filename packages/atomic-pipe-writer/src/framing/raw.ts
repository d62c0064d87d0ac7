import type { Chunk } from "../bytes.js";
import type { Framing } from "./framing.js";

/**
 * The message is the frame, as it is. Bytes are not copied: they must not change until the send has settled.
 *
 * @example
 * ```ts
 * import { PassThrough } from "node:stream";
 * import { AtomicPipeWriter, raw } from "@holdfast/atomic-pipe-writer";
 *
 * const stream = new PassThrough();
 * const writer = new AtomicPipeWriter(stream, { framing: raw });
 * await writer.send("+OK\r\n");
 * console.log(String(stream.read()) === "+OK\r\n"); // => true
 * ```
 */
export const raw: Framing<Chunk> = { encode: (message) => message };
