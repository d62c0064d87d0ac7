// The other end of a pipe: a process that reads, and compares what comes with what should. Ends with its parent.
// Comparing takes a tenth of the time that a checksum does: otherwise it would be this that is measured.

/** What it is told first, and then how many bytes it is to wait for. */
export interface Expected {
  /** What comes, again and again. */
  readonly whole: Uint8Array;
  /** Whether a byte of value 1 may come in between, which is no part of it. */
  readonly marked: boolean;
}

/** What has come since it was asked last. */
export interface Receipt {
  readonly bytes: number;
  /** How many of them were as expected, from the first. */
  readonly right: number;
  /** Where the mark stood; -1 where there was none. */
  readonly mark: number;
}

let whole: Uint8Array = new Uint8Array();
let marked = false;
let bytes = 0;
let right = 0;
let wrong = false;
let mark = -1;
let awaited = Infinity;

function compare(chunk: Buffer): void {
  for (let from = 0; from < chunk.length && !wrong;) {
    const place = right % whole.length;
    const length = Math.min(chunk.length - from, whole.length - place);
    wrong = chunk.compare(whole, place, place + length, from, from + length) !== 0;
    if (!wrong) right += length;
    from += length;
  }
}

function tell(): void {
  if (bytes < awaited) return;
  process.send?.({ bytes, right, mark } satisfies Receipt);
  bytes = right = 0;
  mark = -1;
  awaited = Infinity;
}

process.stdin.on("data", (chunk: Buffer) => {
  const found = marked ? chunk.indexOf(1) : -1;
  if (found < 0) compare(chunk);
  else {
    mark = bytes + found;
    compare(chunk.subarray(0, found));
    compare(chunk.subarray(found + 1));
  }
  bytes += chunk.length;
  tell();
});
process.on("message", (message: Expected | number) => {
  if (typeof message === "number") {
    awaited = message;
    tell();
  } else ({ whole, marked } = message);
});
process.on("disconnect", () => process.exit());
