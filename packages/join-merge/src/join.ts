import type { Branch as Unit } from "./branch.js";
import { branchesOf, byName, isIterable, type Named } from "./branches.js";
import { ByLevel } from "./by-level.js";
import type { BranchContext } from "./context.js";
import { type JoinMode, type JoinOptions, readSettings } from "./options.js";
import type { Settled } from "./record.js";
import { Run } from "./run.js";

/** The code of a branch; a promise, another thenable or a plain value are all fine. */
export type BranchFunction<T = unknown, C = BranchContext> = (context: C) => T | PromiseLike<T>;

/** Branches by name; in pairs where names are not known beforehand, or their order matters although they are numbers. */
export type Branches<C = BranchContext, T = unknown> = Named<BranchFunction<T, C>>;

/** What a branch makes. */
export type OutputOf<F> = F extends (...args: never) => infer R ? Awaited<R> : never;

/** The names and functions of branches. */
type Entry<B> = B extends Iterable<readonly [infer K, infer F]> ? [name: K, body: F] : never;

/** What `join` resolves to: what each branch made, or with `"wait-all"` what became of it. */
export type JoinResult<B, M extends JoinMode = "fail-fast"> =
  B extends Iterable<unknown>
    ? Map<Entry<B>[0], Outcome<OutputOf<Entry<B>[1]>, M>>
    : { -readonly [K in keyof B]: Outcome<OutputOf<B[K]>, M> };

/** What a join says of one branch. */
export type Outcome<T, M extends JoinMode> = M extends "wait-all" ? Settled<T> : T;

/**
 * Runs `branches` at the same time and resolves to what they made, by name, in the order in which they were declared.
 *
 * The value and the order of its keys, and with `failFast: "ordered"` (the default) which error it rejects with, its message and
 * the records up to the branch that failed, are those of running the branches one at a time, for every `concurrency` and every
 * order in which they end. Records of branches after that one, and with them `errors` and `partial`, say what had started by then.
 *
 * Branches start in the call, in order; those for which there is no slot yet start when one is free.
 *
 * **Cancel safety**: when the join is aborted or a branch fails, branches that run are told by `context.signal`, those that
 * have not started never do, and the join settles when all that started have (see `drain`).
 *
 * @param branches Functions by name: an object, or pairs (a `Map`), for which the result is a `Map`.
 * @returns With `mode: "wait-all"` an outcome for each branch, and it never rejects for one that fails.
 * @throws By rejecting: `JoinError` if a branch failed, `signal.reason` itself, `TimeoutError`. At once: `TypeError` or
 * `RangeError` for wrong arguments, `GraphError` for a name that comes twice.
 *
 * @example
 * ```ts
 * import { join } from "@holdfast/join-merge";
 *
 * const both = await join({
 *   user: async () => ({ name: "Ada" }),
 *   posts: () => ["first", "second"],
 * });
 * console.log(both.user.name, both.posts.length); // => Ada 2
 * ```
 */
export function join<B extends Branches, M extends JoinMode = "fail-fast">(
  branches: B,
  options?: JoinOptions<M>,
): Promise<JoinResult<B, M>> {
  const units = branchesOf(branches);
  const settings = readSettings(options, units);
  const run = new Run(units, settings, {
    schedule: new ByLevel([units]),
    result: () => outcomes(units, settings.waitAll, isIterable(branches)),
  });
  return run.start() as Promise<JoinResult<B, M>>;
}

/** The values by name, or with `wait-all` what became of each. */
export function outcomes(units: readonly Unit[], waitAll: boolean, asMap: boolean): object {
  return byName(units, waitAll ? settledOf : valueOf, asMap);
}

function valueOf({ result }: Unit): unknown {
  return result;
}

function settledOf(unit: Unit): unknown {
  const { name: _name, index: _index, settled: _settled, ...outcome } = unit.record();
  return outcome;
}
