import { Mutex } from "@holdfast/keyed-mutex";

/** Writes down a state that changes, one write at a time, each of what is newest: several changes may need only one. */
export class LatestWriter {
  readonly #write: (sequence: number) => Promise<void>;
  readonly #turn = new Mutex({ label: "checkpoint" });
  #changed: number;
  #written: number;

  /** `write` gets the number of the latest change; `sequence` is that of what is written already. */
  constructor(write: (sequence: number) => Promise<void>, sequence = 0) {
    this.#write = write;
    this.#changed = this.#written = sequence;
  }

  /** Notes that there is something new. */
  changed(): void {
    this.#changed += 1;
  }

  /** Resolves when all changes so far are written. Rejects if they cannot be. */
  async written(): Promise<void> {
    const wanted = this.#changed;
    if (this.#written >= wanted) return;
    using _turn = await this.#turn.acquire();
    // Whoever was here before may have written this, too.
    if (this.#written >= wanted) return;
    const sequence = this.#changed;
    await this.#write(sequence);
    this.#written = sequence;
  }
}
