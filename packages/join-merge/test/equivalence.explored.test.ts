import { describe, expect, it } from "vitest";
import {
  type BranchContext,
  isLockError,
  join,
  JoinError,
  joinMerge,
  type JoinOptions,
} from "../src/index.js";
import { oneAtATime, type Outcome, permutations, type Script, subsets } from "./sequential.js";

/** Lets go on what needs nothing but microtasks: a hundred thousand times faster than a macrotask each. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
}

/** Runs scripts in a join, and ends those that run in the order of `ranks`, the lowest first. */
class Stage {
  running = 0;
  most = 0;
  readonly started: string[] = [];
  /** In the order in which they failed by themselves. */
  readonly failed: string[] = [];
  readonly stopped: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly #ranks: readonly string[];
  readonly #obeys: boolean;

  constructor(ranks: readonly string[], obeys: boolean) {
    this.#ranks = ranks;
    this.#obeys = obeys;
  }

  branches(scripts: readonly Script[]): Record<string, (context: BranchContext) => Promise<object>> {
    return Object.fromEntries(
      scripts.map((script) => [script.name, (context) => this.#play(script, context)]),
    );
  }

  async #play({ name, fails, output }: Script, { signal }: BranchContext): Promise<object> {
    this.started.push(name);
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#ends.set(name, resolve);
        signal.addEventListener("abort", () => {
          this.stopped.push(name);
          if (this.#obeys) reject(signal.reason as Error);
        });
      });
      if (!fails) return output;
      if (!signal.aborted) this.failed.push(name);
      throw new Error(name);
    } finally {
      this.#ends.delete(name);
      this.running -= 1;
    }
  }

  /** Ends one after the other until nobody runs. */
  async play(): Promise<void> {
    for (;;) {
      await settle();
      const next = this.#ranks.find((name) => this.#ends.has(name));
      if (next === undefined) return;
      this.#ends.get(next)?.();
    }
  }
}

const names = ["a", "b", "c", "d", "e"];
const append = (existing: readonly unknown[], incoming: readonly unknown[]): unknown[] => [
  ...existing,
  ...incoming,
];

function scriptsOf(count: number, failing: readonly string[]): Script[] {
  return names.slice(0, count).map((name, index) => ({
    name,
    fails: failing.includes(name),
    // Keys whose order would tell who came first.
    output: { ["zyxwv".charAt(index)]: index, all: [name] },
  }));
}

function records(all: JoinError["records"], primary: string): Outcome["records"] {
  const end = all.findIndex(({ name }) => name === primary);
  return all.slice(0, end + 1).map(({ name, status }) => [name, status]);
}

/** Every order of completion, every subset of failures, every bound: calls `run` with each, and says how many there were. */
async function everyCase(
  count: number,
  run: (scripts: readonly Script[], ranks: readonly string[], concurrency: number) => Promise<void>,
): Promise<number> {
  let cases = 0;
  const some = names.slice(0, count);
  for (const failing of subsets(some)) {
    const scripts = scriptsOf(count, failing);
    for (const ranks of permutations(some))
      for (let concurrency = 1; concurrency <= count; concurrency += 1) {
        await run(scripts, ranks, concurrency);
        cases += 1;
      }
  }
  return cases;
}

const counts = [
  [1, 2],
  [2, 16],
  [3, 144],
  [4, 1536],
  [5, 19_200],
] as const;

