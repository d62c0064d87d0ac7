import {
  checkFunction,
  checkWaitOptions,
  demand,
  type Governor,
  readLimit,
  type WaitOptions,
  wrong,
} from "@holdfast/core";
import type { Branch } from "./branch.js";
import { type BranchContext, Context } from "./context.js";
import { checkKnown, suggestion } from "./names.js";
import { show } from "./errors.js";
import type { JoinReport } from "./record.js";

/** With `"fail-fast"` a failure ends the join, with `"wait-all"` all branches run to their end whatever others do. */
export type JoinMode = "fail-fast" | "wait-all";

/** `signal` and `timeout` limit the whole join; branches that run by then are told to stop. */
export interface JoinOptions<M extends JoinMode = JoinMode> extends WaitOptions {
  /** Default `"fail-fast"`. */
  readonly mode?: M | undefined;
  /**
   * Which failure ends the join. `"ordered"` (default): the one that would come first if the branches ran one at a time, so
   * branches before one that failed run to their end. `"eager"`: the first in time, and all others are told to stop.
   */
  readonly failFast?: "ordered" | "eager" | undefined;
  /**
   * How many branches run at a time, or who grants each its slot. Default `Infinity`. What a governor throws or rejects with when it is
   * asked fails the branches that wait; what it throws when it is given a slot back ends the join.
   */
  readonly concurrency?: number | Governor | undefined;
  /**
   * Whether to wait for branches that are told to stop: `true` (default), for so many milliseconds at most, or `false`. What
   * comes from those not waited for is dropped.
   */
  readonly drain?: boolean | number | undefined;
  /**
   * The context of the branch that this join is a part of. It then shares the slots of that branch's join, is told to stop
   * when the branch is, and the branch is not over before it.
   *
   * Pass that of the branch that calls `join` and waits for it. With that of a branch further out, such as a closure has at hand, the caller
   * keeps its slot while it waits, and where that is the last one both wait for ever: nobody can tell that from a branch that is busy.
   */
  readonly within?: BranchContext | undefined;
  /** What branches made in an earlier run, by name: these are not run again. */
  readonly completed?: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown> | undefined;
  /** Told of each start, of each branch that settles, of collisions, and at last of the end with all records. */
  readonly report?: ((report: JoinReport) => void) | undefined;
}

/** The options, checked. */
export interface Settings {
  readonly waitOptions: WaitOptions;
  readonly waitAll: boolean;
  readonly eager: boolean;
  readonly concurrency: number | Governor;
  /** In milliseconds. */
  readonly drain: number;
  readonly within: Branch | undefined;
  readonly completed: ReadonlyMap<string, unknown> | undefined;
  readonly report: ((report: JoinReport) => void) | undefined;
}

/** What a join without options is told. */
export const defaults: Settings = {
  waitOptions: {},
  waitAll: false,
  eager: false,
  concurrency: Infinity,
  drain: Infinity,
  within: undefined,
  completed: undefined,
  report: undefined,
};

const known = [
  ...["signal", "timeout", "label", "mode", "failFast", "concurrency", "drain"],
  ...["within", "completed", "report"],
];

/** Checks the options of a join. `more` are the options that it knows besides. */
export function readSettings(
  options: JoinOptions | undefined,
  branches: readonly Branch[],
  more: readonly string[] = [],
): Settings {
  if (options === undefined) return defaults;
  checkWaitOptions(options);
  checkKnown(options, [...known, ...more]);
  const { mode, failFast, concurrency, within, report } = options;
  checkOneOf("mode", mode, ["fail-fast", "wait-all"]);
  checkOneOf("failFast", failFast, ["ordered", "eager"]);
  if (report !== undefined) checkFunction(report, "options.report");
  if (within !== undefined)
    demand(
      concurrency === undefined,
      "options.concurrency must be left out beside options.within, which brings its own",
      concurrency,
    );
  return {
    waitOptions: options,
    waitAll: mode === "wait-all",
    eager: failFast === "eager",
    concurrency: isGovernor(concurrency) ? concurrency : readLimit(options, "concurrency"),
    drain: readDrain(options.drain),
    within: within === undefined ? undefined : Context.branchOf(within),
    completed: readCompleted(options.completed, branches),
    report,
  };
}

/** Throws unless the option is left out or one of `values`. */
export function checkOneOf(name: string, value: unknown, values: readonly string[]): void {
  if (value === undefined || values.includes(value as string)) return;
  throw wrong(`options.${name} must be ${values.map((each) => show(each)).join(" or ")}`, value);
}

function isGovernor(value: unknown): value is Governor {
  const { acquire, tryAcquire } = Object(value) as Partial<Governor>;
  return typeof acquire === "function" && typeof tryAcquire === "function";
}

function readDrain(drain: unknown = true): number {
  if (typeof drain === "boolean") return drain ? Infinity : 0;
  demand(typeof drain === "number", "options.drain must be true, false or a number", drain);
  demand(
    drain === Infinity || ((drain as number) >= 0 && (drain as number) < 2 ** 31),
    "options.drain must be 0 to 2147483647 milliseconds, or Infinity",
    drain,
    RangeError,
  );
  return drain as number;
}

function readCompleted(
  completed: JoinOptions["completed"],
  branches: readonly Branch[],
): ReadonlyMap<string, unknown> | undefined {
  if (completed === undefined) return undefined;
  demand(Object(completed) === completed, "options.completed must be an object or a Map", completed);
  const names = new Set(branches.map(({ name }) => name));
  const map = completed instanceof Map ? completed : new Map(Object.entries(completed));
  for (const name of map.keys() as Iterable<string>)
    if (!names.has(name))
      throw new TypeError(
        `options.completed has ${show(name)}, which is no branch${suggestion(name, names)}`,
      );
  return map as ReadonlyMap<string, unknown>;
}
