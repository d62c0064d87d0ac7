import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { SourceFile } from "../../src/flows/file/source-file.js";
import { Library } from "../../src/flows/pipelines/library.js";
import type { RunEvent } from "../../src/flows/pipelines/run/events.js";
import { runPipeline, type RunResult } from "../../src/flows/pipelines/run/pipeline-run.js";
import { parse, pipelineOf, problemsOf } from "./support/problems.js";
import {
  type Behaviour,
  type RandomPipeline,
  randomPipeline,
  reachOf,
  yamlOf,
} from "./support/random-pipeline.js";
import { lines, ManualClock } from "./support/run.js";
import { held, deaf, StubRunner } from "./support/stub-runner.js";

// Much is done here, and other tests run beside it.
vi.setConfig({ testTimeout: 60_000 });

interface Played {
  readonly result: RunResult;
  readonly events: readonly RunEvent[];
  readonly runner: StubRunner;
  readonly mostRunning: number;
  readonly killed: boolean;
}

const graces = { stop: 100, force: 100 };

/** Runs it to its end: `choices` say which of the open calls ends next. `killAt`: after so many. */
async function play(random: RandomPipeline, choices: readonly number[], killAt = Infinity): Promise<Played> {
  const pipeline = pipelineOf(SourceFile.parse("p.yaml", yamlOf(random)));
  const behaviours = new Map(random.steps.map((step) => [step.id, step]));
  const of = (id: string): Behaviour => behaviours.get(id)?.behaviour ?? "ok";
  const runner = new StubRunner({}, (call) => {
    if (of(call.request.stepId) === "deaf") deaf(call);
    // Others stop when they are told to, while they wait for their turn in `choices`.
    else held(call);
  });
  const clock = new ManualClock();
  const stop = new AbortController();
  const events: RunEvent[] = [];
  let result: RunResult | undefined;
  let mostRunning = 0;
  void runPipeline({
    library: new Library(),
    called: { pipeline, scope: pipeline.main },
    runners: new Map([[undefined, runner]]),
    events: {
      tell: (event) => {
        events.push(event);
      },
      flushed: () => Promise.resolve(),
    },
    clock,
    graces,
    signal: stop.signal,
  }).then((ended) => {
    result = ended;
  });
  for (let turn = 0; ; turn += 1) {
    await new Promise(setImmediate);
    const running = [...runner.open.values()].filter(
      ({ request }) => behaviours.get(request.stepId)?.async === true,
    );
    mostRunning = Math.max(mostRunning, running.length);
    if (result !== undefined) return { result, events, runner, mostRunning, killed: stop.signal.aborted };
    if (turn >= killAt) stop.abort(new Error("killed"));
    const ready = [...runner.open.values()].filter(({ request }) =>
      ["ok", "fail"].includes(of(request.stepId)),
    );
    const next = ready[(choices[turn % choices.length] ?? 0) % Math.max(ready.length, 1)];
    if (next !== undefined) {
      const { stepId } = next.request;
      if (of(stepId) === "fail") next.fail(`down ${stepId}`);
      else
        next.answer(behaviours.get(stepId)?.structured === true ? `{"from":"${stepId}"}` : `said ${stepId}`);
    } else if (clock.timers > 0) clock.pass(100);
    // Only those are left that wait to be told to stop.
    else stop.abort(new Error("killed"));
  }
}

const choices = fc.array(fc.nat(7), { minLength: 1, maxLength: 12 });
const all: Behaviour[] = ["ok", "ok", "ok", "fail", "skip", "hang", "deaf"];

function eventsOf(events: readonly RunEvent[], type: RunEvent["type"]): string[] {
  return events.flatMap((event) => (event.type === type && "stepId" in event ? [event.stepId] : []));
}

function endings(events: readonly RunEvent[], id: string): string[] {
  return events.flatMap((event) => {
    if (!("stepId" in event) || event.stepId !== id) return [];
    if (event.type === "step_completed") return event.late ? [] : [event.type];
    if (event.type === "step_error") return event.action === "continue" ? [event.type] : [];
    return ["step_failed", "step_skipped", "step_cancelled"].includes(event.type) ? [event.type] : [];
  });
}

