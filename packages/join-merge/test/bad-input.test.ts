import { describe, expect, it } from "vitest";
import { graph, join, joinGraph, joinGraphMerge, joinMerge, mergeOutputs, project } from "../src/index.js";
import { thrown } from "./gates.js";

const one = { a: () => 1 };
const any = (value: unknown): never => value as never;

describe("wrong arguments are told of at once", () => {
  it.each<[string, () => unknown, typeof TypeError, string]>([
    [
      "no branches",
      () => join(any(undefined)),
      TypeError,
      "branches must be an object or a Map, received undefined",
    ],
    [
      "a function",
      () => join(any(() => 1)),
      TypeError,
      "branches must be an object or a Map, received [object Function]",
    ],
    ["no function", () => join({ a: any(5) }), TypeError, 'branch "a" must be a function, received 5'],
    [
      "a promise",
      () => join({ a: any(Promise.resolve()) }),
      TypeError,
      'branch "a" must be a function, received [object Promise]',
    ],
    [
      "a name",
      () => join([[any(5), () => 1]]),
      TypeError,
      "the name of a branch must be a string, received 5",
    ],
    [
      "functions without names",
      () => join(any([() => 1])),
      TypeError,
      "each of the branches must be a pair [name, function], received [object Function]",
    ],
    [
      "nothing in place of a pair",
      () => join(any([null])),
      TypeError,
      "each of the branches must be a pair [name, function], received null",
    ],
    [
      "tasks without names",
      () => joinGraph(any([{ run: () => 1 }])),
      TypeError,
      "each of the tasks must be a pair [name, task], received [object Object]",
    ],
    [
      "outputs without names",
      () => mergeOutputs({}, any([{}])),
      TypeError,
      "each of the contributions must be a pair [name, output], received [object Object]",
    ],
    [
      "keys that are no pairs",
      () => project({ a: 1 }, any(["a"])),
      TypeError,
      'each of the keys must be a pair [name, key], received "a"',
    ],
    ["options", () => join(one, any(5)), TypeError, "options must be an object, received 5"],
    ["null", () => join(one, any(null)), TypeError, "options must be an object, received null"],
    [
      "misspelt",
      () => join(one, any({ concurency: 1 })),
      TypeError,
      'There is no options.concurency; did you mean "concurrency"?',
    ],
    ["unknown", () => join(one, any({ retries: 1 })), TypeError, "There is no options.retries"],
    ["of another", () => join(one, any({ schedule: "ready" })), TypeError, "There is no options.schedule"],
    [
      "mode",
      () => join(one, { mode: any("all") }),
      TypeError,
      'options.mode must be "fail-fast" or "wait-all", received "all"',
    ],
    [
      "failFast",
      () => join(one, { failFast: any(true) }),
      TypeError,
      'options.failFast must be "ordered" or "eager", received true',
    ],
    [
      "drain",
      () => join(one, { drain: any("5") }),
      TypeError,
      'options.drain must be true, false or a number, received "5"',
    ],
    [
      "drain",
      () => join(one, { drain: -1 }),
      RangeError,
      "options.drain must be 0 to 2147483647 milliseconds, or Infinity, received -1",
    ],
    [
      "drain",
      () => join(one, { drain: 2 ** 31 }),
      RangeError,
      "options.drain must be 0 to 2147483647 milliseconds, or Infinity, received 2147483648",
    ],
    [
      "drain",
      () => join(one, { drain: NaN }),
      RangeError,
      "options.drain must be 0 to 2147483647 milliseconds, or Infinity, received NaN",
    ],
    [
      "report",
      () => join(one, { report: any(1) }),
      TypeError,
      "options.report must be a function, received 1",
    ],
    [
      "signal",
      () => join(one, { signal: any(1) }),
      TypeError,
      "options.signal must be an AbortSignal, received 1",
    ],
    [
      "timeout",
      () => join(one, { timeout: -1 }),
      RangeError,
      "options.timeout must be 0 to 2147483647 milliseconds, or Infinity, received -1",
    ],
    ["label", () => join(one, { label: any(1) }), TypeError, "options.label must be a string, received 1"],
    [
      "completed",
      () => join(one, { completed: any(1) }),
      TypeError,
      "options.completed must be an object or a Map, received 1",
    ],
    [
      "completed",
      () => join({ alpha: () => 1 }, { completed: { alhpa: 1 } }),
      TypeError,
      'options.completed has "alhpa", which is no branch; did you mean "alpha"?',
    ],
    [
      "base",
      () => joinMerge({}, { base: any(1) }),
      TypeError,
      "options.base must be an object or a Map, received 1",
    ],
    [
      "isolate",
      () => joinMerge({}, { isolate: any("x") }),
      TypeError,
      'options.isolate must be "none" or "freeze" or "clone", received "x"',
    ],
    [
      "isolate",
      () => joinGraph({}, { isolate: any("x") }),
      TypeError,
      'options.isolate must be "none" or "freeze" or "clone", received "x"',
    ],
    [
      "a rule",
      () => joinMerge({}, { onBaseCollision: any("x") }),
      TypeError,
      'options.onBaseCollision must be "overwrite" or "warn" or "error", received "x"',
    ],
    [
      "a rule",
      () => joinMerge({}, { onSiblingCollision: any("warn") }),
      TypeError,
      'options.onSiblingCollision must be "error" or "first" or "last", received "warn"',
    ],
    ["keys", () => joinMerge({}, { keys: any(1) }), TypeError, "options.keys must be an object, received 1"],
    [
      "keys",
      () => joinMerge({}, { keys: any({ k: "x" }) }),
      TypeError,
      'options.keys["k"] must be "overwrite" or "warn" or "error" or "first" or "last", received "x"',
    ],
    [
      "keys",
      () => joinMerge({}, { keys: any({ k: null }) }),
      TypeError,
      'options.keys["k"] must be "overwrite" or "warn" or "error" or "first" or "last", received null',
    ],
    [
      "keys",
      () => joinMerge({}, { keys: any({ k: { sibling: "warn" } }) }),
      TypeError,
      'options.keys["k"].sibling must be "error" or "first" or "last", received "warn"',
    ],
    [
      "keys",
      () => joinMerge({}, { keys: any({ k: { base: "last" } }) }),
      TypeError,
      'options.keys["k"].base must be "overwrite" or "warn" or "error", received "last"',
    ],
    [
      "keys",
      () => joinMerge({}, { keys: any({ k: { siblings: "last" } }) }),
      TypeError,
      'There is no options.keys["k"].siblings; did you mean "sibling"?',
    ],
    [
      "equal",
      () => joinMerge({}, { equal: any(1) }),
      TypeError,
      "options.equal must be a function, received 1",
    ],
    [
      "delta",
      () => joinMerge({}, { delta: any(1) }),
      TypeError,
      "options.delta must be true or false, received 1",
    ],
    [
      "allowNothing",
      () => joinMerge({}, { allowNothing: any(1) }),
      TypeError,
      "options.allowNothing must be true or false, received 1",
    ],
    [
      "schedule",
      () => joinGraph({}, { schedule: any("x") }),
      TypeError,
      'options.schedule must be "ready" or "levels", received "x"',
    ],
    [
      "schedule",
      () => joinGraphMerge({}, { schedule: any("x") }),
      TypeError,
      'options.schedule must be "ready" or "levels", received "x"',
    ],
    ["tasks", () => joinGraph(any(null)), TypeError, "tasks must be an object or a Map, received null"],
    [
      "a task",
      () => joinGraph({ a: any(1) }),
      TypeError,
      'task "a" must be a function or { dependsOn, run }, received 1',
    ],
    [
      "a task",
      () => joinGraph({ a: any(null) }),
      TypeError,
      'task "a" must be a function or { dependsOn, run }, received null',
    ],
    [
      "no run",
      () => joinGraph({ a: any({ dependsOn: [] }) }),
      TypeError,
      'the run of task "a" must be a function, received undefined',
    ],
    [
      "dependson",
      () => joinGraph({ a: any({ dependson: [], run: () => 1 }) }),
      TypeError,
      'There is no tasks["a"].dependson; did you mean "dependsOn"?',
    ],
    [
      "dependsOn",
      () => joinGraph({ a: any({ dependsOn: "b", run: () => 1 }) }),
      TypeError,
      'dependsOn of task "a" must be an array of names, received "b"',
    ],
    [
      "collects",
      () => joinGraph({ a: any({ collects: 1, run: () => 1 }) }),
      TypeError,
      'collects of task "a" must be true or false, received 1',
    ],
    [
      "a number",
      () => joinGraph({ a: any({ dependsOn: [5], run: () => 1 }) }),
      TypeError,
      'Task "a" depends on 5, which is no task',
    ],
    [
      "no run",
      () => joinGraph(graph().task("a", any(undefined))),
      TypeError,
      'the run of task "a" must be a function, received undefined',
    ],
    ["no base", () => mergeOutputs(any(1), {}), TypeError, "base must be an object or a Map, received 1"],
    [
      "no outputs",
      () => mergeOutputs({}, any(1)),
      TypeError,
      "contributions must be an object or a Map, received 1",
    ],
    ["no keys", () => project({}, any(1)), TypeError, "keys must be an object or a Map, received 1"],
    ["options", () => mergeOutputs({}, {}, any(1)), TypeError, "options must be an object, received 1"],
    ["an option", () => mergeOutputs({}, {}, any({ base: {} })), TypeError, "There is no options.base"],
  ])("%s", (_, call, Kind, message) => {
    const error = thrown(call);
    expect(error).toBeInstanceOf(Kind);
    expect((error as Error).message).toBe(message);
  });

  it.each([0, -1, 1.5, NaN])("[F58] a bound of %d", (concurrency) => {
    expect(thrown(() => join(one, { concurrency }))).toMatchObject({
      name: "RangeError",
      message: `options.concurrency must be a whole number from 1, or Infinity, received ${concurrency}`,
    });
  });

  it("[F58] a bound that is no number, and no governor", () => {
    for (const concurrency of ["4", null, {}, { acquire: () => 1 }, { tryAcquire: () => 1 }])
      expect(thrown(() => join(one, { concurrency: any(concurrency) }))).toMatchObject({
        name: "TypeError",
        message: expect.stringMatching(/^options\.concurrency must be a number, received /) as string,
      });
  });

  it("calls no branch", () => {
    let calls = 0;
    const branch = (): number => (calls += 1);
    for (const options of [{ mode: any("x") }, { concurrency: 0 }, { completed: { b: 1 } }])
      expect(() => join({ a: branch }, options)).toThrow();
    expect(calls).toBe(0);
  });
});
