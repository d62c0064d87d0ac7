import { describe, expect, it } from "vitest";
import { flowChange } from "../../../src/flow-command/flow/flow-board.js";
import { flowProgressLine } from "../../../src/flow-command/flow/flow-progress.js";
import { LiveBoard } from "../../../src/flow-command/live-board.js";
import type { FlowEvent } from "../../../src/flows/flow/run/events.js";
import { MemoryCache } from "../../../src/flows/flow/run/cache.js";
import { MemoryCheckpoints } from "../../../src/flows/flow/run/checkpoint.js";
import { dag, list, tool } from "./support/flows.js";
import { Gates, hostWith, settled } from "./support/runs.js";

/** What a board shows after these events, each of which came when it says. */
function boardAfter(events: readonly FlowEvent[], now: number): string[] {
  const board = new LiveBoard();
  for (const event of events) {
    const change = flowChange(event);
    if (change !== undefined) board.tell(change, Date.parse(event.ts));
  }
  return board.render(now).split("\n");
}

const linesOf = (events: readonly FlowEvent[]): string[] =>
  events
    .map((event) => flowProgressLine(event) ?? "")
    .filter((line) => line.includes(": waits for") || line.includes("; waits for"));

describe("what a step waits for", () => {
  it("[F71] a slot, then a key that another has, then a slot again: each since when", async () => {
    const gates = new Gates();
    const { executor, heard, ports } = hostWith([tool("work", gates.tool("work"))], { maxConcurrency: 2 });
    const step = (as: string, more = {}): Record<string, unknown> => ({
      tool_name: "work",
      input_mapping: { as: `/${as}` },
      output_mapping: { [`${as}_out`]: "work" },
      ...more,
    });
    const run = executor.execute(
      dag(
        { a: step("a", { exclusive: "db" }), b: step("b", { exclusive: "db" }), c: step("c"), d: step("d") },
        { scheduling: "ready" },
      ),
      { a: "a", b: "b", c: "c", d: "d" },
      { unchecked: true },
    );
    await ports.advance(1000);
    // Who waits for the key gives its slot to the next.
    expect(boardAfter(heard.events, ports.wallTime())).toEqual([
      "  a: runs, 1.0 s",
      '  b: waits for the key "db", 1.0 s',
      "  c: runs, 1.0 s",
      "  d: waits for a slot, 1.0 s",
      "  0 of 4 steps",
    ]);
    await gates.end("c", { work: 1 });
    await ports.advance(500);
    await gates.end("a", { work: 1 });
    expect(boardAfter(heard.events, ports.wallTime() + 250)).toEqual([
      "  b: runs, 0.3 s",
      "  d: runs, 0.8 s",
      "  2 of 4 steps",
    ]);
    await gates.end("b", { work: 1 });
    await gates.end("d", { work: 1 });
    expect((await run).success).toBe(true);
    expect(boardAfter(heard.events, 0)).toEqual(["  4 of 4 steps"]);
    expect(linesOf(heard.events)).toEqual(['b: waits for the key "db"']);
    expect(heard.kinds().filter((kind) => kind.endsWith(" b"))).toEqual([
      "step_queued b",
      "step_start b",
      "step_waiting b",
      "step_waiting b",
      "step_working b",
      "step_end b",
    ]);
  });

  it("[F98] the pause before a retry, with what failed", async () => {
    const gates = new Gates();
    const { executor, heard, ports } = hostWith([tool("work", gates.tool("work"))]);
    const run = executor.execute(
      list([{ tool_name: "work", retry: { max_retries: 2, backoff_seconds: 3 } }]),
      {},
      { unchecked: true },
    );
    await settled();
    await gates.fail("work", new Error("no luck"));
    await ports.advance(1500);
    expect(boardAfter(heard.events, ports.wallTime())).toEqual([
      "  0 work: waits for retry 1 of 2 (pause of 3.0 s), 1.5 s",
      "  0 of 1 steps",
    ]);
    await ports.advance(1500);
    expect(boardAfter(heard.events, ports.wallTime())[0]).toBe("  0 work: runs, 0.0 s");
    await gates.end("work");
    expect((await run).success).toBe(true);
    expect(linesOf(heard.events)).toEqual([
      '0 work: "work" failed: no luck; waits for retry 1 of 2 (pause of 3.0 s)',
    ]);
  });

  it("[F147] what another is about to put into the cache", async () => {
    const gates = new Gates();
    const { executor, heard, ports } = hostWith([tool("work", gates.tool("work"), { cacheable: true })], {
      maxConcurrency: 2,
      cache: new MemoryCache(),
    });
    const run = executor.execute(
      dag({
        a: { tool_name: "work", output_mapping: { x: "work" } },
        b: { tool_name: "work", output_mapping: { y: "work" } },
      }),
      {},
      { unchecked: true },
    );
    await ports.advance(1000);
    expect(boardAfter(heard.events, ports.wallTime())).toEqual([
      "  a: runs, 1.0 s",
      "  b: waits for another step that makes the same result, 1.0 s",
      "  0 of 2 steps",
    ]);
    await gates.end("work");
    expect((await run).success).toBe(true);
    expect(linesOf(heard.events)).toEqual(["b: waits for another step that makes the same result"]);
  });

  it("a step that fails while it waits does not work again", async () => {
    const gates = new Gates();
    const { executor, heard, ports } = hostWith([tool("work", gates.tool("work"))]);
    const stop = new AbortController();
    const run = executor.execute(
      list([{ tool_name: "work", retry: { max_retries: 2, backoff_seconds: 3 } }]),
      {},
      { unchecked: true, signal: stop.signal },
    );
    await settled();
    await gates.fail("work");
    stop.abort();
    await expect(run).rejects.toThrow("it was cancelled");
    expect(ports.waiting).toBe(0);
    expect(heard.kinds().slice(2)).toEqual(["step_start 0", "step_waiting 0", "step_end 0", "flow_end"]);
  });
});

it("[F156] steps that were done before a run was resumed are counted, and have no line", async () => {
  const gates = new Gates();
  const checkpoints = new MemoryCheckpoints();
  const { executor, heard, ports } = hostWith([tool("a"), tool("b", gates.tool("b"))], { checkpoints });
  const flow = list([{ tool_name: "a" }, { tool_name: "b" }]);
  const failed = executor.execute(flow, {}, { unchecked: true, traceId: "x" });
  await settled();
  await gates.fail("b");
  expect((await failed).success).toBe(false);
  heard.events.length = 0;
  const resumed = executor.resume("x", () => flow, { unchecked: true });
  await settled();
  expect(boardAfter(heard.events, ports.wallTime())).toEqual(["  1 b: runs, 0.0 s", "  1 of 2 steps"]);
  await gates.end("b");
  expect((await resumed).success).toBe(true);
  expect(boardAfter(heard.events, 0)).toEqual(["  2 of 2 steps"]);
});
