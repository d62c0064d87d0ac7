import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../../src/flows/pipelines/run/events.js";
import { PipelineReporter } from "../../../src/flows/report/pipeline-reporter.js";
import type { Outline, Report, Row } from "../../../src/flows/report/report.js";
import { MemoryCheckpoint } from "../support/memory-checkpoint.js";
import { begin, ManualClock, type TestRun } from "../support/run.js";
import { deaf, fails, held, says, StubRunner, stubborn } from "../support/stub-runner.js";

function reportOf(events: readonly RunEvent[], outline: readonly Outline[] = []): Report {
  const reporter = new PipelineReporter(outline);
  for (const event of events) reporter.tell(event);
  const report = reporter.report();
  if (report === undefined) throw new Error("it has not begun");
  return report;
}

function outlineOf(...names: readonly string[]): Outline[] {
  return names.map((name) => ({ name, kind: "prompt", dependsOn: [] }));
}

function rowOf({ rows }: Report, name: string): Row {
  const row = rows.find((each) => each.name === name);
  if (row === undefined) throw new Error(`there is no row ${name}`);
  return row;
}

/** `kind from–to` of each span. */
function spansOf(report: Report, name: string): string[] {
  return rowOf(report, name).spans.map(({ kind, from, to }) => `${kind} ${from}–${to}`);
}

function statusesOf({ rows }: Report): string[] {
  return rows.map(({ name, status }) => `${name} ${status}`);
}

/** A clock that stands at this time. */
function later(ms: number): ManualClock {
  const clock = new ManualClock();
  clock.pass(ms);
  return clock;
}

async function reportWhenOver(run: TestRun, outline?: readonly Outline[]): Promise<Report> {
  await run.result;
  return reportOf(run.events, outline);
}

function notesOf(report: Report, name: string): string[] {
  return rowOf(report, name).notes.map(({ text }) => text);
}

/** `name: value` of what it came to. */
function factsOf(report: Report, name: string): string[] {
  return rowOf(report, name).facts.map((fact) => `${fact.name}: ${fact.value}`);
}

function textsOf(report: Report, name: string): string[] {
  return rowOf(report, name).texts.map((text) => `${text.name}: ${text.text}`);
}

