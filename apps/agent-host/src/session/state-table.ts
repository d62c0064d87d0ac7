/** For each state the events that it takes, and the states they lead to. What is not in it is refused. */
export type StateTable<S extends string, E extends string> = Readonly<
  Record<S, Readonly<Partial<Record<E, S>>>>
>;

export interface StateMachineOptions {
  /** What it is the state of, in messages. */
  readonly name: string;
  /** Whether an event that the table does not have throws. It is a mistake in our own code; in production it is counted. */
  readonly strict: boolean;
}

/** An event came in a state whose row does not have it. */
export class TransitionError extends Error {
  override readonly name = "TransitionError";
}

/** Walks through a table, and nowhere else. */
export class StateMachine<S extends string, E extends string> {
  readonly #table: StateTable<S, E>;
  readonly #start: S;
  readonly #options: StateMachineOptions;
  #state: S;
  #refused = 0;

  constructor(table: StateTable<S, E>, start: S, options: StateMachineOptions) {
    this.#table = table;
    this.#start = start;
    this.#state = start;
    this.#options = options;
  }

  get state(): S {
    return this.#state;
  }

  /** How many events were refused so far. */
  get refused(): number {
    return this.#refused;
  }

  /** Takes an event; says whether the table has it. If not, the state stays as it is. */
  take(event: E): boolean {
    const next = this.#table[this.#state][event];
    if (next === undefined) {
      this.#refused += 1;
      const { name, strict } = this.#options;
      if (strict)
        throw new TransitionError(`${name}: "${event}" is not possible in the state "${this.#state}"`);
      return false;
    }
    this.#state = next;
    return true;
  }

  /** Starts anew, from whatever state: what it was the state of was replaced. Not a transition, so in no table. */
  reset(): void {
    this.#state = this.#start;
  }
}
