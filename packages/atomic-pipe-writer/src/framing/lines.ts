import { FrameError } from "../errors.js";
import type { Framing } from "./framing.js";

/**
 * One line of text each. A message that has a line feed or a carriage return in it is refused: the reader would see two, or
 * another one.
 *
 * @example
 * ```ts
 * import { PassThrough } from "node:stream";
 * import { AtomicPipeWriter, lines } from "@holdfast/atomic-pipe-writer";
 *
 * const writer = new AtomicPipeWriter(new PassThrough(), { framing: lines });
 * const error: unknown = await writer.send("one\ntwo").catch((reason: unknown) => reason);
 * console.log(String(error)); // => FrameError: The message has a line break at 3
 * ```
 */
export const lines: Framing<string> = {
  encode: (message) => {
    if (typeof message !== "string") throw new TypeError("a line must be a string");
    const at = message.search(/[\r\n]/);
    if (at >= 0) throw new FrameError(`The message has a line break at ${at}`, "shape");
    if (message === "") throw new FrameError("The frame is empty", "shape");
    return `${message}\n`;
  },
};