describe("the report of a pipeline", () => {
  it("says all that there is to say of a run, and nothing else", async () => {
    const clock = new ManualClock();
    const run = begin(
      "  - {id: a, prompt: pa}",
      new StubRunner({
        a: (call) => {
          clock.pass(10);
          call.answer("A");
        },
      }),
      { clock },
    );
    const report = await reportWhenOver(run, outlineOf("a"));
    const started = run.events.find((event) => event.type === "run_started");
    expect(report).toEqual({
      kind: "pipeline",
      title: "p.yaml",
      runId: started?.runId,
      ending: { status: "completed", message: undefined, others: [] },
      startedAt: 0,
      endedAt: 10,
      rows: [
        {
          name: "a",
          label: "a",
          depth: 0,
          kind: "prompt",
          status: "done",
          dependsOn: [],
          spans: [{ kind: "work", from: 0, to: 10 }],
          endedAt: 10,
          notes: [],
          facts: [],
          error: undefined,
          texts: [
            { name: "Prompt", text: "pa", omitted: 0 },
            { name: "Answer", text: "A", omitted: 0 },
          ],
        },
      ],
      facts: [{ name: "File", value: started?.source }],
      notes: [],
      texts: [{ name: "What it said last", text: "A", omitted: 0 }],
    });
  });

  it("adds up what it took, also of what was tried again", async () => {
    let attempts = 0;
    const run = begin(
      `  - {id: a, prompt: pa, on_error: retry, max_retries: 1}
  - {id: b, prompt: pb}`,
      new StubRunner({
        a: (call) => {
          attempts += 1;
          if (attempts === 1) call.fail("busy");
          else call.answer("A", { inputTokens: 6, outputTokens: 6, costUsd: 0.25 });
        },
        b: (call) => {
          call.answer("B", { inputTokens: 4, outputTokens: 4, costUsd: 0.5 });
        },
      }),
    );
    const report = await reportWhenOver(run);
    expect(factsOf(report, "a")).toEqual(["Tokens: 6 in, 6 out", "Cost: $0.2500"]);
    expect(report.facts.slice(1)).toEqual([
      { name: "Retries", value: "1" },
      { name: "Tokens", value: "10 in, 10 out" },
      { name: "Cost", value: "$0.7500" },
    ]);
  });

  it("shows what an agent thought, what it did and warned of, and with which conversation it went on", async () => {
    const did = { event_type: "tool_use", tool_name: "read", tool_id: "1", content_json: "{}", seq: 1 };
    const run = begin(
      `  - {id: first, prompt: p}
  - {id: a, prompt: pa, async: true}
  - {id: j, action: join, depends_on: [a]}`,
      new StubRunner({
        a: (call) => {
          call.request.onEvent({ type: "stream_delta", text: "A" });
          call.request.onEvent({ type: "warning", text: "The model is old." });
          call.answer("A", { thinking: "Hm.", toolEvents: [did, { ...did, seq: 2 }] });
        },
      }),
    );
    const report = await reportWhenOver(run, outlineOf("first", "a"));
    expect(factsOf(report, "a")).toEqual(["Tool events: 2", "Conversation: copied"]);
    expect(textsOf(report, "a")).toEqual(["Prompt: pa", "Answer: A", "Thinking: Hm."]);
    expect(rowOf(report, "a").notes).toEqual([{ at: undefined, text: "The model is old." }]);
    expect(factsOf(report, "first")).toEqual([]);
  });

  it("shows what a join has collected, and as what", async () => {
    const report = await reportWhenOver(
      begin(
        `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true}
  - {id: c, prompt: pc, async: true}
  - {id: d, prompt: pd, async: true, depends_on: [b]}
  - {id: e, prompt: pe, async: true, depends_on: [c]}
  - {id: j, action: join, depends_on: [a, b, c, d, e], on_error: wait_for_all}
  - {id: s, prompt: '{"n": 1}', async: true, output_schema: {type: object}}
  - {id: k, action: join, depends_on: [s]}`,
        new StubRunner({ b: fails("no"), c: fails("no") }),
      ),
    );
    expect(factsOf(report, "j")).toEqual(["Joined as: text", "Failed: b, c", "Cancelled: d, e"]);
    expect(factsOf(report, "k")).toEqual(["Joined as: one JSON object"]);
    expect(textsOf(report, "k")).toEqual(['Answer: {"s":{"n":1}}']);
  });

  it("says that a command said nothing", async () => {
    const report = await reportWhenOver(
      begin(`  - {id: a, context: {shell: "true"}}
  - {id: b, context: {shell: "echo out"}}`),
    );
    expect(rowOf(report, "a").notes).toEqual([{ at: undefined, text: "It said nothing." }]);
    expect(textsOf(report, "a")).toEqual(["Prompt or command: true"]);
    expect(notesOf(report, "b")).toEqual([]);
  });

  it("of a step that no outline names it says what it turns out to be", async () => {
    const report = await reportWhenOver(
      begin(`  - {id: a, prompt: pa, async: true}
  - {id: b, context: {shell: "echo out"}}
  - {id: j, action: join, depends_on: [a]}`),
    );
    expect(report.rows.map(({ name, kind }) => [name, kind])).toEqual([
      ["a", undefined],
      ["b", "command"],
      ["j", "join"],
    ]);
    expect(textsOf(report, "a")).toEqual(["Prompt or command: pa", "Answer: pa"]);
  });

  it("has no rows when nothing is known but that it has begun", async () => {
    const run = begin("  - {id: a, prompt: pa}", undefined, { clock: later(7) });
    await run.result;
    expect(reportOf(run.events.slice(0, 1))).toMatchObject({
      startedAt: 7,
      endedAt: 7,
      rows: [],
      texts: [],
      ending: { status: "open", message: undefined, others: [] },
    });
  });

  it("a step waits for its slot from when it is launched, whatever it is told next", () => {
    const step = { stepId: "a", index: 0, totalSteps: 1, group: undefined };
    const at = (ms: number): string => new Date(ms).toISOString();
    const report = reportOf([
      {
        type: "run_started",
        runId: "r",
        source: "p",
        projectHash: "",
        totalSteps: 1,
        resumed: false,
        at: at(0),
      },
      { type: "step_launched", ...step, launchedAt: at(0), dependsOn: [] },
      { type: "step_started", ...step, prompt: "pa", startedAt: at(10) },
      {
        type: "run_finished",
        status: "completed",
        error: undefined,
        breakAt: undefined,
        response: null,
        at: at(30),
      },
    ]);
    expect(spansOf(report, "a")).toEqual(["slot 0–10", "work 10–30"]);
    expect(report.endedAt).toBe(30);
  });

  it("what the result of a step asks for is a part of it", async () => {
    const report = await reportWhenOver(
      begin(
        `  - {id: a, prompt: pa, on_result: [{always: true, action: "pipeline: sub"}]}
  - {id: b, prompt: pb}`,
        new StubRunner(),
        { more: "pipelines: {sub: [{id: x, prompt: px}]}\n" },
      ),
    );
    expect(report.rows.map(({ name, label, depth }) => `${depth} ${name} ${label}`)).toEqual([
      "0 a a",
      "1 a__on_result on_result",
      "2 a__on_result::x x",
      "0 b b",
    ]);
    expect(rowOf(report, "a__on_result").dependsOn).toEqual([]);
  });

  it("a step that is told to stop while it waits for a human is being stopped from then on", async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const run = begin("  - {id: g, action: pause_for_human}", undefined, {
      clock,
      signal: stop.signal,
      human: {
        atGate: (_stepId, _message, signal) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => {
              clock.pass(5);
              reject(signal.reason as Error);
            });
          }),
        permission: () => Promise.resolve({ allowed: false }),
      },
    });
    await run.seen("gate_reached");
    clock.pass(10);
    stop.abort();
    const report = await reportWhenOver(run);
    expect(spansOf(report, "g")).toEqual(["work 0–0", "human 0–10", "stopping 10–15"]);
    expect(rowOf(report, "g").notes).toEqual([{ at: 10, text: "Told to stop (kill): it stopped." }]);
  });

  it("shows when each step waited for others, for a place and worked, and that the main flow waited for its join", async () => {
    const clock = new ManualClock();
    const runner = new StubRunner({ a: held, b: held, c: held });
    const run = begin(
      `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true}
  - {id: c, prompt: pc, async: true, depends_on: [a]}
  - {id: j, action: join, depends_on: [b, c]}`,
      runner,
      { clock, more: "defaults: {max_concurrency: 1}\n" },
    );
    const a = await runner.called("a");
    clock.pass(100);
    a.answer("A");
    const b = await runner.called("b");
    await run.seen("step_queued", "c");
    clock.pass(20);
    b.answer("B");
    const c = await runner.called("c");
    clock.pass(3);
    c.answer("C");
    const report = await reportWhenOver(run);
    expect(spansOf(report, "a")).toEqual(["work 0–100"]);
    expect(spansOf(report, "b")).toEqual(["slot 0–100", "work 100–120"]);
    expect(spansOf(report, "c")).toEqual(["dependencies 0–100", "slot 100–120", "work 120–123"]);
    expect(spansOf(report, "j")).toEqual(["dependencies 0–123", "work 123–123"]);
    expect(rowOf(report, "j")).toMatchObject({ dependsOn: ["b", "c"], status: "done", kind: "join" });
    expect(report).toMatchObject({ startedAt: 0, endedAt: 123, ending: { status: "completed" } });
  });

  it("shows that a step was told to stop, by whom, and how long it went on", async () => {
    const clock = new ManualClock();
    const runner = new StubRunner({ a: held, b: stubborn });
    const run = begin(
      `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true}
  - {id: j, action: join, depends_on: [a, b]}
  - {id: z, prompt: pz}`,
      runner,
      { clock },
    );
    const a = await runner.called("a");
    await runner.called("b");
    clock.pass(10);
    a.fail("it broke");
    await run.seen("step_failed", "a");
    clock.pass(5000);
    const report = await reportWhenOver(run, outlineOf("a", "b", "j", "z"));
    expect(statusesOf(report)).toEqual(["a failed", "b cancelled", "j failed", "z not_reached"]);
    expect(spansOf(report, "b")).toEqual(["work 0–10", "stopping 10–5010"]);
    expect(rowOf(report, "b").notes).toEqual([
      { at: 10, text: "Told to stop because of a (fail_fast): it was stopped by force." },
    ]);
    expect(rowOf(report, "a").error?.text).toContain("it broke");
    expect(rowOf(report, "j").notes).toEqual([{ at: 5010, text: "It fails because of a (fail_fast)." }]);
    expect(spansOf(report, "j")).toEqual(["dependencies 0–5010"]);
    expect(rowOf(report, "z")).toMatchObject({ spans: [], endedAt: undefined });
    expect(report.ending.status).toBe("failed");
    expect(report.ending.message).toContain("it broke");
  });

  it("a step that is cancelled before it started only waited", async () => {
    const clock = new ManualClock();
    const runner = new StubRunner({ a: held });
    const run = begin(
      `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true}
  - {id: j, action: join, depends_on: [a, b]}`,
      runner,
      { clock, more: "defaults: {max_concurrency: 1}\n" },
    );
    const a = await runner.called("a");
    clock.pass(7);
    a.fail("no");
    const report = await reportWhenOver(run);
    expect(rowOf(report, "b").status).toBe("cancelled");
    expect(spansOf(report, "b")).toEqual(["slot 0–7"]);
    expect(rowOf(report, "b").notes[0]?.text).toContain("it had not started");
  });

  it("an answer that came too late belongs to a step that was cancelled", async () => {
    const clock = new ManualClock();
    const runner = new StubRunner({ a: held, b: deaf });
    const run = begin(
      `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true}
  - {id: j, action: join, depends_on: [a, b]}`,
      runner,
      { clock },
    );
    const a = await runner.called("a");
    const b = await runner.called("b");
    clock.pass(10);
    a.fail("no");
    await run.seen("step_failed", "a");
    clock.pass(20);
    b.answer("late");
    const report = await reportWhenOver(run);
    expect(rowOf(report, "b").status).toBe("cancelled");
    expect(spansOf(report, "b")).toEqual(["work 0–10", "stopping 10–30"]);
    expect(rowOf(report, "b").notes.map(({ text }) => text)).toEqual([
      "Its answer came too late and is not used.",
      "Told to stop because of a (fail_fast): it was done all the same.",
    ]);
  });

  it("shows attempts that failed, and steps that are gone without", async () => {
    const clock = new ManualClock();
    const runner = new StubRunner({ a: held, b: fails("no luck") });
    const run = begin(
      `  - {id: a, prompt: pa, on_error: retry, max_retries: 2}
  - {id: b, prompt: pb, on_error: continue}`,
      runner,
      { clock },
    );
    const first = await runner.called("a");
    clock.pass(5);
    first.fail("busy");
    await run.seen("step_error", "a");
    const second = await runner.called("a");
    clock.pass(6);
    second.answer("A");
    const report = await reportWhenOver(run);
    expect(spansOf(report, "a")).toEqual(["attempt 0–5", "work 5–11"]);
    expect(rowOf(report, "a").notes).toEqual([
      { at: 5, text: 'Tried again (1 of 2), because: step "a": busy' },
    ]);
    expect(rowOf(report, "b")).toMatchObject({
      status: "excused",
      endedAt: 11,
      error: { name: "runner/invocation-failed", text: 'step "b": no luck' },
    });
    expect(report.facts).toContainEqual({ name: "Retries", value: "1" });
    expect(report.ending.status).toBe("completed");
  });

  it("shows how long a human was waited for, in a step and after one", async () => {
    const clock = new ManualClock();
    const run = begin(
      `  - {id: g, action: pause_for_human, message: "Well?"}
  - {id: p, prompt: pp, on_result: [{always: true, action: pause_for_human}]}
  - {id: q, prompt: pq}`,
      new StubRunner({
        q: (call) => {
          clock.pass(5);
          call.answer("Q");
        },
      }),
      {
        clock,
        human: {
          atGate: (stepId) => {
            clock.pass(stepId === "g" ? 40 : 2);
            return Promise.resolve("yes");
          },
          permission: () => Promise.resolve({ allowed: false }),
        },
      },
    );
    const report = await reportWhenOver(run);
    expect(spansOf(report, "g")).toEqual(["work 0–0", "human 0–40", "work 40–40"]);
    expect(rowOf(report, "g").notes).toEqual([{ at: 0, text: "Asked a human: Well?" }]);
    expect(spansOf(report, "p")).toEqual(["work 40–40", "human 40–42"]);
    expect(notesOf(report, "p")).toEqual([]);
    expect(rowOf(report, "p").status).toBe("done");
  });

  it("a step comes before what it consists of, which ends with it", async () => {
    const clock = new ManualClock();
    const runner = new StubRunner({ "a::before::0": held, "a::then::0": fails("then broke") });
    const run = begin(
      `  - {id: a, prompt: pa, async: true, before: [warm], then: [note]}
  - {id: c, pipeline: inner}
  - {id: j, action: join, depends_on: [a], on_error: wait_for_all}`,
      runner,
      { clock, more: "pipelines: {inner: [{id: x, prompt: px}, {id: y, prompt: py}]}\n" },
    );
    const before = await runner.called("a::before::0");
    clock.pass(9);
    before.answer("warm");
    const report = await reportWhenOver(run, outlineOf("a", "c", "j"));
    expect(report.rows.map(({ name, label, depth }) => `${depth} ${name} ${label}`)).toEqual([
      "0 a a",
      "1 a::before::0 before::0",
      "1 a::then::0 then::0",
      "0 c c",
      "1 c::x x",
      "1 c::y y",
      "0 j j",
    ]);
    // It has had its place since the first of its parts began.
    expect(spansOf(report, "a")).toEqual(["work 0–9"]);
    expect(rowOf(report, "a")).toMatchObject({ status: "failed", endedAt: 9 });
    expect(rowOf(report, "a::then::0")).toMatchObject({ status: "failed", endedAt: 9 });
    expect(rowOf(report, "a::before::0").status).toBe("done");
  });

  it("says what a step was given, what it made, and what that took", async () => {
    const run = begin(
      `  - {id: a, prompt: "pa"}
  - {id: b, context: {shell: "echo out; echo err >&2; exit 3"}}
  - {id: s, prompt: never, condition: never}`,
      new StubRunner({
        a: (call) => {
          call.answer("A", { model: "small", inputTokens: 10, outputTokens: 5, costUsd: 0.25 });
        },
      }),
    );
    const report = await reportWhenOver(run, [
      ...outlineOf("a"),
      { name: "b", kind: "command", dependsOn: [] },
    ]);
    expect(rowOf(report, "a").texts.map(({ name, text }) => `${name}: ${text}`)).toEqual([
      "Prompt: pa",
      "Answer: A",
    ]);
    expect(rowOf(report, "a").facts).toEqual([
      { name: "Model", value: "small" },
      { name: "Tokens", value: "10 in, 5 out" },
      { name: "Cost", value: "$0.2500" },
    ]);
    expect(rowOf(report, "b").texts.map(({ name, text }) => `${name}: ${text}`)).toEqual([
      "Command: echo out; echo err >&2; exit 3",
      "Output: out\n",
      "Error output: err\n",
    ]);
    expect(rowOf(report, "b").facts).toEqual([{ name: "Exit code", value: "3" }]);
    expect(rowOf(report, "s")).toMatchObject({ status: "skipped", spans: [] });
    expect(report.facts).toContainEqual({ name: "Tokens", value: "10 in, 5 out" });
  });

  it("keeps as much of a long text as a page can show, and says how much it leaves out", async () => {
    const long = `${"x".repeat(19_999)}😀 and more`;
    const run = begin("  - {id: a, prompt: pa}", new StubRunner({ a: says(long) }));
    const answer = rowOf(await reportWhenOver(run), "a").texts[1];
    expect(answer?.text).toBe("x".repeat(19_999));
    expect(answer?.omitted).toBe(long.length - 19_999);
    const failed = await reportWhenOver(begin("  - {id: a, prompt: pa}", new StubRunner({ a: fails(long) })));
    expect(failed.ending.message).toHaveLength(20_001);
  });

  it("leaves out the colours of a terminal", async () => {
    const run = begin(
      "  - {id: a, prompt: pa}",
      new StubRunner({ a: says("\u001B[31mred\u001B[0m\r\nand") }),
    );
    expect(rowOf(await reportWhenOver(run), "a").texts[1]?.text).toBe("red\nand");
  });

  it("can be looked at in the middle of a run, and says that it is not over", async () => {
    const clock = new ManualClock();
    const runner = new StubRunner({ a: held });
    const run = begin("  - {id: a, prompt: pa}", runner, { clock });
    const call = await runner.called("a");
    clock.pass(5);
    const report = reportOf(run.events);
    expect(report.ending.status).toBe("open");
    expect(rowOf(report, "a").status).toBe("open");
    expect(new PipelineReporter([]).report()).toBeUndefined();
    call.answer("A");
    await run.result;
  });

  it("says how a run ended: early, killed, or failed with others besides", async () => {
    const early = await reportWhenOver(
      begin("  - {id: a, prompt: pa, on_result: [{always: true, action: break}]}"),
    );
    expect(early.ending).toEqual({ status: "break", message: "a ended it early.", others: [] });
    const stop = new AbortController();
    const runner = new StubRunner({ a: held });
    const killed = begin("  - {id: a, prompt: pa}", runner, { signal: stop.signal });
    await runner.called("a");
    stop.abort();
    const report = await reportWhenOver(killed);
    expect(report.ending.status).toBe("cancelled");
    expect(statusesOf(report)).toEqual(["a cancelled"]);
    const failed = await reportWhenOver(
      begin(
        `  - {id: a, prompt: pa, async: true}
  - {id: b, prompt: pb, async: true}
  - {id: j, action: join, depends_on: [a, b]}`,
        new StubRunner({ a: fails("one"), b: fails("two") }),
      ),
    );
    expect(failed.ending.message).toContain("one");
    expect(failed.ending.others).toEqual([expect.stringContaining("two")]);
  });

  it("of a resumed run shows what was done before, and what was not", async () => {
    const steps = `  - {id: a, prompt: pa, async: true}
  - {id: e, prompt: pe, async: true, on_error: continue}
  - {id: b, prompt: pb, async: true}
  - {id: j, action: join, depends_on: [a, b]}
  - {id: k, action: join, depends_on: [e], on_error: wait_for_all}`;
    const checkpoint = new MemoryCheckpoint();
    await begin(steps, new StubRunner({ b: fails("down"), e: fails("never mind") }), { checkpoint }).result;
    const resumed = { checkpoint: new MemoryCheckpoint(checkpoint.text), resumed: true };
    const outline = outlineOf("a", "e", "b", "j", "k");
    const report = await reportWhenOver(begin(steps, new StubRunner(), resumed), outline);
    expect(statusesOf(report)).toEqual(["a done_before", "e excused", "b done", "j done", "k done"]);
    expect(rowOf(report, "a").kind).toBe("prompt");
    expect(rowOf(report, "a").texts).toContainEqual(expect.objectContaining({ name: "Answer", text: "pa" }));
    expect(rowOf(report, "e").error?.text).toContain("never mind");
    expect(spansOf(report, "a")).toEqual([]);
  });

  it("the same events give the same report", async () => {
    const run = begin(
      "  - {id: a, prompt: pa, async: true}\n  - {id: j, action: join, depends_on: [a]}",
      new StubRunner({ a: fails("no") }),
    );
    const report = await reportWhenOver(run);
    expect(reportOf(run.events)).toEqual(report);
  });
});