describe("any pipeline, any order", () => {
  it("[AH7] [P73] [P77] [P126] [P156] [B2] [B3] [B8] [B10] [B11] [B12] [B13] [B14] [B17] [B18] what always holds", async () => {
    await fc.assert(
      fc.asyncProperty(
        randomPipeline(all),
        choices,
        fc.option(fc.nat(6), { nil: Infinity }),
        async (random, order, killAt) => {
          const { result, events, runner, mostRunning, killed } = await play(random, order, killAt);
          const started = eventsOf(events, "step_started");
          const launched = eventsOf(events, "step_launched");
          // B3
          if (random.cap !== undefined) expect(mostRunning).toBeLessThanOrEqual(random.cap);
          for (const { id, dependsOn } of random.steps) {
            // B13, B12
            const calls = runner.calls.filter(({ request }) => request.stepId === id).length;
            expect(calls).toBeLessThanOrEqual(1);
            const cancelled = events.filter(
              (event) => event.type === "step_cancelled" && event.stepId === id,
            );
            expect(cancelled.length).toBeLessThanOrEqual(1);
            if (cancelled.some((event) => event.type === "step_cancelled" && event.outcome === "not_started"))
              expect([calls, started.includes(id)]).toEqual([0, false]);
            // B10
            expect(endings(events, id).length).toBe(
              started.includes(id) || launched.includes(id) ? 1 : endings(events, id).length,
            );
            expect(endings(events, id).length).toBeLessThanOrEqual(1);
            // B2
            const at = events.findIndex((event) => event.type === "step_started" && event.stepId === id);
            if (at >= 0)
              for (const dependency of dependsOn)
                expect(endings(events.slice(0, at), dependency)).toHaveLength(1);
          }
          // B11
          const left = events.flatMap((event) =>
            event.type === "step_cancelled" && event.outcome === "unresponsive" ? [event.stepId] : [],
          );
          expect([...runner.open.keys()].sort()).toEqual(left.sort());
          expect(events.at(-1)?.type).toBe("run_finished");
          // B18
          if (killed && result.error === undefined) expect(["killed", "completed"]).toContain(result.status);
          // B8
          if (result.status === "failed") checkCause(random, events, result);
          // B14
          const found = lines(events);
          expect(found[0]?.["type"]).toBe("run_started");
          expect(found.filter(({ type }) => type === "step_completed").map(({ step_id }) => step_id)).toEqual(
            eventsOf(events, "step_completed"),
          );
        },
      ),
      { numRuns: 120 },
    );
  });

  function checkCause(random: RandomPipeline, events: readonly RunEvent[], { error }: RunResult): void {
    const step = random.steps.find(({ id }) => id === error?.stepId);
    const isCollector = error?.type === "pipeline/aborted" && step !== undefined;
    const failed = events.flatMap((event) =>
      event.type === "step_failed" && event.error.type !== "pipeline/aborted" ? [event.stepId] : [],
    );
    // A join that waits for all deals with failures, and passes none on.
    const lost = new Set(
      events.flatMap((event) =>
        event.type === "step_failed" || (event.type === "step_cancelled" && event.outcome !== "completed")
          ? [event.stepId]
          : [],
      ),
    );
    const reach = isCollector ? reachOf(random, step.id, (id) => lost.has(id)) : undefined;
    const first = failed.find((id) => reach?.has(id) ?? true);
    expect(error?.message).toContain(
      isCollector ? `because "${first ?? ""}" failed` : `down ${error?.stepId ?? ""}`,
    );
  }

  it("[AH7] [P107] [B9] with wait_for_all nobody is stopped for a failure, but for those who depend on it", async () => {
    await fc.assert(
      fc.asyncProperty(randomPipeline(["ok", "ok", "fail", "skip"], true), choices, async (random, order) => {
        const { events, result } = await play(random, order);
        const reasons = events.flatMap((event) => (event.type === "step_cancelled" ? [event.reason] : []));
        const mainFailed =
          result.status === "failed" &&
          random.steps.some(({ id, async: isAsync }) => id === result.error?.stepId && !isAsync);
        if (!mainFailed)
          expect(
            reasons.filter((reason) => reason !== "dependency_failed" && reason !== "fail_fast"),
          ).toEqual([]);
        if (
          random.steps.every(({ kind, dependsOn }) => kind === "join" || dependsOn.length === 0) &&
          !mainFailed
        )
          expect(reasons).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("[AH7] [P53] [P176] [B5] [B6] what the main flow sees does not depend on who is ready first", async () => {
    const behaviours: Behaviour[] = ["ok", "ok", "skip"];
    await fc.assert(
      fc.asyncProperty(randomPipeline(behaviours), choices, choices, async (random, one, other) => {
        const seen = async (order: readonly number[]): Promise<unknown> => {
          const { result, runner } = await play(random, order);
          return {
            status: result.status,
            view: result.view.records.map(({ stepId, response }) => [stepId, response]),
            prompts: runner.prompts.slice().sort(),
          };
        };
        expect(await seen(one)).toEqual(await seen(other));
      }),
      { numRuns: 50 },
    );
  });

  it("[AH7] [P86] [P88] [P177] [B7] what a join makes is what its dependencies came to, in the order of its list", async () => {
    await fc.assert(
      fc.asyncProperty(randomPipeline(["ok", "ok", "fail", "skip"], true), choices, async (random, order) => {
        const { events } = await play(random, order);
        const records = new Map(
          events.flatMap((event) => (event.type === "step_completed" ? [[event.stepId, event.record]] : [])),
        );
        for (const { id, dependsOn, kind } of random.steps) {
          const response = records.get(id)?.response;
          if (kind !== "join" || response === undefined || response === null) continue;
          const isStructured = dependsOn.every((each) => {
            const step = random.steps.find((other) => other.id === each);
            return step?.kind === "prompt" && step.structured;
          });
          if (isStructured) {
            const keys = [...response.matchAll(/(?<=[{,])"(\d+|end)":(?=\{"(?:from|error)"|null)/g)].map(
              ([, key]) => key,
            );
            expect(keys).toEqual(dependsOn);
            for (const each of dependsOn)
              expect((JSON.parse(response) as Record<string, unknown>)[each]).toEqual(
                records.has(each)
                  ? { from: each }
                  : (expect.toSatisfy((value) => value === null || "error" in (value as object)) as unknown),
              );
          } else {
            let rest = response;
            for (const [index, each] of dependsOn.entries()) {
              const record = records.get(each);
              const label = `${index === 0 ? "" : "\n"}[${each}]:\n`;
              expect(rest.startsWith(label)).toBe(true);
              rest = rest.slice(label.length);
              const text = record?.response ?? /^(<missing>|<error: .*?\([a-z/-]+\)>)(?=\n)/s.exec(rest)?.[0];
              expect(text).toBeDefined();
              expect(rest.startsWith(`${text ?? ""}\n`)).toBe(true);
              rest = rest.slice((text ?? "").length + 1);
            }
            expect(rest).toBe("");
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("[AH7] [P76] [B4] whoever starts is the one declared first of those that could", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 2, max: 7 }),
        choices,
        async (cap, count, order) => {
          const steps = Array.from({ length: count }, (_, index) => ({
            id: `s${index}`,
            kind: "prompt" as const,
            async: true,
            dependsOn: [],
            waitForAll: false,
            structured: false,
            continues: false,
            behaviour: "ok" as const,
          }));
          const end = {
            ...steps[0],
            id: "end",
            kind: "join" as const,
            async: false,
            dependsOn: steps.map(({ id }) => id),
          };
          const { runner } = await play({ steps: [...steps, end as never], cap }, order);
          expect(runner.calls.map(({ request }) => request.stepId)).toEqual(steps.map(({ id }) => id));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("[P175] [B19] the same order gives the same events", async () => {
    const bare = (events: readonly RunEvent[]): unknown =>
      lines(events).map((line) => ({ ...line, run_id: 0, project_hash: 0, concurrent_group: 0 }));
    await fc.assert(
      fc.asyncProperty(
        randomPipeline(all),
        choices,
        fc.option(fc.nat(6), { nil: Infinity }),
        async (random, order, killAt) => {
          const [one, other] = [await play(random, order, killAt), await play(random, order, killAt)];
          expect(bare(one.events)).toEqual(bare(other.events));
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("conversations", () => {
  it("[P60] [P62] [P173] [B15] nobody shares one with anybody at the same time, and the main flow goes on with its own", async () => {
    const step = fc.record({ async: fc.boolean(), resume: fc.constantFrom(true, false, undefined) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), choices, async (steps, order) => {
        const text = JSON.stringify({
          version: "1",
          pipeline: [
            ...steps.flatMap((each, index) => {
              const own = { id: `s${index}`, prompt: "x", ...each };
              return each.async
                ? [own, { id: `j${index}`, action: "join", depends_on: [`s${index}`] }]
                : [own];
            }),
          ],
        });
        const { main } = parse(text);
        const runner = new StubRunner();
        const events: RunEvent[] = [];
        const pipeline = parse(text);
        expect(main.steps.length).toBe(pipeline.main.steps.length);
        await runPipeline({
          library: new Library(),
          called: { pipeline, scope: pipeline.main },
          runners: new Map([[undefined, runner]]),
          events: { tell: (event) => void events.push(event), flushed: () => Promise.resolve() },
          clock: new ManualClock(),
        });
        expect(order.length).toBeGreaterThan(0);
        let mine: string | null = null;
        for (const [index, { async: isAsync, resume }] of steps.entries()) {
          const { conversation } = runner.calls[index]?.request ?? {};
          const wanted = isAsync
            ? resume === undefined
              ? "copy"
              : resume
                ? "resume"
                : "fresh"
            : resume === true
              ? "resume"
              : "fresh";
          expect(conversation).toEqual(
            mine === null || wanted === "fresh" ? { kind: "fresh" } : { kind: wanted, sessionId: mine },
          );
          const record = events.find(
            (event) => event.type === "step_completed" && event.stepId === `s${index}`,
          );
          if (!isAsync && record?.type === "step_completed") mine = record.record.sessionId;
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("[B1] validity", () => {
  const valid = randomPipeline(["ok"]);

  it("[P27] [B1] what is valid loads, and each mistake is told by its own rule alone", () => {
    fc.assert(
      fc.property(valid, fc.nat(7), (random, pick) => {
        expect(problemsOf(yamlOf(random))).toEqual([]);
        const step = random.steps[pick % random.steps.length];
        if (step === undefined) return;
        const changed = (dependsOn: readonly string[]): string[] =>
          problemsOf(
            yamlOf({
              ...random,
              steps: random.steps.map((each) => (each === step ? { ...each, dependsOn } : each)),
            }),
          );
        const only = (problems: readonly string[], message: string): void => {
          expect(problems).toHaveLength(1);
          expect(problems[0]).toContain(message);
        };
        only(changed([...step.dependsOn, step.id]), "depends on itself");
        only(changed([...step.dependsOn, "nobody"]), "not declared");
        const [first] = step.dependsOn;
        if (first !== undefined) only(changed([...step.dependsOn, first]), "twice");
        const later = random.steps[random.steps.indexOf(step) + 1];
        if (later !== undefined) {
          const problems = changed([...step.dependsOn, later.id]);
          expect(problems.filter((each) => each.includes("declared later"))).toHaveLength(1);
        }
        const orphan = { ...step, id: "orphan", kind: "prompt" as const, async: true, dependsOn: [] };
        only(
          problemsOf(yamlOf({ ...random, steps: [...random.steps, orphan] })),
          "not named in any step's depends_on",
        );
      }),
      { numRuns: 40 },
    );
  });
});
