import { describe, expect, it } from "vitest";
import { MemoryCache, type StepCache } from "../../../src/flows/flow/run/cache.js";
import { Tool, ToolDefinitionError } from "../../../src/flows/flow/tools/tool.js";
import { dag, list, object, tool } from "./support/flows.js";
import { Gates, hostWith, rejection, settled } from "./support/runs.js";

const once = list([{ tool_name: "t" }]);

/** A tool that can be cached, and how often it was called. */
function counted(
  traits: object = {},
  make: (input: object) => object = () => ({ made: 1 }),
): { tool: Tool; calls: number } {
  const counter = {
    calls: 0,
    tool: new Tool("t", { cacheable: true, ...traits }, (input) => {
      counter.calls += 1;
      return make(input);
    }),
  };
  return counter;
}

describe("the cache", () => {
  it("[F142] [F140] the same input is not worked out again, whatever the order of its keys and its defaults", async () => {
    const input = { type: "object", properties: { a: {}, b: { default: 2 } } };
    const t = counted({ input_schema: input });
    const { executor } = hostWith([t.tool], { cache: new MemoryCache() });
    const run = async (value: object): Promise<unknown> => {
      const { execution_log, cost_report } = await executor.execute(once, value as never, {
        unchecked: true,
      });
      return [execution_log[0]?.cached, execution_log[0]?.outputs, cost_report.cache_hits];
    };
    expect(await run({ a: { x: 1, y: 2 }, b: 2 })).toEqual([false, { made: 1 }, 0]);
    expect(await run({ b: 2, a: { y: 2, x: 1 } })).toEqual([true, { made: 1 }, 1]);
    expect(await run({ a: { x: 1, y: 2 } })).toEqual([true, { made: 1 }, 1]);
    expect(t.calls).toBe(1);
    expect(await run({ a: 1 })).toEqual([false, { made: 1 }, 0]);
  });

  it("[F140] another schema or version is another entry", async () => {
    const cache = new MemoryCache();
    for (const traits of [{}, { schema_version: "2" }, { output_schema: object({ made: "integer" }) }]) {
      const t = counted(traits);
      await hostWith([t.tool], { cache }).executor.execute(once, {});
      expect(t.calls).toBe(1);
    }
    expect(cache.size).toBe(3);
  });

  it("[F144] only tools that say so are cached, and not those with effects", async () => {
    const t = counted({ cacheable: undefined });
    const { executor } = hostWith([t.tool], { cache: new MemoryCache() });
    await executor.execute(once, {});
    await executor.execute(once, {});
    expect(t.calls).toBe(2);
    expect(() => counted({ side_effects: "write" })).toThrow(ToolDefinitionError);
    expect(() => counted({ idempotent: false })).toThrow('is "cacheable", and yet it has effects');
    expect(() => counted({ side_effects: "read" })).not.toThrow();
  });

  it("[F144] without a cache, a tool that could be cached is simply called", async () => {
    const t = counted();
    const { executor, heard } = hostWith([t.tool]);
    await executor.execute(once, {});
    await executor.execute(once, {});
    expect(t.calls).toBe(2);
    expect(heard.of("cache_failed")).toEqual([]);
  });

  it("[F143] [F142] what does not fit is not kept; a hit is looked at, too", async () => {
    const cache = new MemoryCache();
    const schemas = { strict: object({ made: "string" }) };
    const strict = list([{ tool_name: "t", output_contract: "#/schemas/strict" }], { schemas });
    const bad = counted({ output_schema: object({ made: "string" }) });
    await hostWith([bad.tool], { cache }).executor.execute(once, {});
    expect(cache.size).toBe(0);
    const t = counted();
    const { executor } = hostWith([t.tool], { cache });
    expect((await executor.execute(strict, {})).success).toBe(false);
    expect(cache.size).toBe(0);
    await executor.execute(once, {});
    const hit = await executor.execute(strict, {});
    expect(hit.execution_log[0]).toMatchObject({ cached: true, error_type: "ContractError" });
  });

  it("[F143] neither a fallback nor a skipped step is kept", async () => {
    const cache = new MemoryCache();
    const fails = new Tool("t", { cacheable: true }, () => {
      throw new Error("broken");
    });
    const { executor } = hostWith([fails, tool("other", () => ({ made: 2 }))], { cache });
    await executor.execute(list([{ tool_name: "t", on_error: "fallback:other" }]), {});
    await executor.execute(list([{ tool_name: "t", on_error: "skip" }]), {});
    expect(cache.size).toBe(0);
  });

  it.each([
    [null, "it must be an object with a key for each result, and is null"],
    [5, "is a number"],
    [["a"], "is an array"],
    [{ made: 5 }, 'The output of "t" does not fit its schema: /made must be string'],
    [{}, "must have required property 'made'"],
    [{ made: "x".repeat(100) }, "more than 50, which is the limit"],
  ])(
    "[F142] [F148] what is kept goes through the checks of a fresh output: %j is a miss",
    async (kept, why) => {
      const cache = new MemoryCache();
      const t = counted({ output_schema: object({ made: "string" }), max_output_bytes: 50 }, () => ({
        made: "fresh",
      }));
      const { executor, heard } = hostWith([t.tool], {
        cache: {
          get: () => kept,
          set: (...entry) => {
            cache.set(...entry);
          },
        },
      });
      const { final_output, execution_log } = await executor.execute(once, {});
      expect(final_output).toEqual({ made: "fresh" });
      expect(execution_log[0]?.cached).toBe(false);
      expect(heard.of("cache_failed")[0]?.error).toContain(why);
      expect(cache.size).toBe(1);
    },
  );

  it("[F143] a cache that fails is told of, and no step fails of it", async () => {
    const disk: StepCache = {
      get: () => {
        throw new Error("unreadable");
      },
      set: () => Promise.reject(new Error("full")),
    };
    const undo = tool("undo", () => ({ undone: 1 }));
    const { executor, heard } = hostWith([counted().tool, undo], { cache: disk });
    const result = await executor.execute(list([{ tool_name: "t", on_error: "fallback:undo" }]), {});
    expect(result.final_output).toEqual({ made: 1 });
    expect(result.cost_report.tool_calls).toBe(1);
    expect(heard.of("cache_failed")).toMatchObject([
      { tool_name: "t", error: "what is kept cannot be used: unreadable" },
      { tool_name: "t", error: "the output cannot be kept: full" },
    ]);
  });

  it("[F145] [F146] nobody shares an entry: not who put it there, not who got it", () => {
    const cache = new MemoryCache();
    const keys = Array.from({ length: 64 }, (_, n) => ({
      tool: "t",
      makeHash: "m",
      schemaHash: "s",
      inputHash: String(n),
    }));
    for (const [n, key] of keys.entries()) {
      const output = { deep: [n] };
      cache.set(key, output);
      output.deep.push(99);
      (cache.get(key) as { deep: number[] }).deep.push(98);
      expect(cache.get(key)).toEqual({ deep: [n] });
    }
    expect(cache.size).toBe(64);
  });
});