describe("every order of completion × every subset of failures × every bound", () => {
  it.each(counts)(
    "[JM1, JM2, JM4, JM6, JM9, F59, F61, F63, F65, F66, F78, F79, F237, F239, U1, U8, P77, P126] is what one at a time is: %d branches",
    async (count, expected) => {
      const cases = await everyCase(count, async (scripts, ranks, concurrency) => {
        const reference = oneAtATime(scripts);
        for (const obeys of count < 5 ? [true, false] : [true]) {
          const stage = new Stage(ranks, obeys);
          let runningAtEnd: number | undefined;
          const outcome = joinMerge(stage.branches(scripts), {
            concurrency,
            keys: { all: append as never },
          }).then(
            (value): Outcome => {
              runningAtEnd = stage.running;
              return {
                value: Object.entries(value),
                records: scripts.map(({ name }) => [name, "succeeded"]),
              };
            },
            (error: unknown): Outcome => {
              runningAtEnd = stage.running;
              if (!(error instanceof JoinError)) throw error;
              const started = error.records.filter(({ status }) => status !== "not-started");
              if (started.length !== stage.started.length) throw new Error("records and starts differ");
              if (error.cause instanceof Error && error.cause.message !== error.branch)
                throw new Error("the cause is another's");
              const { branch, message } = error;
              return { primary: branch, message, records: records(error.records, branch) };
            },
          );
          await stage.play();
          const about = `${JSON.stringify(scripts)} ${ranks.join("")} ${concurrency} ${obeys}`;
          expect(await outcome, about).toEqual(reference);
          if (runningAtEnd !== 0 || stage.most > concurrency)
            throw new Error(`${runningAtEnd} ran at the end: ${about}`);
          const inOrder = scripts
            .slice(0, stage.started.length)
            .every(({ name }, at) => stage.started[at] === name);
          if (!inOrder) throw new Error(`started ${stage.started.join("")}: ${about}`);
          if (concurrency === 1 && stage.started.length !== reference.records.length)
            throw new Error(`started more than one at a time would: ${about}`);
          // Whoever would have run before the failure that counts was never told to stop.
          const before = reference.records.map(([name]) => name);
          if (stage.stopped.some((name) => before.includes(name)))
            throw new Error(`stopped a branch that counts: ${about}`);
        }
      });
      expect(cases).toBe(expected);
    },
    60_000,
  );

  it.each(counts.slice(0, 4))(
    "[JM4, F80, F82, P103, P105] eager, rejects with the first failure in time and tells all others to stop: %d branches",
    async (count, expected) => {
      const cases = await everyCase(count, async (scripts, ranks, concurrency) => {
        for (const obeys of [true, false]) {
          const stage = new Stage(ranks, obeys);
          const options: JoinOptions = { concurrency, failFast: "eager" };
          const outcome = join(stage.branches(scripts), options).then(
            () => undefined,
            (error: unknown) => error as JoinError,
          );
          await stage.play();
          const error = await outcome;
          const about = `${JSON.stringify(scripts)} ${ranks.join("")} ${concurrency} ${obeys}`;
          expect(error?.branch, about).toBe(stage.failed[0]);
          expect(error?.errors.length ?? 0, about).toBe(Math.min(stage.failed.length, 1));
          if (stage.running > 0) throw new Error(`still runs: ${about}`);
          if (error === undefined && stage.stopped.length > 0) throw new Error(`told one to stop: ${about}`);
          for (const each of error?.records ?? [])
            if (each.status === "cancelled" && !isLockError(each.reason, "ERR_CANCELED"))
              throw new Error(`cancelled without a reason: ${about}`);
        }
      });
      expect(cases).toBe(expected);
    },
    60_000,
  );

  it.each(counts.slice(0, 4))(
    "[JM1, F81, P107] with wait-all, is the outcome of each, and nobody is told to stop: %d branches",
    async (count, expected) => {
      const cases = await everyCase(count, async (scripts, ranks, concurrency) => {
        const stage = new Stage(ranks, true);
        const all = join(stage.branches(scripts), { mode: "wait-all", concurrency });
        await stage.play();
        const outcome = Object.entries(await all).map(([name, { status }]) => [name, status]);
        expect(outcome).toEqual(scripts.map(({ name, fails }) => [name, fails ? "failed" : "succeeded"]));
        if (stage.stopped.length > 0 || stage.most > concurrency)
          throw new Error("stopped one, or too many ran");
      });
      expect(cases).toBe(expected);
    },
    60_000,
  );
});
