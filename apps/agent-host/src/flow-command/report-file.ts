import { constants, type Stats } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import pc from "picocolors";
import writeFileAtomic from "write-file-atomic";
import { renderPage } from "../flows/report/page.js";
import type { Reporter } from "../flows/report/report.js";
import { UsageError } from "../usage-error.js";

/** The file that was given with `--report`. */
export class ReportFile {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Looks whether it can be written, and writes nothing. `taken` are the files that must stay what they are.
   *
   * @throws By rejecting: `UsageError`.
   */
  static async open(path: string, taken: readonly (string | undefined)[]): Promise<ReportFile> {
    const why = await whyNot(path, taken);
    if (why !== undefined)
      throw new UsageError(`cannot write the report to ${path}: ${why}. Check the path given with --report.`);
    return new ReportFile(path);
  }

  /** The page of one run. It is written at the latest when it is disposed of. */
  of(reporter: Reporter): RunPage {
    return new RunPage(this.#path, reporter);
  }
}

class RunPage implements AsyncDisposable {
  readonly #path: string;
  readonly #reporter: Reporter;
  #written: Promise<boolean> | undefined;

  constructor(path: string, reporter: Reporter) {
    this.#path = path;
    this.#reporter = reporter;
  }

  /** Writes it once, as a whole or not at all; says whether that went well. A run that has not begun has no page. */
  write(): Promise<boolean> {
    return (this.#written ??= this.#write());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.write();
  }

  async #write(): Promise<boolean> {
    try {
      const report = this.#reporter.report();
      if (report === undefined) return true;
      await writeFileAtomic(this.#path, renderPage(report));
      say(`report: ${this.#path}`);
      return true;
    } catch (error) {
      const { message } = error as Error;
      say(
        `${pc.red("agent-host:")} the report ${this.#path} cannot be written: ${message}. What was there before is as it was.`,
      );
      return false;
    }
  }
}

async function whyNot(path: string, taken: readonly (string | undefined)[]): Promise<string | undefined> {
  const folder = dirname(resolve(path));
  if ((await find(folder))?.isDirectory() !== true) return `there is no folder ${folder}`;
  try {
    await access(folder, constants.W_OK);
  } catch (error) {
    return (error as Error).message;
  }
  const there = await find(path);
  if (there?.isDirectory() === true) return "it is a folder";
  // To put a file in the place of a device or a pipe is nobody's wish.
  if (there?.isFile() === false) return "it is no file";
  for (const other of taken)
    if (other !== undefined && (await isSame(path, other)))
      return `it is the same file as ${other}, which would be lost`;
  return undefined;
}

/** Also if it has two names, or is not there yet. */
async function isSame(path: string, other: string): Promise<boolean> {
  if (resolve(path) === resolve(other)) return true;
  const [one, two] = [await find(path), await find(other)];
  return one !== undefined && one.ino === two?.ino && one.dev === two.dev;
}

async function find(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch {
    return undefined;
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