describe("five at once who want the same", () => {
  const flow = list([{ tool_name: "t", input_mapping: { x: 1 } }]);
  const start = (count: number, gates: Gates, cache = new MemoryCache()) => {
    const host = hostWith([new Tool("t", { cacheable: true }, gates.tool("t"))], { cache });
    const controllers = Array.from({ length: count }, () => new AbortController());
    const runs = controllers.map(({ signal }) => host.executor.execute(flow, {}, { signal }));
    return { ...host, controllers, runs };
  };

  it("[F147] [U22] one works it out, four take what it made", async () => {
    const gates = new Gates();
    const { runs } = start(5, gates);
    await settled();
    expect(gates.started).toEqual(["t"]);
    await gates.end("t", { made: 1 });
    const results = await Promise.all(runs);
    expect(results.map(({ execution_log }) => execution_log[0]?.cached)).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
    expect(results.every(({ final_output }) => final_output?.["made"] === 1)).toBe(true);
    expect(gates.started).toEqual(["t"]);
  });

  it("[F147] [U22] if the first fails, the next one tries", async () => {
    const gates = new Gates();
    const { runs } = start(5, gates);
    await settled();
    await gates.fail("t");
    await settled();
    expect(gates.started).toEqual(["t", "t"]);
    await gates.end("t", { made: 2 });
    const results = await Promise.all(runs);
    expect(results.map(({ success }) => success)).toEqual([false, true, true, true, true]);
    expect(gates.started).toHaveLength(2);
  });

  it("[F147] [U22] one who leaves disturbs nobody, whether it waits or works", async () => {
    const gates = new Gates();
    const { runs, controllers } = start(5, gates);
    await settled();
    controllers[2]?.abort(new Error("gone"));
    const waiting = await rejection(runs[2] ?? Promise.resolve());
    expect(waiting).toMatchObject({ name: "FlowCancelledError" });
    expect(gates.open).toEqual(["t"]);
    controllers[0]?.abort(new Error("gone, too"));
    await rejection(runs[0] ?? Promise.resolve());
    await settled();
    await gates.end("t", { made: 3 });
    for (const at of [1, 3, 4]) expect((await runs[at])?.final_output).toEqual({ made: 3 });
    expect(gates.started).toHaveLength(2);
  });

  it("[F147] within one run, too: who waits for another's result holds no slot", async () => {
    const gates = new Gates();
    const same = { tool_name: "t", input_mapping: { x: 1 }, output_mapping: {} };
    const { executor } = hostWith(
      [new Tool("t", { cacheable: true }, gates.tool("t")), tool("c", gates.tool("c"))],
      {
        cache: new MemoryCache(),
        maxConcurrency: 2,
      },
    );
    const run = executor.execute(dag({ a: same, b: same, c: {} }), {});
    await settled();
    expect(gates.open.sort()).toEqual(["c", "t"]);
    await gates.end("t");
    await gates.end("c");
    expect((await run).cost_report).toMatchObject({ tool_calls: 2, cache_hits: 1 });
  });
});
