import type { LockRequest } from "../request.js";
import { show } from "./show.js";

/** Two locks that are taken in both orders: some day two tasks will each hold one and wait for the other. */
export interface OrderInversion {
  readonly message: string;
  /** The lock that is asked for now. */
  readonly wanted: string;
  /** The lock that is held now, and was asked for before while `wanted` was held. */
  readonly held: string;
}

/** Remembers which locks were asked for while which were held, and reports the first time that forms a circle. */
export class LockOrder {
  readonly #after = new Map<string, Set<string>>();
  readonly #names = new WeakMap<object, number>();
  readonly #report: (inversion: OrderInversion) => void;
  readonly #maxEdges: number;
  #locks = 0;
  #edges = 0;

  // Keys may be without number; what is no longer learned can no longer be reported, that is all.
  constructor(report: (inversion: OrderInversion) => void, maxEdges: number = 100_000) {
    this.#report = report;
    this.#maxEdges = maxEdges;
  }

  /** Notes that `wanted` was asked for while `held` was held. */
  note(held: LockRequest, wanted: LockRequest): void {
    for (const from of this.#nodes(held)) for (const to of this.#nodes(wanted)) this.#add(from, to);
  }

  #add(from: string, to: string): void {
    const after = this.#after.get(from) ?? new Set<string>();
    if (from === to || after.has(to) || this.#edges >= this.#maxEdges) return;
    after.add(to);
    this.#after.set(from, after);
    this.#edges += 1;
    if (!this.#reaches(to, from)) return;
    const [wanted, held] = [shown(to), shown(from)];
    this.#report({
      message: `Lock order: ${wanted} is asked for while ${held} is held, and at another time the other way round`,
      wanted,
      held,
    });
  }

  #reaches(from: string, to: string, seen: Set<string> = new Set<string>()): boolean {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    for (const next of this.#after.get(from) ?? []) if (this.#reaches(next, to, seen)) return true;
    return false;
  }

  /** A name for each lock and key: the lock's number, because labels may repeat, and what people call it. */
  #nodes({ lock, keys }: LockRequest): string[] {
    const number = String(this.#number(lock));
    if (keys.length === 0) return [`${number}:${lock.name}`];
    // Objects are told apart by a number too: they may all be called the same.
    return keys.map((key) => {
      const which = Object(key) === key ? this.#number(key as object) : typeof key;
      return `${number}/${which}:${lock.name} ${show(key)}`;
    });
  }

  #number(object: object): number {
    let number = this.#names.get(object);
    if (number === undefined) this.#names.set(object, (number = this.#locks++));
    return number;
  }
}

function shown(node: string): string {
  return node.slice(node.indexOf(":") + 1);
}
