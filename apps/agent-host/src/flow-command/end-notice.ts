import { type BoardChange, isWithin } from "./live-board.js";

interface EndNoticeOptions {
  readonly say: (line: string) => void;
  /** How long what was told to stop is waited for. */
  readonly graceMs: number;
}

/** Tells people who end a run whom it waits for and, if they do not wait, how to go on with it. */
export class EndNotice implements Disposable {
  readonly #options: EndNoticeOptions;
  readonly #running = new Set<string>();
  /** What to type, as long as there is something to go on with and the end has not said it itself. */
  goOn: string | undefined;

  constructor(options: EndNoticeOptions) {
    this.#options = options;
  }

  tell(change: BoardChange | undefined): void {
    if (change?.type === "runs") this.#running.add(change.step);
    else if (change?.type === "waits") this.#running.delete(change.step);
    else if (change?.type === "over")
      for (const name of this.#running)
        if (name === change.step || isWithin(name, change.step)) this.#running.delete(name);
  }

  /** Before the run is told. */
  told(reason: Error): void {
    const { say, graceMs } = this.#options;
    const waits = `; waits for ${[...this.#running].join(", ")}, at most ${graceMs / 1000} s`;
    say(`agent-host: ${reason.message}${this.#running.size === 0 ? "" : waits}; once more ends at once`);
    process.on("exit", this.#exit);
  }

  [Symbol.dispose](): void {
    process.off("exit", this.#exit);
  }

  readonly #exit = (): void => {
    if (this.goOn !== undefined) this.#options.say(this.goOn);
  };
}
