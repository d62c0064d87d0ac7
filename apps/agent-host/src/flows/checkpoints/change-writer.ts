import { Mutex } from "@holdfast/keyed-mutex";

/** Where a state is kept that changes. */
export interface ChangeStore<Change> {
  /** Keeps all of it, in the place of what was there. */
  whole(sequence: number): Promise<void>;
  /** Keeps changes besides what is there. */
  add(changes: readonly Change[], sequence: number): Promise<void>;
}

/**
 * Writes down a state that changes, one write at a time: first all of it, then only what has changed since. What comes while a write is
 * under way goes into the next one.
 */
export class ChangeWriter<Change> {
  readonly #store: ChangeStore<Change>;
  readonly #turn = new Mutex({ label: "checkpoint" });
  #unwritten: Change[] = [];
  #changed: number;
  #written: number;
  /** Whether what is kept is whole, so that it can be added to. */
  #isWhole = false;

  /** `sequence`: the number of the latest change that is written already. */
  constructor(store: ChangeStore<Change>, sequence = 0) {
    this.#store = store;
    this.#changed = this.#written = sequence;
  }

  changed(change: Change): void {
    this.#changed += 1;
    this.#unwritten.push(change);
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

  /** Writes all of it, as it is before anything changes. */
  async begin(): Promise<void> {
    using _turn = await this.#turn.acquire();
    await this.#write(this.#written);
  }

  async #write(sequence: number): Promise<void> {
    const changes = this.#unwritten;
    this.#unwritten = [];
    const canAdd = this.#isWhole;
    // After a write that fails nobody knows what is there.
    this.#isWhole = false;
    await (canAdd ? this.#store.add(changes, sequence) : this.#store.whole(sequence));
    this.#isWhole = true;
  }
}
