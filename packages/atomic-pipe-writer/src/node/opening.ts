import { close, constants, fstat, open } from "node:fs";
import { LockState, type Place, timedOut, Waiter, type WaitOptions } from "@holdfast/core";

const shortestPause = 5;
const longestPause = 500;

/**
 * Opens a FIFO for writing without waiting within the system call, which would occupy one of the few threads that all file
 * access shares: as long as there is no reader it tries again, less and less often.
 */
export class Opening implements Place<number> {
  readonly #path: string;
  readonly #state: LockState;
  readonly #waiter: Waiter<number>;
  // No timer, and no wait at all.
  readonly #once: boolean;
  #timer: NodeJS.Timeout | undefined;
  #pause = shortestPause;
  #fd = -1;
  #over = false;

  constructor(path: string, options: WaitOptions = {}) {
    this.#path = path;
    this.#state = new LockState("FIFO", path, ["", ""], Infinity);
    this.#once = options.timeout === 0;
    const timeout = this.#once ? undefined : options.timeout;
    this.#waiter = new Waiter<number>(this, this.#state, { ...options, timeout });
    this.#try();
  }

  get promise(): Promise<number> {
    return this.#waiter.promise;
  }

  withdraw(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  issue(): number {
    return this.#fd;
  }

  #try(): void {
    open(this.#path, constants.O_WRONLY | constants.O_NONBLOCK, (error, fd) => {
      if (error === null) this.#check(fd);
      else if (error.code === "ENXIO") this.#retry();
      else this.#waiter.fail(error);
    });
  }

  /** There is no reader yet. */
  #retry(): void {
    if (this.#once) this.#waiter.fail(timedOut(this.#state, 0));
    if (this.#over) return;
    this.#timer = setTimeout(() => {
      this.#try();
    }, this.#pause);
    this.#pause = Math.min(this.#pause * 2, longestPause);
  }

  #check(fd: number): void {
    fstat(fd, (error, stats) => {
      if (error !== null) this.#waiter.fail(error);
      else if (!stats.isFIFO())
        this.#waiter.fail(new TypeError(`path must be a FIFO, received "${this.#path}"`));
      // Nobody waits for it any more, or it is of no use.
      if (this.#over) {
        close(fd);
        return;
      }
      this.#fd = fd;
      this.#waiter.admit();
    });
  }
}
