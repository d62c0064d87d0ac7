import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, expect, it, vi } from "vitest";
import { Library } from "../../src/flows/pipelines/library.js";
import { runPipeline, type RunResult } from "../../src/flows/pipelines/run/pipeline-run.js";
import { type Case, cases, essence, writeCase } from "./support/random-case.js";
import { folder, ManualClock } from "./support/run.js";
import { StubRunner } from "./support/stub-runner.js";

// Much is done here, and other tests run beside it.
vi.setConfig({ testTimeout: 60_000 });

let path = "";

beforeEach(() => {
  path = join(folder(), "p.yaml");
});

interface Played {
  readonly result: RunResult;
  readonly mostRunning: number;
}

/** Runs it to its end; `choices` say which of those that run ends next. */
async function play(one: Case, choices: readonly number[], maxConcurrency?: number): Promise<Played> {
  const library = new Library();
  const failing = new Set(
    one.random.steps.filter(({ behaviour }) => behaviour === "fail").map(({ id }) => id),
  );
  let mostRunning = 0;
  const runner = new StubRunner({}, (call) => {
    mostRunning = Math.max(mostRunning, runner.open.size);
    call.request.signal.addEventListener("abort", () => {
      call.obey();
    });
  });
  let result: RunResult | undefined;
  void runPipeline({
    library,
    called: library.open(path),
    runners: new Map([[undefined, runner]]),
    events: { tell: () => undefined, flushed: () => Promise.resolve() },
    human: {
      atGate: () => Promise.resolve("yes"),
      permission: () => Promise.resolve({ allowed: false }),
    },
    clock: new ManualClock(),
    maxConcurrency,
  }).then((ended) => {
    result = ended;
  });
  for (let turn = 0; ; turn += 1) {
    await new Promise(setImmediate);
    if (result !== undefined) return { result, mostRunning };
    const open = [...runner.open.values()];
    const next = open[(choices[turn % choices.length] ?? 0) % Math.max(open.length, 1)];
    if (next === undefined) expect(turn).toBeLessThan(10_000);
    else if (failing.has(next.request.stepId)) next.fail("down");
    else next.answer(next.request.outputSchema === undefined ? `said ${next.request.prompt}` : `{"from":1}`);
  }
}

/** Two branches that call a file in which three steps run beside each other. */
const wide: Case = {
  random: {
    cap: undefined,
    steps: ["a", "b", "end"].map((id) => ({
      ...{ id, kind: id === "end" ? "join" : "prompt", async: id !== "end", waitForAll: false },
      ...{ dependsOn: id === "end" ? ["a", "b"] : [], structured: false, continues: false, behaviour: "ok" },
    })),
  },
  kinds: ["file", "file"],
};

const orders = fc.array(fc.nat(20), { minLength: 1, maxLength: 20 });

it("[P74] [P76] [P175] one budget for all pipelines of a run: never more than that run at a time, it ends, and ends as without one", async () => {
  await fc.assert(
    fc.asyncProperty(cases(undefined, ["ok", "ok", "skip"]), orders, async (one, choices) => {
      writeCase(one, path);
      const free = await play(one, choices);
      if (one === wide) expect(free.mostRunning).toBe(6);
      for (const cap of [1, 2, 3]) {
        const bound = await play(one, choices, cap);
        expect(bound.mostRunning).toBeLessThanOrEqual(cap);
        expect(essence(bound.result)).toEqual(essence(free.result));
      }
    }),
    // Among them one in which there is something to bound.
    { numRuns: 25, examples: [[wide, [0]]] },
  );
});

it("[P77] [P126] the same with steps that fail", async () => {
  await fc.assert(
    fc.asyncProperty(cases(undefined, ["ok", "fail", "skip"]), orders, async (one, choices) => {
      writeCase(one, path);
      for (const cap of [1, 2]) expect((await play(one, choices, cap)).mostRunning).toBeLessThanOrEqual(cap);
    }),
    { numRuns: 25 },
  );
});
