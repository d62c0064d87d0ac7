import { describe, expect, it } from "vitest";
import type { FlowDefinition } from "../../../src/flows/flow/definition/definition.js";
import type { FlowEvent } from "../../../src/flows/flow/run/events.js";
import { FlowReporter } from "../../../src/flows/report/flow-reporter.js";
import { outlineOfFlow } from "../../../src/flows/report/outline.js";
import type { Report, Row } from "../../../src/flows/report/report.js";
import { MemoryCache } from "../../../src/flows/flow/run/cache.js";
import { MemoryCheckpoints } from "../../../src/flows/flow/run/checkpoint.js";
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

describe("the report of a flow", () => {
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
        tool("c", gates.tool("c")),
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
    expect(spansOf(report, "e")).toEqual(["work 0–0", "cache 0–10", "work 10–10"]);
    expect(rowOf(report, "e").notes.map(({ text }) => text)).toEqual(["From the cache."]);
    expect(report.facts).toContainEqual({ name: "Retries", value: "1" });
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
    expect(rowOf(report, "0 skipped").error?.text).toContain("it broke");
    expect(rowOf(report, "1 replaced").notes.map(({ text }) => text)).toContain("other ran in its place.");
    expect(rowOf(report, "2 fails").error?.text).toContain("it broke");
    expect(report.ending.status).toBe("failed");
    expect(report.ending.message).toMatch(/^2 fails: .*it broke/);
  });

  it("a step whose output cannot be merged has failed; an overwritten key is noted", async () => {
    const flow = list([{ tool_name: "a" }, { tool_name: "b" }], { on_context_collision: "error" });
    const tools = [tool("a", () => ({ key: 1 })), tool("b", () => ({ key: 2 }))];
    const strict = hostWith(tools);
    await strict.executor.execute(flow, {}, { unchecked: true });
    const failed = reportOf(flow, strict.heard.events);
    expect(rowOf(failed, "1 b")).toMatchObject({ status: "failed" });
    const lenient = hostWith(tools);
    const warned = list([{ tool_name: "a" }, { tool_name: "b" }]);
    await lenient.executor.execute(warned, {});
    expect(reportOf(warned, lenient.heard.events).notes.map(({ text }) => text)).toEqual([
      '1 b overwrites "key" of 0 a.',
    ]);
  });

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
    expect(cancelled.ending.status).toBe("cancelled");
    expect(cancelled.rows.map(({ status }) => status)).toEqual(["done", "done", "cancelled"]);
    expect(spansOf(cancelled, "c")).toEqual(["work 0–5"]);
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
    expect(report.facts).toContainEqual({ name: "Resumed", value: "yes" });
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
