import { readFileSync } from "node:fs";
import { type Document, LineCounter, type Node, parseDocument } from "yaml";
import { UsageError } from "./usage-error.js";
import { describeYamlError } from "./yaml-error.js";

/** A YAML file that the user has written: what is in it, and errors that say where it is wrong. */
export class YamlFile {
  readonly contents: Document["contents"];
  readonly #path: string;
  readonly #lines = new LineCounter();

  /**
   * Reads the file that was given with `option`; `what` says what it is, in messages.
   *
   * @throws `UsageError` for a file that cannot be read or is not YAML.
   */
  constructor(path: string, what: string, option: string) {
    this.#path = path;
    const document = parseDocument(read(path, what, option), { lineCounter: this.#lines });
    const [problem] = document.errors;
    if (problem !== undefined) {
      throw this.wrong(problem.pos[0], describeYamlError(problem));
    }
    this.contents = document.contents;
  }

  /** The error that names the file, the line and the column. */
  wrong(where: Node | number | null | undefined, problem: string): UsageError {
    const offset = typeof where === "number" ? where : (where?.range?.[0] ?? 0);
    const { line, col } = this.#lines.linePos(offset);
    // An empty file has no first line.
    return new UsageError(`${this.#path}:${Math.max(line, 1)}:${Math.max(col, 1)}: ${problem}.`);
  }
}

function read(path: string, what: string, option: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { message } = error as Error;
    throw new UsageError(`cannot read the ${what} ${path}: ${message}. Check the path given with ${option}.`);
  }
}
