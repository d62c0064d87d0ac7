// Started as a process: counts the lines on its stdin, and tells at the end.

export interface Counted {
  readonly lines: number;
  /** Lines that are no JSON. */
  readonly unreadable: number;
  /** The names in the others whose text is whole. */
  readonly whole: readonly string[];
}

/** A message of which a reader can see that nothing is missing and nothing foreign is in it. */
export interface Countable {
  readonly from: string;
  readonly length: number;
  readonly text: string;
}

const chunks: Buffer[] = [];
process.stdin.on("data", (chunk: Buffer) => chunks.push(chunk));
process.stdin.on("end", () => {
  const lines = Buffer.concat(chunks).toString("utf8").split("\n").slice(0, -1);
  const values = lines.flatMap(parse);
  const counted: Counted = {
    lines: lines.length,
    unreadable: lines.length - values.length,
    whole: values.filter(isWhole).map(({ from }) => from),
  };
  process.stdout.write(JSON.stringify(counted));
});

/** None or one. */
function parse(line: string): unknown[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}

function isWhole(value: unknown): value is Countable {
  const { from, length, text } = Object(value) as Partial<Countable>;
  return (
    from !== undefined && from !== "" && length !== undefined && text === from.repeat(length / from.length)
  );
}
