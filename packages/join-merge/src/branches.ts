import { checkFunction, demand } from "@holdfast/core";
import { type Body, Branch } from "./branch.js";
import { GraphError, show } from "./errors.js";

/** Things with names, in order: an object, or an iterable of pairs such as a `Map`. */
export type Named<T> = Readonly<Record<string, T>> | Iterable<readonly [name: string, value: T]>;

/** The pairs of `named`, in order. */
export function entriesOf<T>(named: Named<T>, what: string): readonly (readonly [string, T])[] {
  demand(Object(named) === named && typeof named !== "function", `${what} must be an object or a Map`, named);
  return isIterable(named) ? [...named] : Object.entries(named);
}

export function isIterable<T>(named: Named<T>): named is Iterable<readonly [string, T]> {
  return Symbol.iterator in named;
}

/** The branches by name. Throws for a name that comes twice, and for what is no function. */
export function branchesOf(named: Named<Body>): Map<string, Branch> {
  const branches = new Map<string, Branch>();
  for (const [name, body] of entriesOf(named, "branches")) addBranch(branches, name, body);
  return branches;
}

export function addBranch(branches: Map<string, Branch>, name: string, body: Body): Branch {
  demand(typeof name === "string", "the name of a branch must be a string", name);
  checkFunction(body, `branch ${show(name)}`);
  if (branches.has(name))
    throw new GraphError(`There are two branches ${show(name)}; names must differ`, "duplicate_name", [name]);
  const branch = new Branch(name, branches.size, body);
  branches.set(name, branch);
  return branch;
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
