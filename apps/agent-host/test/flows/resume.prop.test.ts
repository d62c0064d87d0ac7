import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, expect, it, vi } from "vitest";
import type { SavedJournal } from "../../src/flows/pipelines/checkpoint/saved.js";
import { Library } from "../../src/flows/pipelines/library.js";
import type { RunEvent } from "../../src/flows/pipelines/run/events.js";
import {
  type PipelineRunOptions,
  runPipeline,
  type RunResult,
} from "../../src/flows/pipelines/run/pipeline-run.js";
import { MemoryCheckpoint } from "./support/memory-checkpoint.js";
import { type Case, cases, essence, writeCase } from "./support/random-case.js";
import { folder, ManualClock } from "./support/run.js";
import { StubRunner } from "./support/stub-runner.js";

// Much is done here, and other tests run beside it.
vi.setConfig({ testTimeout: 60_000 });

let path = "";

beforeEach(() => {
  path = join(folder(), "p.yaml");
});

interface Process {
  readonly result: RunResult;
  readonly events: readonly RunEvent[];
  /** What was asked of runners and humans, in full names. */
  readonly asked: readonly string[];
  /** Those that were answered. */
  readonly answered: readonly string[];
  readonly left: string;
}

interface Opened {
  readonly one: Case;
  readonly file: Pick<PipelineRunOptions, "library" | "called">;
}

function open(one: Case): Opened {
  const library = new Library();
  writeCase(one, path);
  return { one, file: { library, called: library.open(path) } };
}

type How = "killed" | "interrupted";

/** One process, which is ended at one of its events. */
async function play(
  { one, file }: Opened,
  text?: string,
  stopAt = Infinity,
  how: How = "killed",
): Promise<Process> {
  const checkpoint = new MemoryCheckpoint(text);
  const stop = new AbortController();
  const events: RunEvent[] = [];
  const asked: string[] = [];
  const answered: string[] = [];
  const fails = new Set(one.random.steps.filter(({ behaviour }) => behaviour === "fail").map(({ id }) => id));
  const runner = new StubRunner({}, (call) => {
    const { stepId, prompt, outputSchema } = call.request;
    asked.push(stepId);
    if (fails.has(stepId)) {
      call.fail(`down ${stepId}`);
      return;
    }
    answered.push(stepId);
    call.answer(outputSchema === undefined ? `${stepId} said ${prompt}` : `{"from":"${stepId}"}`);
  });
  const result = await runPipeline({
    ...file,
    runners: new Map([[undefined, runner]]),
    events: {
      tell: (event) => {
        events.push(event);
        if (events.length !== stopAt) return;
        if (how === "killed") checkpoint.die();
        stop.abort(new Error("stopped"));
      },
      flushed: () => Promise.resolve(),
    },
    human: {
      atGate: (stepId, _, signal) => {
        asked.push(`?${stepId}`);
        if (signal.aborted) return Promise.reject(signal.reason as Error);
        answered.push(`?${stepId}`);
        return Promise.resolve(`yes ${stepId}`);
      },
      permission: () => Promise.resolve({ allowed: false }),
    },
    clock: new ManualClock(),
    signal: stop.signal,
    checkpoint,
    newRunId: () => "run",
  });
  return {
    result,
    events,
    asked,
    answered,
    left: checkpoint.text ?? JSON.stringify(checkpoint.journal.saved()),
  };
}

/** All that is done, as it would be asked for again. */
function doneIn({ bodies, answers, called }: SavedJournal, prefix = ""): string[] {
  const named = (key: string): string => `${prefix}${key.replace(/::on_result$/, "__on_result")}`;
  const own = bodies.map(([key, body]) => {
    const isPrompt = "error" in body || body.record.sessionId !== null;
    return `${isPrompt ? "" : "?"}${named(key)}`;
  });
  const calls = called.flatMap(([key, journal]) => doneIn(journal, `${named(key)}::`));
  return [...own, ...answers.map((key) => `?${prefix}${key}`), ...calls];
}

/** What must have been written down before the end of that process, whatever else was. */
function builtUpon({ random, kinds }: Case, { answered }: Process, how: How): readonly string[] {
  if (how === "interrupted") return answered;
  const hasBranches = random.steps.some(
    (step, index) => step.async || ["nested", "file", "follows"].includes(kinds[index] ?? ""),
  );
  // One after the other: each but the last has had another one go on with it.
  return hasBranches ? [] : answered.slice(0, -1);
}

/** What calls the pipeline that it is in, if that is done as a whole. */
function callersOf(name: string): string[] {
  const parts = name.replace("?", "").split("::");
  return parts.slice(1).map((_, index) => `?${parts.slice(0, index + 1).join("::")}`);
}

/** Failed steps which the pipeline has gone on without. */
function goneOnPast({ random }: Case, { events, left }: Process): ReadonlySet<string> {
  const { ends } = JSON.parse(left) as SavedJournal;
  const past = ends.filter(([, { kind }]) => kind === "completed" || kind === "absorbed");
  const over = new Set(past.map(([id]) => id));
  const failed = events.flatMap((event) => (event.type === "step_failed" ? [event.stepId] : []));
  return new Set(
    failed.filter((id) =>
      random.steps.some(({ dependsOn, id: other }) => dependsOn.includes(id) && over.has(other)),
    ),
  );
}

async function checkResumed(one: Case, how: How): Promise<void> {
  const opened = open(one);
  const whole = await play(opened);
  for (let stopAt = 1; stopAt <= whole.events.length; stopAt += 1) {
    const first = await play(opened, undefined, stopAt, how);
    const done = new Set(doneIn(JSON.parse(first.left) as SavedJournal));
    for (const name of builtUpon(one, first, how))
      expect([name, ...callersOf(name)].some((each) => done.has(each))).toBe(true);
    // Once more, as far as it came this time.
    const second = await play(opened, first.left, Math.ceil(stopAt / 2), how);
    const third = await play(opened, second.left);
    expect(essence(third.result)).toEqual(essence(whole.result));
    const gone = goneOnPast(one, first);
    const again = [...second.asked, ...third.asked].filter((name) => done.has(name) || gone.has(name));
    expect(again).toEqual([]);
  }
}

it.each(["killed", "interrupted"] as const)(
  "[AH7] [P175] [P176] any pipeline, %s at any event and resumed twice, ends as if nothing had happened, and repeats nothing that was done",
  async (how) => {
    await fc.assert(
      fc.asyncProperty(cases(undefined, ["ok", "ok", "skip"]), (one) => checkResumed(one, how)),
      { numRuns: 15 },
    );
  },
);

it.each(["killed", "interrupted"] as const)("[AH7] [P105] the same with steps that fail, %s", async (how) => {
  await fc.assert(
    fc.asyncProperty(cases(true, ["ok", "fail", "skip"]), (one) => checkResumed(one, how)),
    { numRuns: 15 },
  );
});
