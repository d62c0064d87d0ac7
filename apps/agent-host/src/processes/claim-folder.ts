import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type Candidates,
  IdCandidatesExhaustedError,
  IdReservations,
  type Reservation,
} from "@holdfast/id-reservation";

export interface ClaimFolderOptions {
  /** The ids of this process. Share one among all roots whose ids must differ. Default: nobody else is about. */
  readonly ids?: IdReservations;
  /** Shown to those who come too late. */
  readonly label?: string;
  /** How many names to try at most. Default 10,000. */
  readonly maxAttempts?: number;
}

/** An id and its folder, both nobody else's, until `commit()` makes them so for good or `abandon()` gives both up. */
export class ClaimedFolder implements AsyncDisposable {
  readonly reservation: Reservation;
  readonly path: string;
  #abandoned: Promise<void> | undefined;

  constructor(reservation: Reservation, path: string) {
    this.reservation = reservation;
    this.path = path;
  }

  get id(): string {
    return this.reservation.id;
  }

  /** Keeps the id and the folder. */
  commit(): void {
    if (this.#abandoned !== undefined && this.reservation.state === "pending")
      throw new TypeError(
        `The folder of ${JSON.stringify(this.id)} is being removed, and cannot be committed`,
      );
    this.reservation.commit();
  }

  /** Nothing came of it: removes the folder and then frees the id. Does nothing once the id is committed or sealed. */
  abandon(): Promise<void> {
    // Once only: by the second time the folder may be somebody else's.
    this.#abandoned ??= this.#remove();
    return this.#abandoned;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.abandon();
  }

  async #remove(): Promise<void> {
    if (this.reservation.state !== "pending") return;
    try {
      await rm(this.path, { recursive: true, force: true });
    } finally {
      this.reservation.release();
    }
  }
}

/**
 * Claims the first of `names` that is free in this process and has no folder in `root` yet, and makes that folder. So
 * nobody gets an id whose record is still on disk: not after a restart, and not in another process.
 *
 * The first name is reserved before this returns, so that names go in the order of the calls.
 *
 * @throws `IdCandidatesExhaustedError`, `TypeError` for a name that is no name of a folder, and whatever the file system
 * has to say, by rejecting; the id is free again then.
 */
export async function claimFolder(
  root: string,
  names: Candidates<string>,
  { ids = new IdReservations(), label, maxAttempts = 10_000 }: ClaimFolderOptions = {},
): Promise<ClaimedFolder> {
  if (!(maxAttempts >= 1)) throw new RangeError(`maxAttempts must be at least 1, received ${maxAttempts}`);
  let attempts = 0;
  let last: string | undefined;
  for (const name of typeof names === "function" ? calls(names) : names) {
    checkName(name);
    const path = join(root, name);
    const reservation = ids.tryReserve(name, { label });
    if (reservation !== null) {
      if (await makes(path, reservation)) return new ClaimedFolder(reservation, path);
    }
    attempts += 1;
    last = name;
    if (attempts >= maxAttempts) break;
  }
  throw new IdCandidatesExhaustedError(attempts, last);
}

/** Makes a folder that is not there yet; otherwise gives the reservation back. */
async function makes(path: string, reservation: Reservation): Promise<boolean> {
  try {
    await make(path).catch(async (error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
      await mkdir(dirname(path), { recursive: true });
      await make(path);
    });
    return true;
  } catch (error) {
    reservation.release();
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Not recursive: that would be content with a folder that is there. */
async function make(path: string): Promise<void> {
  await mkdir(path);
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** A name with a separator would be a folder elsewhere. */
function checkName(name: string): void {
  if (/^\.{0,2}$|[/\\\0]/.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name for a folder`);
}

function* calls(names: (attempt: number) => string | undefined): Generator<string, void> {
  for (let attempt = 0, name; (name = names(attempt)) !== undefined; attempt += 1) yield name;
}
