import { describe, expect, it, vi } from "vitest";
import type { FlowDefinition } from "../../../src/flows/flow/definition/definition.js";
import type { FlowEvent } from "../../../src/flows/flow/run/events.js";
import { FlowReporter } from "../../../src/flows/report/flow-reporter.js";
import { outlineOfFlow } from "../../../src/flows/report/outline.js";
import type { Report, Row } from "../../../src/flows/report/report.js";
import { MemoryCache } from "../../../src/flows/flow/run/cache.js";
import { type CheckpointStore, MemoryCheckpoints } from "../../../src/flows/flow/run/checkpoint.js";
import { dag, list, tool } from "../flow/support/flows.js";
import { Gates, hostWith, rejection, settled } from "../flow/support/runs.js";

const start = Date.UTC(2026, 0, 1);

function reportOf(
  flow: FlowDefinition,
  events: readonly FlowEvent[],
  params: Record<string, string> = {},
): Report {
  const reporter = new FlowReporter(outlineOfFlow(flow), params);
  for (const event of events) reporter.tell(event);
  const report = reporter.report();
  if (report === undefined) throw new Error("it has not begun");
  return report;
}

function rowOf({ rows }: Report, name: string): Row {
  const row = rows.find((each) => each.name === name);
  if (row === undefined) throw new Error(`there is no row ${name}`);
  return row;
}

/** `kind from–to` of each span, from the begin of the run. */
function spansOf(report: Report, name: string): string[] {
  return rowOf(report, name).spans.map(({ kind, from, to }) => `${kind} ${from - start}–${to - start}`);
}

function notesOf(report: Report, name: string): string[] {
  return rowOf(report, name).notes.map(({ text }) => text);
}

function textsOf(report: Report, name: string): string[] {
  return rowOf(report, name).texts.map((text) => `${text.name}: ${text.text}`);
}

