import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Collision,
  JoinError,
  joinGraph,
  joinGraphMerge,
  type JoinReport,
  KeyCollisionError,
  mergeOutputs,
  type MergeContext,
  type Task,
  type TaskContext,
} from "../src/index.js";
import { base, type Expected, model, type Node, outputOf, type Setting } from "./graph-model.js";

/** Graphs of up to 60 tasks, declared in any order. */
const nodes: fc.Arbitrary<Node[]> = fc
  .array(
    fc.record({
      dependsOn: fc.array(fc.nat(), { maxLength: 3 }),
      fails: fc.nat(39).map((number) => number === 0),
      shared: fc.uniqueArray(fc.constantFrom("list", "last", "plain", "none1", "none2"), { maxLength: 2 }),
      isPlain: fc.nat(9),
    }),
    { maxLength: 60, size: "max" },
  )
  .map((raw) =>
    raw.map(({ dependsOn, fails, shared, isPlain }, index): Node => {
      const above = index === 0 ? [] : [...new Set(dependsOn.map((each) => `n${each % index}`))];
      // Few write a key without a rule, so that not every graph collides.
      const written = shared.filter((key) => !key.startsWith("none") && (key !== "plain" || isPlain === 0));
      return { name: `n${index}`, dependsOn: above, fails, shared: written };
    }),
  )
  .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }));

const setting: fc.Arbitrary<Setting> = fc.record({
  schedule: fc.constantFrom("ready", "levels"),
  mode: fc.constantFrom("fail-fast", "wait-all"),
  onBaseCollision: fc.constantFrom("overwrite", "warn", "error"),
});

const concurrency = fc.constantFrom(1, 2, 3, 7, 60, Infinity);

/** Ends tasks in an order of its own. */
class Endings {
  running = 0;
  most = 0;
  readonly #open: (() => void)[] = [];

