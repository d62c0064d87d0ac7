import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MemoryCache } from "../../../src/flows/flow/run/cache.js";
import { MemoryCheckpoints } from "../../../src/flows/flow/run/checkpoint.js";
import { errorCodes } from "../../../src/flows/flow/run/error-codes.js";
import type { FlowEvent } from "../../../src/flows/flow/run/events.js";
import { FileLog } from "../../../src/flows/log/file-log.js";
import { Tool } from "../../../src/flows/flow/tools/tool.js";
import { dag, list, object, tool } from "./support/flows.js";
import { Gates, hostWith, settled } from "./support/runs.js";

describe("results and records", () => {
  it("[F192] [F191] a result has all its fields, and JSON gives it back as it was", async () => {
    const { executor } = hostWith([tool("a", () => ({ x: 1 }))]);
    const result = await executor.execute(list([{ tool_name: "a" }]), { in: 1 });
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    expect(result).toEqual({
      trace_schema_version: "1.1",
      trace_id: "run-1",
      flow_name: "list",
      flow_version: "0.1.0",
      success: true,
      initial_input: { in: 1 },
      final_output: { in: 1, x: 1 },
      failed_step: null,
      collisions: [],
      started_at: "2026-01-01T00:00:00.000Z",
      ended_at: "2026-01-01T00:00:00.000Z",
      total_duration_ms: 0,
      cost_report: { tool_calls: 1, retries: 0, cache_hits: 0, barrier_ms: 0 },
      execution_log: [
        {
          step_index: 0,
          step_id: null,
          flow_name: "list",
          tool_name: "a",
          level: null,
          status: "succeeded",
          success: true,
          inputs: { in: 1 },
          outputs: { x: 1 },
          error_type: null,
          error_code: null,
          error_message: null,
          launched_at: "2026-01-01T00:00:00.000Z",
          started_at: "2026-01-01T00:00:00.000Z",
          completed_at: "2026-01-01T00:00:00.000Z",
          duration_ms: 0,
          barrier_ms: null,
          worker_slot: 0,
          retry_count: 0,
          retry_errors: [],
          skipped: false,
          cached: false,
          fallback_used: false,
          fallback_tool_name: null,
        },
      ],
    });
  });

  it("[F196] [F197] a record has its step's id, level, slot and three times, whatever became of it", async () => {
    const gates = new Gates();
    const names = ["a", "b", "c"];
    const { executor, ports, heard } = hostWith(
      names.map((name) => tool(name, gates.tool(name))),
      { maxConcurrency: 2 },
    );
    const run = executor.execute(dag({ a: {}, b: {}, c: {}, d: { tool_name: "a", depends_on: ["a"] } }), {});
    await settled();
    await ports.advance(5);
    await gates.end("b");
    await ports.advance(5);
    await gates.fail("a");
    const { execution_log } = await run;
    const at = (ms: number): string => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
    expect(
      execution_log.map(({ step_id, level, status, worker_slot, launched_at, started_at, completed_at }) => [
        ...[step_id, level, status, worker_slot, launched_at, started_at, completed_at],
      ]),
    ).toEqual([
      ["a", 0, "failed", 0, at(0), at(0), at(10)],
      ["b", 0, "succeeded", 1, at(0), at(0), at(5)],
      ["c", 0, "cancelled", 1, at(0), at(5), at(10)],
      ["d", 1, "not_started", null, null, null, null],
    ]);
    expect(
      heard
        .of("step_end")
        .map(({ step_id, launched_at, started_at, completed_at, group }) => [
          step_id,
          launched_at,
          started_at,
          completed_at,
          group,
        ]),
    ).toEqual([
      ["b", at(0), at(0), at(5), "level-0"],
      ["a", at(0), at(0), at(10), "level-0"],
      ["c", at(0), at(5), at(10), "level-0"],
    ]);
  });

  it("[F197] [F191] a step that never ran has a record of which nothing but its place is filled in", async () => {
    const { executor } = hostWith([tool("a", () => null), tool("b")]);
    const { execution_log } = await executor.execute(list([{ tool_name: "a" }, { tool_name: "b" }]), {});
    expect(execution_log[1]).toEqual({
      step_index: 1,
      step_id: null,
      flow_name: "list",
      tool_name: "b",
      level: null,
      status: "not_started",
      success: false,
      inputs: null,
      outputs: null,
      error_type: null,
      error_code: null,
      error_message: null,
      launched_at: null,
      started_at: null,
      completed_at: null,
      duration_ms: null,
      barrier_ms: null,
      worker_slot: null,
      retry_count: 0,
      retry_errors: [],
      skipped: false,
      cached: false,
      fallback_used: false,
      fallback_tool_name: null,
    });
  });

  it("[F195] each class of error has a code of its own, which the README explains", () => {
    const codes = Object.values(errorCodes);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect(code).toMatch(/^FLOW-E\d{3}$/);
    const readme = readFileSync(new URL("../../../docs/flow-errors.md", import.meta.url), "utf8");
    const rows = [...readme.matchAll(/^\| (FLOW-E\d{3}) +\| `(\w+)` +\|/gm)].map(([, code, name]) => [
      name,
      code,
    ]);
    expect(rows).toEqual(Object.entries(errorCodes));
  });

  it("[F241] starts and ends come in pairs, whatever happens", async () => {
    const gates = new Gates();
    const { executor, heard } = hostWith(
      [tool("a", gates.tool("a")), tool("b", () => ({ k: 1 })), tool("c", () => ({ k: 2 }))],
      { maxConcurrency: 3 },
    );
    const run = executor.execute(dag({ a: {}, b: {}, c: {} }), {}, { unchecked: true });
    await settled();
    await gates.end("a");
    await run;
    const kinds = heard.kinds();
    for (const step of ["a", "b", "c"]) {
      expect(kinds.filter((kind) => kind === `step_start ${step}`)).toHaveLength(1);
      expect(kinds.filter((kind) => kind === `step_end ${step}`)).toHaveLength(1);
      expect(kinds.indexOf(`step_start ${step}`)).toBeLessThan(kinds.indexOf(`step_end ${step}`));
    }
    expect([kinds[0], kinds.at(-1)]).toEqual(["flow_start", "flow_end"]);
    expect(kinds.filter((kind) => kind.startsWith("flow_"))).toHaveLength(2);
  });
});

