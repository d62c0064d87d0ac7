import { once } from "node:events";
import type { Readable } from "node:stream";
import type { Prompter } from "./prompter.js";

/** Gives the prompter line after line, each when the one before is done, to the end of the input or of the prompter. */
export async function readPipe(prompter: Prompter, input: Readable): Promise<void> {
  const { ended } = prompter;
  const quit = ended.aborted ? undefined : once(ended, "abort");
  const read = async (): Promise<void> => {
    for await (const line of linesOf(input)) {
      await prompter.line(line);
      if (ended.aborted) return;
    }
  };
  await Promise.race([read(), quit]);
}

/** Not those of `node:readline`, which also end at U+2028. */
async function* linesOf(input: Readable): AsyncGenerator<string> {
  // Joined only once, when it ends: a long line comes in many pieces.
  let pieces: string[] = [];
  for await (const chunk of input.setEncoding("utf8") as AsyncIterable<string>) {
    const [end = "", ...begun] = chunk.split("\n");
    pieces.push(end);
    for (const begin of begun) {
      yield pieces.join("");
      pieces = [begin];
    }
  }
  yield pieces.join("");
}
