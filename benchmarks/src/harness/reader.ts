// The other end of a pipe: a process that reads, and tells how much that was and its checksum. Ends with its parent.
import { crc32 } from "node:zlib";

/** What has come since it was asked last. */
export interface Receipt {
  readonly bytes: number;
  readonly crc: number;
  /** Where the mark stood, a byte of value 1; -1 where there was none. */
  readonly mark: number;
}

let bytes = 0;
let crc = 0;
let mark = -1;
let awaited = Infinity;

function tell(): void {
  if (bytes < awaited) return;
  process.send?.({ bytes, crc, mark } satisfies Receipt);
  bytes = crc = 0;
  mark = -1;
  awaited = Infinity;
}

process.stdin.on("data", (chunk: Buffer) => {
  const found = chunk.indexOf(1);
  if (found >= 0) mark = bytes + found;
  bytes += chunk.length;
  crc = crc32(chunk, crc);
  tell();
});
process.on("message", (count: number) => {
  awaited = count;
  tell();
});
process.on("disconnect", () => process.exit());
