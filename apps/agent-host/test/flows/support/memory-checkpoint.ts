import { LatestWriter } from "../../../src/flows/checkpoints/latest-writer.js";
import { Journal } from "../../../src/flows/pipelines/checkpoint/journal.js";
import type { SavedJournal } from "../../../src/flows/pipelines/checkpoint/saved.js";
import type { RunCheckpoint } from "../../../src/flows/pipelines/run/run-checkpoint.js";

/** What the disk of one process holds of a run, which may be taken away from it at any moment. */
export class MemoryCheckpoint implements RunCheckpoint {
  readonly journal: Journal;
  readonly #writer: LatestWriter;
  #text: string | undefined;
  #isDead = false;

  /** `text`: what an earlier process has left. */
  constructor(text?: string) {
    this.#text = text;
    this.#writer = new LatestWriter(async () => {
      const whole = JSON.stringify(this.journal.saved());
      // A write takes a while, and until then it is not there.
      await Promise.resolve();
      if (!this.#isDead) this.#text = whole;
    });
    const saved = text === undefined ? undefined : (JSON.parse(text) as SavedJournal);
    this.journal = new Journal(() => {
      this.#writer.changed();
    }, saved);
  }

  get text(): string | undefined {
    return this.#text;
  }

  /** Nothing is written from now on, as after `kill -9`. */
  die(): void {
    this.#isDead = true;
  }

  written(): Promise<void> {
    return this.#writer.written();
  }
}
