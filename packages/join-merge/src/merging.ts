import { demand, keep } from "@holdfast/core";
import type { Branch } from "./branch.js";
import { KeyCollisionError, ReducerError } from "./errors.js";
import { type Isolation, isolations, seal, view } from "./isolate.js";
import { Merge, type Relation } from "./merge.js";
import { checkOneOf } from "./options.js";
import { type MergeOptions, mergeOptions, readRules, type Rules } from "./rules.js";
import type { Run } from "./run.js";
import { checkOutput, type Output } from "./store.js";

/** What joins that merge have besides. */
export interface IntoOptions<Base, Keys> extends MergeOptions<Keys> {
  /** What the outputs are merged into; it is not changed. Default `{}`. A `Map` makes the value one, and outputs may be. */
  readonly base?: Base | undefined;
  /** Default `"none"`. */
  readonly isolate?: Isolation | undefined;
}

export const intoOptions: readonly string[] = [...mergeOptions, "base", "isolate"];

/** How a branch that has a key stands to one that had it before. */
export type Relate = (by: Branch, over: Branch) => Relation;

const apart: Relate = () => "sibling";

const givenTo = (branch: Branch): Output => branch.base as Output;

/** The merge of a run. */
export class Merging {
  static {
    keep(new Merging(undefined));
  }

  readonly isolation: Isolation;
  readonly #base: Output;
  readonly #rules: Rules;
  readonly #relate: Relate;
  readonly #merge: Merge<Branch>;
  #alone: object | undefined;
  #soFar: object | undefined;
  // What reducers threw when a branch was to be shown its base.
  #thrown: Set<unknown> | undefined;

  constructor(options: IntoOptions<object, unknown> | undefined, relate: Relate = apart) {
    const { base = {}, isolate } = options ?? {};
    demand(Object(base) === base, "options.base must be an object or a Map", base);
    checkOneOf("isolate", isolate, isolations);
    this.isolation = isolate ?? "none";
    this.#base = base as Output;
    this.#rules = readRules(options);
    this.#relate = relate;
    this.#merge = this.#begin();
  }

  /** What has been merged so far. */
  get value(): object {
    return this.#merge.value;
  }

  accept(branch: Branch, value: unknown): void {
    if (value == null && this.#rules.allowNothing) return;
    checkOutput(value, branch.name, this.#base instanceof Map);
  }

  /** The base for a branch that comes after no other. */
  baseAlone(): object {
    return this.#forEach((this.#alone ??= this.#forAll(this.#base)));
  }

  /** The base for a branch that comes after these. */
  baseAfter(branches: readonly Branch[]): object {
    if (branches.length === 0) return this.baseAlone();
    const merge = this.#begin();
    try {
      // Collisions that are not allowed are for the merge in the end to tell.
      merge.add(branches, givenTo);
    } catch (error) {
      if (error instanceof ReducerError) (this.#thrown ??= new Set()).add(error);
      throw error;
    }
    if (this.isolation === "clone") return view(merge.value as Output, "clone");
    return seal(merge.value, this.isolation);
  }

  /** The base for all branches of a level: what there was when the level began, whenever they look. */
  baseSoFar(): object {
    return this.#forEach((this.#soFar ??= this.#forAll(this.value as Output)));
  }

  /** Adds what a level made. The next one sees it. */
  addLevel(branches: readonly Branch[], run: Run): void {
    this.add(branches, run);
    this.#soFar = undefined;
  }

  /** Adds what these branches made. If that cannot be, those to blame have failed. */
  add(branches: readonly Branch[], run: Run): void {
    try {
      this.#merge.add(branches, givenTo);
      for (const { collision, unordered } of this.#merge.check()) {
        const level = collision.policy === "warn" || unordered ? "warning" : "debug";
        run.tell({ type: "collision", level, collision, unordered });
      }
    } catch (error) {
      this.#blame(error, run);
      throw error;
    }
  }

  /** What a reducer threw, if `branch` failed because it could not be shown its base: not it has failed then, but whose value that was. */
  faultOfOthers(branch: Branch, run: Run): Error | undefined {
    const { result } = branch;
    if (this.#thrown?.has(result) !== true) return undefined;
    for (const each of run.branches)
      if (each.status === "failed" && this.#thrown.has(each.result)) each.excuse();
    this.#blame(result, run);
    return result as Error;
  }

  #forAll(values: Output): object {
    return view(values, this.isolation === "freeze" ? "freeze" : "none");
  }

  /** What was made for all, for one of them. */
  #forEach(shared: object): object {
    return this.isolation === "clone" ? view(shared as Output, "clone") : shared;
  }

  #begin(): Merge<Branch> {
    return new Merge(this.#base, this.#rules, this.#relate);
  }

  #blame(error: unknown, run: Run): void {
    const names =
      error instanceof KeyCollisionError
        ? error.collisions.map(({ by }) => by)
        : error instanceof ReducerError
          ? [error.branch]
          : [];
    for (const each of run.branches) if (names.includes(each.name)) each.fail(error);
    // A getter would keep the whole run alive.
    if (names.length > 0) Object.assign(error as object, { records: run.records() });
  }
}
