import type { Framing } from "./framing.js";
import { toJson } from "./json.js";

/**
 * One line of JSON each: what MCP, ACP and stream-json speak over stdio. What has no JSON form (`undefined`, a function, a
 * cycle, a BigInt) is refused; line breaks within texts are escaped.
 *
 * @example
 * ```ts
 * import { PassThrough } from "node:stream";
 * import { AtomicPipeWriter, ndjson } from "@holdfast/atomic-pipe-writer";
 *
 * const stream = new PassThrough();
 * const writer = new AtomicPipeWriter(stream, { framing: ndjson });
 * await Promise.all([writer.send({ text: "a\nb" }), writer.send(1), writer.control({ stop: true })]);
 * process.stdout.write(String(stream.read()));
 * // => {"stop":true}
 * // => {"text":"a\nb"}
 * // => 1
 * ```
 */
export const ndjson: Framing<unknown> = { encode: (message) => `${toJson(message)}\n` };
