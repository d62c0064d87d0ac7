import { type LockEvent, type LockState, lockTable } from "./lock-table.js";
import { StateMachine } from "./state-table.js";

/** Who speaks to the agent: a handler answers somebody who waits, a worker does long work, background work is neither. */
export type Kind = "handler" | "background" | "worker";

/** What is known of a holder. */
export interface Holder {
  /** Greater than that of every holder before it. */
  readonly id: number;
  readonly kind: Kind;
  readonly label: string | undefined;
  /** `Date.now()` of when it came in. */
  readonly since: number;
}

/** Two would have spoken to one agent. */
export class HolderLeakError extends Error {
  override readonly name = "HolderLeakError";
}

/** Who speaks to the agent right now: one, or nobody. The table of the lock runs beside it. */
export class Holders<H extends Holder> {
  readonly #table: StateMachine<LockState, LockEvent>;
  readonly #onChange: () => void;
  #current: H | undefined;

  constructor(options: { readonly strict: boolean; readonly onChange: () => void }) {
    this.#table = new StateMachine(lockTable, "free", { name: "holders", strict: options.strict });
    this.#onChange = options.onChange;
  }

  get current(): H | undefined {
    return this.#current;
  }

  /** Who holds, if it is to be named: only what the worker does is of interest for long. */
  get owner(): string | undefined {
    return this.#current?.kind === "worker" ? this.#current.label : undefined;
  }

  /** Throws `HolderLeakError` if there is one already. */
  enter(holder: H): void {
    if (this.#current !== undefined)
      throw new HolderLeakError(
        `${describe(holder)} came in while ${describe(this.#current)} held the session`,
      );
    this.#table.take(holder.kind === "worker" ? "workerAcquire" : "handlerAcquire");
    this.#current = holder;
    this.#onChange();
  }

  /** Does nothing for one that is not there, or not any more. */
  leave(holder: H): void {
    if (this.#current !== holder) return;
    this.#table.take(holder.kind === "worker" ? "workerRelease" : "handlerRelease");
    this.#current = undefined;
    this.#onChange();
  }

  /** The session is taken from whoever has it. */
  evict(): void {
    this.#table.take("forceRelease");
    this.#current = undefined;
    this.#onChange();
  }
}

/** Names a holder, for people. */
export function describe({ kind, label, id }: Holder): string {
  return `${kind} ${label === undefined ? `#${id}` : `"${label}"`}`;
}
