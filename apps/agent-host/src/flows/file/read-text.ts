import { closeSync, openSync, readSync } from "node:fs";
import { FileProblemsError } from "./problem.js";

/** The text of a file or pipe. Throws `FileProblemsError` if there is none, too much of it, or if it is not UTF-8. */
export function readText(path: string, maxBytes: number): string {
  const bytes = readBytes(path, maxBytes);
  if (bytes === undefined)
    throw problem(
      path,
      "config/invalid-yaml",
      `the file is larger than ${maxBytes} bytes, which is the limit; split it`,
    );
  const text = bytes.toString("utf8");
  const again = Buffer.from(text, "utf8");
  if (!again.equals(bytes)) throw notUtf8(path, bytes, again);
  return text;
}

/** The bytes, or `undefined` if there are more than `maxBytes`; no more than that is ever read. */
function readBytes(path: string, maxBytes: number): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    const chunks: Buffer[] = [];
    for (let left = maxBytes + 1; left > 0;) {
      const chunk = Buffer.alloc(Math.min(left, 64 * 1024));
      const count = readSync(fd, chunk);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, count));
      left -= count;
    }
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    throw problem(path, "config/file-not-found", `cannot read the file: ${message}. Check the path`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function notUtf8(path: string, bytes: Buffer, again: Buffer): FileProblemsError {
  const offset = bytes.findIndex((byte, at) => byte !== again[at]);
  const before = bytes.subarray(0, offset).toString("utf8").split("\n");
  return problem(
    path,
    "config/invalid-yaml",
    "the file is not UTF-8 from here on; save it as UTF-8",
    before.length,
    (before.at(-1)?.length ?? 0) + 1,
  );
}

function problem(file: string, code: string, message: string, line = 1, column = 1): FileProblemsError {
  return new FileProblemsError([{ file, line, column, code, message }]);
}