describe("the order of what happens to a step", () => {
  it("[F141] inputs, contract, start, cache, tool, output, contract, cache, checkpoint, end", async () => {
    const log: string[] = [];
    const cache = new MemoryCache();
    const { executor } = hostWith(
      [
        new Tool(
          "t",
          {
            cacheable: true,
            input_schema: object({ x: "integer" }),
            output_schema: object({ y: "integer" }),
          },
          () => {
            log.push("tool");
            return { y: 1 };
          },
        ),
      ],
      {
        cache: {
          get: (key) => {
            log.push("look");
            return cache.get(key);
          },
          set: (key, output) => {
            log.push("keep");
            cache.set(key, output);
          },
        },
        checkpoints: new MemoryCheckpoints(),
        middleware: [{ event: ({ kind }) => log.push(kind) }],
      },
    );
    const flow = list([{ tool_name: "t" }], {
      schemas: { in: object({ x: "integer" }) },
      input_schema_ref: "#/schemas/in",
    });
    await executor.execute(flow, { x: 1 });
    expect(log).toEqual([
      ...[
        "flow_start",
        "step_queued",
        "step_start",
        "look",
        "tool",
        "keep",
        "checkpoint",
        "step_end",
        "flow_end",
      ],
    ]);
  });

  it("[F141] [F104] an input that the step's contract refuses never gets what is in the cache", async () => {
    const cache = new MemoryCache();
    let looks = 0;
    const { executor } = hostWith([new Tool("t", { cacheable: true }, () => ({ y: 1 }))], {
      cache: {
        get: (key) => {
          looks += 1;
          return cache.get(key);
        },
        set: (key, output) => {
          cache.set(key, output);
        },
      },
    });
    const schemas = { in: object({ x: "integer" }) };
    await executor.execute(list([{ tool_name: "t" }]), { x: "text" });
    const strict = list([{ tool_name: "t", input_contract: "#/schemas/in" }], { schemas });
    expect((await executor.execute(strict, { x: "text" })).execution_log[0]).toMatchObject({
      error_type: "ContractError",
      cached: false,
    });
    expect(looks).toBe(1);
  });
});

