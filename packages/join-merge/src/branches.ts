import { checkFunction, demand, wrong } from "@holdfast/core";
import { type Body, Branch } from "./branch.js";
import { GraphError, show } from "./errors.js";

/** Things with names, in order: an object, or an iterable of pairs such as a `Map`. */
export type Named<T> = Readonly<Record<string, T>> | Iterable<readonly [name: string, value: T]>;

/** What `of` makes of each pair of `named`, in order. For messages `what` they are, and what `each` is that has a name. */
export function mapNamed<T, R>(
  named: Named<T>,
  what: string,
  each: string,
  of: (name: string, value: T, index: number) => R,
): R[] {
  demand(Object(named) === named && typeof named !== "function", `${what} must be an object or a Map`, named);
  if (isIterable(named))
    return Array.from(named, (pair: unknown, index) => {
      if (!Array.isArray(pair)) throw wrong(`each of the ${what} must be a pair [name, ${each}]`, pair);
      const [name, value] = pair as [string, T];
      return of(name, value, index);
    });
  return Object.keys(named).map((name, index) => of(name, named[name] as T, index));
}

export function isIterable<T>(named: Named<T>): named is Iterable<readonly [string, T]> {
  return Symbol.iterator in named;
}

/** The branches, in order. Throws for a name that comes twice, and for what is no function. */
export function branchesOf(named: Named<Body>): readonly Branch[] {
  const branches = mapNamed(named, "branches", "function", branchOf);
  // The names of an object differ.
  if (isIterable(named)) mapOf(branches);
  return branches;
}

export function branchOf(name: string, body: Body, index: number): Branch {
  demand(typeof name === "string", "the name of a branch must be a string", name);
  if (typeof body !== "function") checkFunction(body, `branch ${show(name)}`);
  return new Branch(name, body, index);
}

/** The branches by name. Throws for a name that comes twice. */
export function mapOf(branches: readonly Branch[]): ReadonlyMap<string, Branch> {
  const map = new Map<string, Branch>();
  for (const branch of branches) {
    const { name } = branch;
    if (map.has(name))
      throw new GraphError(`There are two branches ${show(name)}; names must differ`, "duplicate_name", [
        name,
      ]);
    map.set(name, branch);
  }
  return map;
}

/** What `of` makes of each branch, by name: in an object without prototype, or in a Map where names came in pairs. */
export function byName(branches: Iterable<Branch>, of: (branch: Branch) => unknown, asMap: boolean): object {
  if (asMap) {
    const map = new Map<string, unknown>();
    for (const each of branches) map.set(each.name, of(each));
    return map;
  }
  const object = Object.create(null) as Record<string, unknown>;
  for (const each of branches) object[each.name] = of(each);
  return object;
}
