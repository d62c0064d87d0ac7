import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { closeSync, fstatSync, lstatSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../usage-error.js";

/** A secret in a file that only its owner can read: who can show it may ask. */
export class TokenFile {
  readonly path: string;
  readonly #digest: Buffer;
  /** The one that was made for it. */
  readonly #folder: string | undefined;
  /** Stays open, so that no later file can be taken for it. */
  #file: number | undefined;

  /** Makes the file, by default in a new folder. Throws `UsageError` if there is one already, or it cannot be made. */
  constructor(path: string | undefined) {
    this.#folder = path === undefined ? newFolder() : undefined;
    this.path = path ?? join(this.#folder ?? "", "token");
    const token = randomBytes(32).toString("base64url");
    this.#digest = digest(token);
    try {
      this.#write(`${token}\n`);
    } catch (error) {
      this.remove();
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EEXIST")
        throw new UsageError(
          `${this.path} is there already, maybe of an agent-host that runs: remove it, or name another with --token-file`,
        );
      throw new UsageError(`cannot write the token: ${message}. Check --token-file.`);
    }
  }

  /** Whether the header shows the token. Takes as long for a wrong one as for the right one. */
  isShownBy(authorization: string | undefined): boolean {
    const given = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
    return timingSafeEqual(digest(given), this.#digest);
  }

  /** Removes what is left of what was made. What has the path by now may be somebody else's, and then stays. */
  remove(): void {
    if (this.#file !== undefined) {
      const isThere = isAt(this.path, this.#file);
      closeSync(this.#file);
      this.#file = undefined;
      if (isThere) rmSync(this.path, { force: true });
    }
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(text: string): void {
    this.#file = openSync(this.path, "wx", 0o600);
    writeSync(this.#file, text);
  }
}

/** Whether the path is that of an open file. */
function isAt(path: string, file: number): boolean {
  const there = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  const { dev, ino } = fstatSync(file, { bigint: true });
  return there?.dev === dev && there.ino === ino;
}

/** Of equal length, whatever was given. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** For its owner alone, and under a name that nobody can take first. */
function newFolder(): string {
  const { XDG_RUNTIME_DIR: own } = process.env;
  const parent = own === undefined || own === "" ? tmpdir() : own;
  try {
    return mkdtempSync(join(parent, `agent-host-${process.pid}-`));
  } catch (error) {
    throw new UsageError(
      `cannot make a folder for the token: ${(error as Error).message}. Name a file with --token-file.`,
    );
  }
}
