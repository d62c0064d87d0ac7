import { keep } from "@holdfast/core";
import { type Collision, KeyCollisionError, ReducerError } from "./errors.js";
import type { BaseRule, Reducer, Rules, SiblingRule } from "./rules.js";
import { hasKey, keysOf, type Output, type Store, storeOf, valueOf } from "./store.js";

/** How a branch stands to one that had a key before it: apart from it, after it, or after it only by level. */
export type Relation = "sibling" | "base" | "unordered";

/** Who adds an output. */
export interface Contributor {
  readonly name: string;
  /** The output, checked; nothing if it adds nothing. */
  readonly result: unknown;
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
export class Merge<Owner extends Contributor = Contributor> {
  static {
    keep(new Merge({}, {} as never));
  }

  readonly #rules: Rules;
  readonly #store: Store;
  readonly #relate: (by: Owner, over: Owner) => Relation;
  readonly #added: (readonly Owner[])[] = [];
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

  /** Adds what each of `owners` has made, from what `givenTo` says that it was given. */
  add(owners: readonly Owner[], givenTo: (owner: Owner) => Output): void {
    this.#added.push(owners);
    for (const owner of owners) {
      const output = outputOf(owner);
      for (const key of keysOf(output)) this.#put(key, valueOf(output, key), owner, givenTo);
    }
  }

  /** The collisions since the last call that a rule allows. Throws if there is one that none does. */
  check(): readonly Allowed[] {
    if (this.#refused.length > 0) throw new KeyCollisionError(byKey(this.#refused));
    const allowed = this.#allowed;
    this.#allowed = [];
    return allowed;
  }

  #put(key: string, value: unknown, owner: Owner, givenTo: (owner: Owner) => Output): void {
    if (this.#rules.delta && this.#isUnchanged(givenTo(owner), key, value)) return;
    if (!this.#store.has(key)) this.#store.set(key, value);
    else if (!this.#collide(key, value, owner)) return;
    this.#owners?.set(key, owner);
  }

  #isUnchanged(given: Output, key: string, incoming: unknown): boolean {
    const same = this.#rules.equal ?? Object.is;
    return hasKey(given, key) && same(valueOf(given, key), incoming);
  }

  /** Two values for one key. Tells whether `by` owns it now. */
  #collide(key: string, incoming: unknown, by: Owner): boolean {
    const existing = this.#store.get(key);
    const over = this.#ownerOf(key, by);
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

  /** Whose value `key` has, to which `by` comes. */
  #ownerOf(key: string, by: Owner): Owner | null {
    this.#owners ??= this.#ownersUpTo(key, by);
    return this.#owners.get(key) ?? null;
  }

  /** Who owns which key at the first collision: whoever has it in its output. */
  #ownersUpTo(key: string, by: Owner): Map<string, Owner> {
    const owners = new Map<string, Owner>();
    for (const owner of this.#added.flat())
      for (const each of keysOf(outputOf(owner))) {
        if (owner === by && each === key) return owners;
        owners.set(each, owner);
      }
    return owners;
  }
}

const nothing: Output = {};

function outputOf({ result }: Contributor): Output {
  return (result ?? nothing) as Output;
}

type Rule = BaseRule | SiblingRule | Reducer<unknown, unknown>;

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
