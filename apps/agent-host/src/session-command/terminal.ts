import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Prompter } from "./prompter.js";

/** Takes lines as they are typed, also while an answer comes: a further prompt waits for its turn. Ends with Ctrl-D or the prompter. */
export async function readTerminal(
  prompter: Prompter,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream & { readonly isTTY?: boolean },
  onInterrupt: () => void,
): Promise<void> {
  const terminal = output.isTTY === true;
  const lines = createInterface({ input, output, terminal, prompt: terminal ? "> " : "" });
  let closed = false;
  lines.once("close", () => {
    closed = true;
  });
  const ready = (): void => {
    // A turn may end after the input.
    if (!prompter.busy && !closed) lines.prompt();
  };
  lines.on("line", (line) => {
    void prompter.line(line).finally(ready);
  });
  // In the terminal's raw mode Ctrl-C is a key.
  lines.on("SIGINT", onInterrupt);
  prompter.ended.addEventListener("abort", () => {
    lines.close();
  });
  if (terminal) output.write("A line is a prompt. Ctrl-C cancels its turn; /status, /quit.\n");
  ready();
  await once(lines, "close");
}