describe("the report of a flow", () => {
  it("says what went in and came out, of the flow and of each step", async () => {
    const { executor, ports, heard } = hostWith([
      tool("a", async () => {
        await ports.advance(10);
        return { a: 1 };
      }),
    ]);
    const flow = list([{ tool_name: "a", input_mapping: { of: "text" } }]);
    await executor.execute(flow, { text: "hello" }, { unchecked: true });
    expect(reportOf(flow, heard.events)).toEqual({
      kind: "flow",
      title: "list",
      runId: "run-1",
      ending: { status: "completed", message: undefined, others: [] },
      startedAt: start,
      endedAt: start + 10,
      rows: [
        {
          name: "0 a",
          label: "0 a",
          depth: 0,
          kind: "tool",
          status: "done",
          dependsOn: [],
          spans: [{ kind: "work", from: start, to: start + 10 }],
          endedAt: start + 10,
          notes: [],
          facts: [],
          error: undefined,
          texts: [
            { name: "Input", text: '{\n  "of": "hello"\n}', omitted: 0 },
            { name: "Output", text: '{\n  "a": 1\n}', omitted: 0 },
          ],
        },
      ],
      facts: [
        { name: "Version", value: "0.1.0" },
        { name: "Tool calls", value: "1" },
      ],
      notes: [],
      texts: [
        { name: "Input", text: '{\n  "text": "hello"\n}', omitted: 0 },
        { name: "Final output", text: '{\n  "text": "hello",\n  "a": 1\n}', omitted: 0 },
      ],
    } satisfies Report);
  });

  it("is there as soon as the flow has begun, and says that it is not over", async () => {
    const gates = new Gates();
    const { executor, ports, heard } = hostWith([tool("a", gates.tool("a"))]);
    const flow = list([{ tool_name: "a" }]);
    expect(new FlowReporter(outlineOfFlow(flow), {}).report()).toBeUndefined();
    const run = executor.execute(flow, {});
    await ports.advance(10);
    const ts = new Date(start + 10).toISOString();
    const later = heard
      .of("flow_start")
      .map(
        ({ run: id, parent_run }) => ({ kind: "checkpoint", sequence: 1, run: id, parent_run, ts }) as const,
      );
    const report = reportOf(flow, [...heard.events, ...later]);
    expect(report.ending).toEqual({ status: "open", message: undefined, others: [] });
    expect(report.texts).toEqual([{ name: "Input", text: "{}", omitted: 0 }]);
    expect(report.facts).toEqual([{ name: "Version", value: "0.1.0" }]);
    expect(rowOf(report, "0 a")).toMatchObject({ status: "open", endedAt: undefined });
    expect(spansOf(report, "0 a")).toEqual(["work 0–10"]);
    await gates.end("a");
    await run;
  });

  it.each([
    [0.4, []],
    [1, ["Waited 1 ms for steps of its level that it does not depend on."]],
    [20.4, ["Waited 20 ms for steps of its level that it does not depend on."]],
  ])("says that a step has waited %d ms for its level alone", async (ms, notes) => {
    const gates = new Gates();
    const { executor, ports, heard } = hostWith(
      ["a", "b", "c"].map((name) => tool(name, gates.tool(name))),
      { maxConcurrency: 2 },
    );
    const flow = dag({ a: {}, b: {}, c: { depends_on: ["a"] } });
    const run = executor.execute(flow, {});
    await settled();
    await gates.end("a");
    await ports.advance(ms);
    await gates.end("b");
    await gates.end("c");
    await run;
    expect(notesOf(reportOf(flow, heard.events), "c")).toEqual(notes);
  });

  it("a step ends when its tool has, and not when that is written down", async () => {
    const gates = new Gates();
    const checkpoints: CheckpointStore = {
      save: () => ports.wait(50, new AbortController().signal),
      add: () => undefined,
      load: () => undefined,
      delete: () => undefined,
    };
    const { executor, ports, heard } = hostWith([tool("a", gates.tool("a"))], { checkpoints });
    const flow = list([{ tool_name: "a" }]);
    const run = executor.execute(flow, {});
    await ports.advance(60);
    await gates.end("a");
    await ports.advance(50);
    await run;
    const report = reportOf(flow, heard.events);
    expect(spansOf(report, "0 a")).toEqual(["work 50–60"]);
    expect(rowOf(report, "0 a").endedAt).toBe(start + 60);
    expect(report.endedAt).toBe(start + 110);
  });

  it("a step that cannot be given its input has waited for its slot, and worked for no time", async () => {
    const gates = new Gates();
    const { executor, ports, heard } = hostWith([tool("a", gates.tool("a")), tool("b")]);
    const flow = dag({ a: {}, b: { input_mapping: { of: "missing" } } });
    const run = executor.execute(flow, {}, { unchecked: true });
    await ports.advance(10);
    await gates.end("a");
    await run;
    const report = reportOf(flow, heard.events);
    expect(spansOf(report, "b")).toEqual(["slot 0–10", "work 10–10"]);
    expect(rowOf(report, "b")).toMatchObject({ status: "failed", error: { name: "FLOW-E011" }, texts: [] });
  });

  it("a step whose output is not what it takes of it has no output", async () => {
    const { executor, heard } = hostWith([tool("a", () => ({ a: 1 }))]);
    const flow = list([{ tool_name: "a", output_mapping: { b: "b" } }]);
    await executor.execute(flow, {});
    const report = reportOf(flow, heard.events);
    expect(rowOf(report, "0 a").error).toEqual({
      name: "FLOW-E012",
      text: 'The output of "a" has no "b", which output_mapping takes; it has: a',
      omitted: 0,
    });
    expect(textsOf(report, "0 a")).toEqual(["Input: {}"]);
    expect(report.texts.map(({ name }) => name)).toEqual(["Input"]);
  });

  it("an input or output that does not fit is no step's fault", async () => {
    const schemas = { number: { type: "object", properties: { n: { type: "number" } } } };
    const tools = [tool("a", () => ({ n: "none" }))];
    const steps = { a: {}, b: { tool_name: "a", depends_on: ["a"], output_mapping: {} } };
    const wrong = hostWith(tools);
    const given = dag(steps, { schemas, input_schema_ref: "#/schemas/number" });
    await wrong.executor.execute(given, { n: "none" });
    const refused = reportOf(given, wrong.heard.events);
    expect(refused.ending).toEqual({
      status: "failed",
      message: "The input of the flow does not fit its schema: /n must be number",
      others: [],
    });
    expect(refused.rows.map(({ status, spans }) => [status, spans])).toEqual(
      Array(2).fill(["not_reached", []]),
    );
    const made = dag(steps, { schemas, output_schema_ref: "#/schemas/number" });
    const late = hostWith(tools);
    await late.executor.execute(made, {});
    const failed = reportOf(made, late.heard.events);
    expect(failed.ending.message).toBe("The output of the flow does not fit its schema: /n must be number");
    expect(failed.rows.map(({ status }) => status)).toEqual(["done", "done"]);
  });

  it("a step that was never reached has not waited for no time", async () => {
    const { executor, heard } = hostWith([
      tool("a", () => {
        throw new Error("no");
      }),
      tool("b"),
    ]);
    const flow = dag({ a: {}, b: { depends_on: ["a"] } });
    await executor.execute(flow, {});
    const report = reportOf(flow, heard.events);
    expect(rowOf(report, "b")).toMatchObject({ status: "not_reached", spans: [], endedAt: undefined });
  });

  it("notes what cannot be written down, if the run goes on all the same", async () => {
    const checkpoints = new MemoryCheckpoints();
    const { executor, heard } = hostWith([tool("a")], { checkpoints, checkpointPolicy: "best_effort" });
    vi.spyOn(checkpoints, "delete").mockImplementation(() => {
      throw new Error("the disk is full");
    });
    const flow = list([{ tool_name: "a" }]);
    await executor.execute(flow, {});
    expect(reportOf(flow, heard.events).notes).toEqual([
      { at: start, text: "Checkpoint: it could not be deleted: the disk is full" },
    ]);
  });

  it("names an error that has no code by its type", async () => {
    const { executor, heard } = hostWith([
      tool("a", () => {
        throw new Error("no");
      }),
    ]);
    const flow = list([{ tool_name: "a" }]);
    await executor.execute(flow, {});
    const uncoded = heard.events.map((event) =>
      event.kind === "step_end"
        ? { ...event, record: { ...event.record, error_code: null, error_type: "TypeError" } }
        : event,
    );
    expect(rowOf(reportOf(flow, uncoded), "0 a").error?.name).toBe("TypeError");
  });

  it("refuses events of another flow", async () => {
    const { executor, heard } = hostWith([tool("a")]);
    await executor.execute(list([{ tool_name: "a" }]), {});
    expect(() => reportOf(list([]), heard.events)).toThrow(new RangeError("there is no step 0"));
  });

  it("shows when each step waited for others, for a slot and worked", async () => {
    const gates = new Gates();
    const { executor, ports, heard } = hostWith(
      ["a", "b", "c"].map((name) => tool(name, gates.tool(name))),
      { maxConcurrency: 1 },
    );
    const flow = dag({ a: {}, b: {}, c: { depends_on: ["a"] } }, { scheduling: "ready" });
    const run = executor.execute(flow, {});
    for (const [name, ms] of [
      ["a", 100],
      ["b", 20],
      ["c", 3],
    ] as const) {
      await ports.advance(ms);
      await gates.end(name);
    }
    await run;
    const report = reportOf(flow, heard.events);
    expect(spansOf(report, "a")).toEqual(["work 0–100"]);
    expect(spansOf(report, "b")).toEqual(["slot 0–100", "work 100–120"]);
    expect(spansOf(report, "c")).toEqual(["dependencies 0–100", "slot 100–120", "work 120–123"]);
    expect(rowOf(report, "c")).toMatchObject({ dependsOn: ["a"], kind: "tool c", status: "done" });
    expect(report).toMatchObject({ startedAt: start, endedAt: start + 123, ending: { status: "completed" } });
    expect(rowOf(report, "a").texts.map(({ name, text }) => [name, JSON.parse(text) as unknown])).toEqual([
      ["Input", {}],
      ["Output", { a: "a" }],
    ]);
  });

  it("shows attempts and the pauses between them, exclusive keys and results of others", async () => {
    const gates = new Gates();
    const busy = { max_retries: 2, backoff_seconds: 1, backoff_multiplier: 1, jitter: false };
    const { executor, ports, heard } = hostWith(
      [
        tool("a", gates.tool("a")),
        tool("b", gates.tool("b")),
        tool("c", gates.tool("c"), { exclusive: "other" }),
        tool("same", gates.tool("same"), { cacheable: true }),
      ],
      { maxConcurrency: 5, cache: new MemoryCache() },
    );
    const flow = dag({
      a: { retry: busy },
      b: { exclusive: "key" },
      c: { exclusive: "key" },
      d: { tool_name: "same", output_mapping: { d: "same" } },
      e: { tool_name: "same", output_mapping: { e: "same" } },
    });
    const run = executor.execute(flow, {});
    await ports.advance(10);
    await gates.fail("a", new Error("busy"));
    await gates.end("b");
    await gates.end("same");
    await ports.advance(1000);
    await gates.end("a");
    await gates.end("c");
    await run;
    const report = reportOf(flow, heard.events);
    expect(spansOf(report, "a")).toEqual(["attempt 0–10", "retry 10–1010", "work 1010–1010"]);
    expect(rowOf(report, "a").notes).toEqual([
      { at: start + 10, text: expect.stringMatching(/^Tried again \(1 of 2\), because: .*busy/) as string },
    ]);
    expect(spansOf(report, "c")).toEqual(["work 0–0", "exclusive 0–10", "work 10–1010"]);
    expect(rowOf(report, "c").notes).toEqual([
      { at: start, text: "Waited until nobody else had: key, other" },
    ]);
    expect(spansOf(report, "e")).toEqual(["work 0–0", "cache 0–10", "work 10–10"]);
    expect(notesOf(report, "e")).toEqual(["From the cache."]);
    expect(report.facts).toEqual([
      { name: "Version", value: "1.0.0" },
      { name: "Tool calls", value: "5" },
      { name: "Retries", value: "1" },
      { name: "From the cache", value: "1" },
    ]);
  });

  it("shows failures, what the flow went on without, what ran in the place of a tool, and who was never reached", async () => {
    const breaks = (): never => {
      throw new Error("it broke");
    };
    const { executor, heard } = hostWith([
      tool("skipped", breaks),
      tool("replaced", breaks),
      tool("other", () => ({ other: 1 })),
      tool("fails", breaks),
      tool("last"),
    ]);
    const flow = list([
      { tool_name: "skipped", on_error: "skip" },
      { tool_name: "replaced", on_error: "fallback:other" },
      { tool_name: "fails" },
      { tool_name: "last" },
    ]);
    await executor.execute(flow, {});
    const report = reportOf(flow, heard.events);
    expect(report.rows.map(({ name, status }) => `${name}: ${status}`)).toEqual([
      "0 skipped: excused",
      "1 replaced: done",
      "2 fails: failed",
      "3 last: not_reached",
    ]);
    expect(rowOf(report, "0 skipped").error).toEqual({
      name: "FLOW-E015",
      text: '"skipped" failed: it broke',
      omitted: 0,
    });
    expect(notesOf(report, "0 skipped")).toEqual(['Failed before: "skipped" failed: it broke']);
    expect(textsOf(report, "0 skipped")).toEqual(["Input: {}"]);
    expect(notesOf(report, "1 replaced")).toEqual([
      "other ran in its place.",
      'Failed before: "replaced" failed: it broke',
    ]);
    expect(rowOf(report, "1 replaced").error).toBeUndefined();
    expect(rowOf(report, "2 fails").error?.text).toBe('"fails" failed: it broke');
    expect(notesOf(report, "2 fails")).toEqual([]);
    expect(textsOf(report, "2 fails")).toHaveLength(1);
    expect(report.ending).toEqual({
      status: "failed",
      message: '2 fails: "fails" failed: it broke',
      others: [],
    });
  });

  it("a step whose output cannot be merged has failed; an overwritten key is noted", async () => {
    const flow = list([{ tool_name: "a" }, { tool_name: "b" }], { on_context_collision: "error" });
    const tools = [tool("a", () => ({ key: 1 })), tool("b", () => ({ key: 2 }))];
    const strict = hostWith(tools);
    await strict.executor.execute(flow, {}, { unchecked: true });
    const failed = reportOf(flow, strict.heard.events);
    expect(rowOf(failed, "1 b").status).toBe("failed");
    expect(rowOf(failed, "1 b").error?.name).toBe("FLOW-E019");
    expect(rowOf(failed, "1 b").error?.text).toMatch(
      /^Nothing is merged: "key" is already there, from step 0/,
    );
    const lenient = hostWith(tools);
    const warned = list([{ tool_name: "a" }, { tool_name: "b" }]);
    await lenient.executor.execute(warned, {});
    expect(reportOf(warned, lenient.heard.events).notes).toEqual([
      { at: start, text: '1 b overwrites "key" of 0 a.' },
    ]);
  });

  it.each([
    ["notes", "warn", ['0 a overwrites "key" of the input.']],
    ["does not note", "overwrite", []],
  ])(
    "%s that a step overwrites a key of the input, where the flow says %s",
    async (_, on_context_collision, notes) => {
      const { executor, heard } = hostWith([tool("a", () => ({ key: 1 }))]);
      const flow = list([{ tool_name: "a" }], { on_context_collision });
      await executor.execute(flow, { key: 0 }, { unchecked: true });
      expect(heard.of("collision")).toHaveLength(1);
      expect(reportOf(flow, heard.events).notes.map(({ text }) => text)).toEqual(notes);
    },
  );

  it("shows that a run was cancelled, and of one that goes on with it what was done before", async () => {
    const gates = new Gates();
    const checkpoints = new MemoryCheckpoints();
    const { executor, ports, heard } = hostWith(
      ["a", "b", "c"].map((name) => tool(name, gates.tool(name))),
      { checkpoints },
    );
    const flow = dag({ a: {}, b: { depends_on: ["a"] }, c: { depends_on: ["b"] } });
    const stop = new AbortController();
    const run = rejection(executor.execute(flow, {}, { signal: stop.signal, traceId: "r" }));
    await settled();
    await gates.end("a");
    await gates.end("b");
    await ports.advance(5);
    stop.abort(new Error("enough"));
    await run;
    const cancelled = reportOf(flow, heard.events);
    expect(cancelled.ending).toEqual({ status: "cancelled", message: undefined, others: [] });
    expect(cancelled.rows.map(({ status }) => status)).toEqual(["done", "done", "cancelled"]);
    expect(spansOf(cancelled, "c")).toEqual(["work 0–5"]);
    expect(rowOf(cancelled, "c").notes).toEqual([{ at: start + 5, text: '"c" failed: enough' }]);
    expect(rowOf(cancelled, "c").error).toBeUndefined();
    heard.events.length = 0;
    const resumed = executor.resume("r", () => flow);
    await ports.advance(5);
    await gates.end("c");
    await resumed;
    const report = reportOf(flow, heard.events);
    expect(report.rows.map(({ status, spans }) => `${status} ${spans.length}`)).toEqual([
      "done_before 0",
      "done_before 0",
      "done 1",
    ]);
    expect(textsOf(report, "a")).toEqual(['Output: {\n  "a": "a"\n}']);
    expect(report.facts).toEqual([
      { name: "Version", value: "1.0.0" },
      { name: "Resumed", value: "yes" },
      { name: "Tool calls", value: "1" },
    ]);
  });

  it("[F164] no value of a parameter is in it, whoever says it and however it is written", async () => {
    const secret = 'hun"ter2';
    const { executor, heard } = hostWith([
      tool("tells", ({ key }) => ({ told: `the key is ${String(key)}` })),
      tool("breaks", ({ key }) => {
        throw new Error(`not with ${String(key)}`);
      }),
    ]);
    const flow = list([{ tool_name: "tells" }, { tool_name: "breaks" }], { dynamic_params: ["key"] });
    await executor.execute(flow, {}, { params: { key: secret } });
    const text = JSON.stringify(reportOf(flow, heard.events, { key: secret }));
    expect(text).toContain("the key is ‹key›");
    expect(text).toContain("not with ‹key›");
    expect(text).not.toContain("ter2");
  });
});
