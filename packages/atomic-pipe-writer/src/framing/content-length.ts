import { byteLength } from "../bytes.js";
import type { Framing } from "./framing.js";
import { toJson } from "./json.js";

/**
 * JSON after a `Content-Length` header: what language servers and debug adapters speak.
 *
 * @example
 * ```ts
 * import { PassThrough } from "node:stream";
 * import { AtomicPipeWriter, contentLength } from "@holdfast/atomic-pipe-writer";
 *
 * const stream = new PassThrough();
 * await new AtomicPipeWriter(stream, { framing: contentLength }).send({ ü: 1 });
 * console.log(JSON.stringify(String(stream.read()))); // => "Content-Length: 8\r\n\r\n{\"ü\":1}"
 * ```
 */
export const contentLength: Framing<unknown> = {
  encode: (message) => {
    const text = toJson(message);
    return `Content-Length: ${byteLength(text)}\r\n\r\n${text}`;
  },
};
