import type { EventSink, RunEvent } from "./events.js";

/** A sink that keeps what it is told. */
export interface Keeper extends EventSink {
  readonly name: string;
}

/** Tells everybody. What is told is kept as long as one of those who keep it does. */
export class Sinks implements EventSink {
  readonly #keepers: readonly Keeper[];
  readonly #watchers: readonly ((event: RunEvent) => void)[];
  readonly #warn: (message: string) => void;
  readonly #failed = new Set<Keeper>();
  #lastError: unknown;

  constructor(
    keepers: readonly Keeper[],
    watchers: readonly ((event: RunEvent) => void)[],
    warn: (message: string) => void,
  ) {
    this.#keepers = keepers;
    this.#watchers = watchers;
    this.#warn = warn;
  }

  tell(event: RunEvent): void {
    for (const keeper of this.#keepers) if (!this.#failed.has(keeper)) keeper.tell(event);
    for (const watch of this.#watchers) watch(event);
  }

  /** Rejects with what the last of them said when none is left. */
  async flushed(): Promise<void> {
    const left = this.#keepers.filter((keeper) => !this.#failed.has(keeper));
    const check = async (keeper: Keeper): Promise<void> => {
      try {
        await keeper.flushed();
      } catch (error) {
        if (!this.#failed.has(keeper)) this.#warn(`${keeper.name}: ${(error as Error).message}`);
        this.#failed.add(keeper);
        this.#lastError = error;
      }
    };
    await Promise.all(left.map(check));
    if (this.#keepers.length > 0 && this.#failed.size === this.#keepers.length) throw this.#lastError;
  }
}
