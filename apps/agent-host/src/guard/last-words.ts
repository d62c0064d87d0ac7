import type { Readable } from "node:stream";

/** Milliseconds of silence after which nothing more is expected: between two messages, and within one. */
const silence = { between: 100, within: 2000 };

/**
 * Resolves when the stream has fallen silent, has ended, or `most` milliseconds have passed.
 *
 * A client that was held back has more to say than what came so far, and it waits for that to be taken: the official one's
 * `send()` never settles otherwise.
 */
export function lastWords(stream: Readable, most: number, isWithin: () => boolean): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const wait = (): NodeJS.Timeout => setTimeout(done, isWithin() ? silence.within : silence.between);
    const heard = (): void => {
      clearTimeout(timer);
      timer = wait();
    };
    const done = (): void => {
      clearTimeout(timer);
      clearTimeout(limit);
      stream.off("data", heard).off("end", done).off("close", done);
      resolve();
    };
    stream.on("data", heard).on("end", done).on("close", done);
    const limit = setTimeout(done, most);
    let timer = wait();
  });
}