  async wait(): Promise<void> {
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    await new Promise<void>((resolve) => this.#open.push(resolve));
    this.running -= 1;
  }

  async play(picks: readonly number[]): Promise<void> {
    for (let turn = 0; ; turn += 1) {
      for (let each = 0; each < 12; each += 1) await Promise.resolve();
      if (this.#open.length === 0) return;
      const [end] = this.#open.splice((picks[turn % picks.length] ?? 0) % this.#open.length, 1);
      end?.();
    }
  }
}

const inWords = ({ key, kind, by, over, policy }: Collision): string => [key, kind, by, over, policy].join();

async function actual(
  all: readonly Node[],
  given: Setting,
  bound: number,
  picks: readonly number[],
): Promise<Expected> {
  const endings = new Endings();
  const reports: JoinReport[] = [];
  const tasks = all.map((node): [string, Task<TaskContext<object> & MergeContext<object>>] => [
    node.name,
    {
      dependsOn: node.dependsOn,
      run: async (context) => {
        const output = outputOf(node, context.base, context.deps);
        await endings.wait();
        if (node.fails) throw new Error(node.name);
        return output;
      },
    },
  ]);
  const outcome = joinGraphMerge(tasks as [string, Task][], {
    ...given,
    base,
    concurrency: bound,
    keys: {
      list: ((existing: string[], incoming: string[]) => [...existing, ...incoming]) as never,
      last: "last",
    },
    report: (each) => reports.push(each),
  }).then(
    (value): Expected["outcome"] => ({ value: Object.entries(value) }),
    (error: unknown) => {
      if (error instanceof JoinError) return { failed: error.branch };
      if (error instanceof KeyCollisionError) return { refused: error.collisions.map(inWords) };
      throw error;
    },
  );
  await endings.play(picks);
  if (endings.running > 0 || endings.most > bound) throw new Error(`${endings.most} ran of ${bound}`);
  const ended = await outcome;
  const last = reports.at(-1);
  if (last?.type !== "end") throw new Error("no end");
  // Of those that failed only because their keys collided the model knows as of successes.
  const records = last.records.flatMap((each): [string, string][] => {
    if (each.status === "not-started" || each.status === "cancelled") return [];
    if (each.status === "skipped") return [[each.name, `skipped because of ${each.because}`]];
    const isMerged = each.status === "failed" && each.error instanceof KeyCollisionError;
    return [[each.name, isMerged ? "succeeded" : each.status]];
  });
  const end =
    "failed" in ended && given.mode === "fail-fast"
      ? records.findIndex(([name]) => name === ended.failed) + 1
      : records.length;
  const allowed = reports.flatMap((each) =>
    each.type === "collision" ? [`${inWords(each.collision)},${each.unordered ? "unordered" : ""}`] : [],
  );
  return { outcome: ended, records: records.slice(0, end), allowed };
}

describe("random graphs", () => {
  it("[JM2, JM3, JM4, JM9, F26, F53, F54, F59, F63, F79, F81, F223, F237, F239] come to what they come to one task at a time", async () => {
    const seen = { value: 0, failed: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(
        nodes,
        setting,
        concurrency,
        fc.array(fc.nat(), { minLength: 1, maxLength: 60 }),
        async (all, given, bound, picks) => {
          const expected = model(all, given);
          const { allowed, ...rest } = await actual(all, given, bound, picks);
          expect(rest).toEqual({ outcome: expected.outcome, records: expected.records });
          if ("value" in expected.outcome) expect(allowed).toEqual(expected.allowed);
          for (const kind of ["value", "failed", "refused"] as const)
            if (kind in expected.outcome) seen[kind] += 1;
        },
      ),
      { numRuns: 400 },
    );
    // All three come up, or the test would prove little.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(20);
  }, 60_000);

  it("[F47] run in one order, with one slot, however often", async () => {
    await fc.assert(
      fc.asyncProperty(nodes, async (all) => {
        const orders = new Set<string>();
        for (let round = 0; round < 3; round += 1) {
          const order: string[] = [];
          const tasks = all.map(({ name, dependsOn }): [string, Task] => [
            name,
            { dependsOn, run: () => order.push(name) },
          ]);
          await joinGraph(tasks, { concurrency: 1, schedule: "levels" });
          orders.add(order.join());
        }
        expect(orders.size).toBe(1);
      }),
      { numRuns: 30 },
    );
  });
});

describe("the merge", () => {
  const outputs = fc.array(
    fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__", "1"), fc.array(fc.nat(9))),
    { maxLength: 6 },
  );
  const named = (all: readonly object[]): [string, object][] => all.map((each, index) => [`n${index}`, each]);

  it("[JM8, F238] with disjoint keys is the same in every order", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 8 }), fc.nat(), (keys, seed) => {
        const all = keys.map((key, index) => Object.fromEntries([[key, index]]));
        const turned = [...all.slice(seed % (all.length || 1)), ...all.slice(0, seed % (all.length || 1))];
        const pairs = (list: readonly object[]): unknown[] =>
          Object.entries(mergeOutputs({}, named(list)).value).toSorted(([a], [b]) => (a < b ? -1 : 1));
        expect(pairs(turned)).toEqual(pairs(all));
      }),
    );
  });

  it("[JM8, F238] with a reducer that is associative does not depend on how outputs are grouped", () => {
    const append = (existing: readonly number[], incoming: readonly number[]): number[] => [
      ...existing,
      ...incoming,
    ];
    const keys = Object.fromEntries(["a", "b", "c", "__proto__", "1"].map((key) => [key, append]));
    const merge = (list: readonly object[]): object => mergeOutputs({}, named(list), { keys }).value;
    fc.assert(
      fc.property(outputs, fc.nat(), (all, at) => {
        const split = at % (all.length + 1);
        expect(merge([merge(all.slice(0, split)), merge(all.slice(split))])).toEqual(merge(all));
        // The identity.
        expect(merge([{}, ...all])).toEqual(merge(all));
      }),
    );
  });

  it("[JM3] never loses a value silently: each key that two have is an error, or told of", () => {
    fc.assert(
      fc.property(outputs, (all) => {
        const expected = all.flatMap((each, index) =>
          Object.keys(each).filter((key) => all.slice(0, index).some((other) => Object.hasOwn(other, key))),
        ).length;
        const told = mergeOutputs({}, named(all), { onSiblingCollision: "last" }).collisions.length;
        expect(told).toBe(expected);
        const strict = (): unknown => mergeOutputs({}, named(all));
        if (expected > 0) expect(strict).toThrow(KeyCollisionError);
        else expect(strict).not.toThrow();
      }),
    );
  });
});
