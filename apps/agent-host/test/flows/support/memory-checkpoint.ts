import { ChangeWriter } from "../../../src/flows/checkpoints/change-writer.js";
import { Journal } from "../../../src/flows/pipelines/checkpoint/journal.js";
import {
  readChange,
  type SavedChange,
  savedChange,
  type SavedJournal,
} from "../../../src/flows/pipelines/checkpoint/saved.js";
import type { RunCheckpoint } from "../../../src/flows/pipelines/run/run-checkpoint.js";

/** What the disk of one process holds of a run, which may be taken away from it at any moment. */
export class MemoryCheckpoint implements RunCheckpoint {
  readonly journal: Journal;
  readonly #writer: ChangeWriter<SavedChange>;
  /** All of it at first, then changes. */
  readonly #lines: string[] = [];
  #isDead = false;

  /** `text`: what an earlier process has left. */
  constructor(text?: string) {
    if (text !== undefined) this.#lines.push(text);
    this.#writer = new ChangeWriter<SavedChange>({
      whole: () => this.#write(0, JSON.stringify(this.journal.saved())),
      add: (changes) => this.#write(this.#lines.length, JSON.stringify(changes)),
    });
    const saved = text === undefined ? undefined : (JSON.parse(text) as SavedJournal);
    this.journal = new Journal((change, within) => {
      this.#writer.changed(savedChange(change, within));
    }, saved);
  }

  /** What another process makes of it. */
  get text(): string | undefined {
    const [first, ...later] = this.#lines;
    if (first === undefined) return undefined;
    const journal = new Journal(undefined, JSON.parse(first) as SavedJournal);
    for (const change of later.flatMap((line) => JSON.parse(line) as SavedChange[]))
      journal.replay(readChange(change), change.within);
    return JSON.stringify(journal.saved());
  }

  /** Nothing is written from now on, as after `kill -9`. */
  die(): void {
    this.#isDead = true;
  }

  written(): Promise<void> {
    return this.#writer.written();
  }

  async #write(at: number, line: string): Promise<void> {
    // A write takes a while, and until then it is not there.
    await Promise.resolve();
    if (!this.#isDead) this.#lines.splice(at, Infinity, line);
  }
}
