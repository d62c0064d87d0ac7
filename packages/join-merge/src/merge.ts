import { type Collision, KeyCollisionError, ReducerError } from "./errors.js";
import type { BaseRule, Reducer, Rules, SiblingRule } from "./rules.js";
import { keysOf, type Output, type Store, storeOf, hasKey, valueOf } from "./store.js";

/** How a branch stands to one that had a key before it: apart from it, after it, or after it only by level. */
export type Relation = "sibling" | "base" | "unordered";

/** Who adds an output. */
interface Named {
  readonly name: string;
}

/** A collision that was allowed. */
export interface Allowed {
  readonly collision: Collision;
  readonly unordered: boolean;
}

/**
 * One merge into one base: every path that adds outputs to something goes through here.
 *
 * Walks each output once. Who wrote which key is found out at the first collision, and kept up to date from then on.
 */
export class Merge<Owner extends Named = Named> {
  readonly #rules: Rules;
  readonly #store: Store;
  readonly #relate: (by: Owner, over: Owner) => Relation;
  readonly #added: (readonly [owner: Owner, output: Output])[] = [];
  #owners: Map<string, Owner> | undefined;
  #allowed: Allowed[] = [];
  #refused: Collision[] = [];

  constructor(base: Output, rules: Rules, relate: (by: Owner, over: Owner) => Relation = () => "sibling") {
    this.#rules = rules;
    this.#store = storeOf(base);
    this.#relate = relate;
    // Who returns a key unchanged does not own it.
    if (rules.delta) this.#owners = new Map();
  }

  get value(): object {
    return this.#store.value;
  }

  /** Adds an output, made from `given`. */
  add(owner: Owner, output: Output, given: Output): void {
    const store = this.#store;
    const { delta } = this.#rules;
    // The keys that it does not own; hardly ever any.
    let left: Set<string> | undefined;
    for (const key of keysOf(output)) {
      const incoming = valueOf(output, key);
      if (delta && this.#isUnchanged(given, key, incoming)) (left ??= new Set()).add(key);
      else if (!store.has(key)) store.set(key, incoming);
      else if (!this.#collide(key, incoming, owner)) (left ??= new Set()).add(key);
    }
    if (this.#owners !== undefined) own(this.#owners, owner, output, left);
    this.#added.push([owner, output]);
  }

  /** The collisions since the last call that a rule allows. Throws if there is one that none does. */
  check(): readonly Allowed[] {
    if (this.#refused.length > 0) throw new KeyCollisionError(byKey(this.#refused));
    const allowed = this.#allowed;
    this.#allowed = [];
    return allowed;
  }

  #isUnchanged(given: Output, key: string, incoming: unknown): boolean {
    const same = this.#rules.equal ?? Object.is;
    return hasKey(given, key) && same(valueOf(given, key), incoming);
  }

  /** Two values for one key. Tells whether `by` owns it now. */
  #collide(key: string, incoming: unknown, by: Owner): boolean {
    const existing = this.#store.get(key);
    const over = this.#ownerOf(key);
    if (this.#rules.equal?.(existing, incoming) === true) return false;
    const relation = over === null ? "base" : this.#relate(by, over);
    const kind = relation === "sibling" ? "sibling" : "base";
    const rule: Rule = this.#rules[kind](key);
    const policy = typeof rule === "function" ? "reduce" : rule;
    const collision = { key, kind, by: by.name, over: over?.name ?? null, policy } as const;
    if (policy === "error") this.#refused.push(collision);
    else this.#allowed.push({ collision, unordered: relation === "unordered" });
    if (policy === "error" || policy === "first") return false;
    this.#store.set(key, typeof rule === "function" ? fold(rule, existing, incoming, collision) : incoming);
    return true;
  }

  #ownerOf(key: string): Owner | null {
    if (this.#owners === undefined) {
      this.#owners = new Map();
      for (const [owner, output] of this.#added) own(this.#owners, owner, output);
    }
    return this.#owners.get(key) ?? null;
  }
}

type Rule = BaseRule | SiblingRule | Reducer<unknown, unknown>;

/** Notes who owns the keys of its output, but for those `left` to others. */
function own<Owner>(
  owners: Map<string, Owner>,
  owner: Owner,
  output: Output,
  left?: ReadonlySet<string>,
): void {
  for (const key of keysOf(output)) if (left?.has(key) !== true) owners.set(key, owner);
}

function fold(
  reducer: Reducer<unknown, unknown>,
  existing: unknown,
  incoming: unknown,
  { key, by, over }: Collision,
): unknown {
  try {
    return reducer(existing, incoming, { key, existingOwner: over, incomingOwner: by });
  } catch (error) {
    throw new ReducerError(key, by, error);
  }
}

/** Those of one key together, in the order in which keys first collided. */
function byKey(collisions: readonly Collision[]): readonly Collision[] {
  const groups = new Map<string, Collision[]>();
  for (const each of collisions) {
    const group = groups.get(each.key);
    if (group === undefined) groups.set(each.key, [each]);
    else group.push(each);
  }
  return [...groups.values()].flat();
}
