import { PassThrough } from "node:stream";
import xterm from "@xterm/headless";

/** A terminal of this size: what is written to its stream, and what stands on it then. */
export class Screen {
  readonly stream: NodeJS.WriteStream;
  written = "";
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  readonly #stream = new PassThrough();
  #shown: Promise<void> = Promise.resolve();

  constructor(columns: number, rows: number, isTTY = true) {
    // As a terminal's driver does.
    this.#terminal = new xterm.Terminal({ cols: columns, rows, convertEol: true, allowProposedApi: true });
    this.#stream.on("data", (data: Buffer) => {
      this.written += data.toString();
      this.#shown = new Promise((resolve) => {
        this.#terminal.write(data, resolve);
      });
    });
    this.stream = Object.assign(this.#stream, { columns, rows, isTTY }) as never;
  }

  /** All lines from the first on, those that have scrolled away included, without what is empty at the end. */
  async lines(): Promise<string[]> {
    await this.#shown;
    const { active } = this.#terminal.buffer;
    const lines = Array.from(
      { length: active.length },
      (_, row) => active.getLine(row)?.translateToString(true) ?? "",
    );
    return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
  }
}