describe("many at once", () => {
  it("[F136] [F200] [U26] runs that write one log never mix their lines, and each keeps its order", async () => {
    const folder = mkdtempSync(join(tmpdir(), "flow-log-"));
    const path = join(folder, "log.ndjson");
    const log = await FileLog.open(path);
    const steps = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`s${n}`, { tool_name: "big" }]));
    const { executor } = hostWith([tool("big", () => ({ text: "x".repeat(10_000) }))], {
      maxConcurrency: 8,
      middleware: [
        {
          event: (event) => {
            log.write(event);
          },
        },
      ],
    });
    const flow = dag(steps, { merge: { text: "first" }, scheduling: "ready" });
    await Promise.all(Array.from({ length: 8 }, () => executor.execute(flow, {})));
    await log.flushed();
    await log.close();
    const events = readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as FlowEvent);
    for (let run = 1; run <= 8; run += 1) {
      const own = events.filter((event) => event.run === `run-${run}`);
      expect([own[0]?.kind, own.at(-1)?.kind]).toEqual(["flow_start", "flow_end"]);
      const ended = own.flatMap((event) => (event.kind === "step_end" ? [event.step_index] : []));
      // Who reads it can put the steps into their order again.
      expect(ended.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    }
    rmSync(folder, { recursive: true });
  });

  it("[F123] [F133] sixteen runs of two versions, turn and turn about: each has its own", async () => {
    const { executor } = hostWith([tool("a", ({ n }) => ({ twice: Number(n) * 2 }))], { maxConcurrency: 4 });
    const results = await Promise.all(
      Array.from({ length: 16 }, (_, n) =>
        executor.execute(list([{ tool_name: "a" }], { version: `${n % 2}.0.0` }), { n }),
      ),
    );
    expect(results.map(({ flow_version, final_output }) => [flow_version, final_output])).toEqual(
      Array.from({ length: 16 }, (_, n) => [`${n % 2}.0.0`, { n, twice: n * 2 }]),
    );
  });

  it("[F145] [F153] [F147] sixty-four at once with one cache and one store: one call for each input", async () => {
    const calls: unknown[] = [];
    const t = new Tool("t", { cacheable: true }, ({ n }) => {
      calls.push(n);
      return { out: n };
    });
    const checkpoints = new MemoryCheckpoints();
    const { executor } = hostWith([t], { cache: new MemoryCache(), checkpoints, keepCheckpoints: true });
    const results = await Promise.all(
      Array.from({ length: 64 }, (_, n) => executor.execute(list([{ tool_name: "t" }]), { n: n % 8 })),
    );
    expect(calls.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(results.map(({ final_output }) => final_output?.["out"])).toEqual(
      Array.from({ length: 64 }, (_, n) => n % 8),
    );
    expect(checkpoints.size).toBe(64);
  });

  it("[F219] six that wait equally long take as long as one, if six may run", async () => {
    const took = async (maxConcurrency: number): Promise<number> => {
      const host = hostWith(
        [
          tool("wait", async (_, { signal }) => {
            await host.ports.wait(50, signal);
            return {};
          }),
        ],
        { maxConcurrency },
      );
      const flow = dag(
        Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`leaf${n}`, { tool_name: "wait" }])),
      );
      const run = host.executor.execute(flow, {});
      await host.ports.advance(1000);
      const { execution_log } = await run;
      return (
        Math.max(...execution_log.map(({ completed_at }) => Date.parse(completed_at ?? ""))) -
        Date.UTC(2026, 0, 1)
      );
    };
    expect(await took(1)).toBe(300);
    expect(await took(6)).toBe(50);
  });
});
