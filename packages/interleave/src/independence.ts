import { areDependent } from "./action.js";
import type { Action } from "./action.js";

/*
 * Reduction by independence.
 *
 * The unit is a block: the steps from one settled point to the next, with the gaps between them. A block
 * touches what its steps touch. Two blocks that touch nothing in common lead to the same state in either
 * order, so the order that was explored first stands for both (sleep sets). A block whose own steps fall into
 * groups with nothing in common is the same as those groups one after the other, so only connected blocks are
 * explored.
 */

/** A block that has been explored from some settled point. */
export interface Block {
  readonly key: string;
  readonly actions: readonly Action[];
}

/** What is known at a settled point where a block begins. */
export interface Origin {
  /** Blocks that need not be explored from here. */
  readonly asleep: readonly Block[];
  /** Blocks that have been explored from here, with all that follows. */
  readonly done: Block[];
  /** The block that is being explored now, once it is whole. */
  current: Block | undefined;
}

/** An origin for the point after `current` of another origin: what commutes with that block stays asleep. */
export function follow(origin: Origin | undefined): Origin {
  const asleep: Block[] = [];
  const block = origin?.current;
  if (origin !== undefined && block !== undefined) {
    for (const other of origin.asleep) if (areIndependent(other, block)) asleep.push(other);
    for (const other of origin.done) if (areIndependent(other, block)) asleep.push(other);
  }
  return { asleep, done: [], current: undefined };
}

function areIndependent(a: Block, b: Block): boolean {
  return !a.actions.some((action) => b.actions.some((other) => areDependent(action, other)));
}

/** The block that is being put together. */
export class OpenBlock {
  #key = "";
  readonly #actions: Action[] = [];
  #mayBeKept = true;

  reset(): void {
    this.#key = "";
    this.#actions.length = 0;
    this.#mayBeKept = true;
  }

  add(action: Action): void {
    this.#actions.push(action);
    this.#key += String(action.id);
    // A timer's number depends on which timers were set before it, so only a block that began with it can
    // tell it from another.
    if (action.kind === "timer" && this.#actions.length > 1) this.#mayBeKept = false;
  }

  addGap(gap: number): void {
    this.#key += `+${gap} `;
  }

  /** The block makes choices of its own, and is not the same each time. */
  keepNot(): void {
    this.#mayBeKept = false;
  }

  /** Whether the block, if it settles now, has been explored from its origin in another order. */
  isAsleep(origin: Origin): boolean {
    return this.#actions.length > 0 && origin.asleep.some(({ key }) => key === this.#key);
  }

  /** Whether the block would be asleep if it were this one action. */
  isAsleepWith(origin: Origin, action: Action): boolean {
    return origin.asleep.some(({ key }) => key === String(action.id));
  }

  isDependentOn(action: Action): boolean {
    return this.#actions.some((other) => areDependent(action, other));
  }

  isConnected(): boolean {
    const [first, ...rest] = this.#actions;
    if (first === undefined || rest.length === 0) return true;
    const reached = [first];
    let left = rest;
    for (const from of reached) {
      for (const action of left) if (areDependent(from, action)) reached.push(action);
      left = left.filter((action) => !areDependent(from, action));
    }
    return left.length === 0;
  }

  /** The finished block; undefined if it may not be recognized when it comes again. */
  close(): Block | undefined {
    return this.#mayBeKept ? { key: this.#key, actions: [...this.#actions] } : undefined;
  }
}
