import { describe, expect, it } from "vitest";
import {
  FlowCompileError,
  FlowStatusError,
  FlowUnsupportedError,
} from "../../../src/flows/flow/run/refusals.js";
import { dag, list, object, tool, typed } from "./support/flows.js";
import { Gates, hostWith, rejection, settled, statuses, timeless } from "./support/runs.js";

const constant = (name: string, output: object): ReturnType<typeof tool> => tool(name, () => output);
const fails = tool("fails", () => {
  throw new Error("broken");
});

describe("a list of steps", () => {
  it("[F1] [F11] [F236] steps read from the context and add to it", async () => {
    const { executor } = hostWith([
      tool("read", ({ path }) => ({ text: `in ${String(path)}`, meta: { sizes: [4, 5] } })),
      tool("count", ({ text, size, limit }) => ({ words: String(text).split(" ").length, size, limit })),
    ]);
    const flow = list([
      { tool_name: "read" },
      {
        tool_name: "count",
        input_mapping: { text: "text", size: "/meta/sizes/1", limit: 3 },
        output_mapping: { total: "words", size: "size", limit: "limit" },
      },
    ]);
    const result = await executor.execute(flow, { path: "a" }, { unchecked: true });
    expect(result).toMatchObject({
      success: true,
      failed_step: null,
      flow_version: "0.1.0",
      trace_id: "run-1",
    });
    expect(result.final_output).toEqual({
      path: "a",
      text: "in a",
      meta: { sizes: [4, 5] },
      total: 2,
      size: 5,
      limit: 3,
    });
    expect(Object.keys(result.final_output ?? {})).toEqual([
      "path",
      "text",
      "meta",
      "total",
      "size",
      "limit",
    ]);
    expect(result.execution_log[1]).toMatchObject({
      step_index: 1,
      tool_name: "count",
      inputs: { text: "in a", size: 5, limit: 3 },
      outputs: { words: 2, size: 5, limit: 3 },
    });
  });

  it("[F51] is the same as a graph in which each depends on the one before", async () => {
    const { executor } = hostWith([constant("a", { x: 1 }), constant("b", { y: 2 })]);
    const asList = await executor.execute(list([{ tool_name: "a" }, { tool_name: "b" }]), {});
    const asGraph = await executor.execute(dag({ a: {}, b: { depends_on: ["a"] } }), {});
    expect(asGraph.final_output).toEqual(asList.final_output);
    expect(asGraph.execution_log.map(({ outputs, inputs }) => ({ outputs, inputs }))).toEqual(
      asList.execution_log.map(({ outputs, inputs }) => ({ outputs, inputs })),
    );
  });

  it("[F50] without steps the input is the output", async () => {
    const { executor } = hostWith([]);
    expect(await executor.execute(list([]), { a: 1 })).toMatchObject({
      final_output: { a: 1 },
      execution_log: [],
    });
    expect(await executor.execute(dag({}), {})).toMatchObject({ success: true, final_output: {} });
  });

  it("[F86] [F85] [F193] what a tool throws is data: in the record, with its class and code", async () => {
    const { executor, heard } = hostWith([constant("a", { x: 1 }), fails, constant("c", { y: 1 })]);
    const flow = list([{ tool_name: "a" }, { tool_name: "fails" }, { tool_name: "c" }]);
    const result = await executor.execute(flow, {});
    expect(result).toMatchObject({ success: false, final_output: null, failed_step: 1 });
    expect(statuses(result)).toEqual(["0 succeeded", "1 failed", "2 not_started"]);
    expect(result.execution_log[1]).toMatchObject({
      error_type: "StepExecutionError",
      error_code: "FLOW-E015",
      error_message: '"fails" failed: broken',
      outputs: null,
    });
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    expect(heard.kinds()).toEqual([
      "flow_start",
      "step_queued 0",
      "step_start 0",
      "step_end 0",
      "step_queued 1",
      "step_start 1",
      "step_end 1",
      "step_cancelled 2",
      "flow_end",
    ]);
  });

  it.each([
    ["a text", "no", "StepExecutionError", '"t" failed: no'],
    ["nothing", undefined, "StepExecutionError", '"t" failed: undefined'],
  ])("[F107] [F85] %s that is thrown is wrapped", async (_, thrown, type, message) => {
    const { executor } = hostWith([
      tool("t", () => {
        throw thrown;
      }),
    ]);
    const [record] = (await executor.execute(list([{ tool_name: "t" }]), {})).execution_log;
    expect(record).toMatchObject({ error_type: type, error_message: message });
  });

  it.each<[string, () => unknown, string]>([
    ["a list", () => [1], "is an array"],
    ["a text", () => "x", "is a string"],
    ["null", () => null, "is null"],
    ["nothing", () => undefined, "is a undefined"],
    ["what is no JSON", () => ({ a: 1n }), "it is no JSON"],
    [
      "a circle",
      () => {
        const a: Record<string, unknown> = {};
        a["a"] = a;
        return a;
      },
      "it is no JSON",
    ],
  ])("[F18] an output that is %s is refused", async (_, run, message) => {
    const { executor } = hostWith([tool("t", run)]);
    const [record] = (await executor.execute(list([{ tool_name: "t" }]), {})).execution_log;
    expect(record).toMatchObject({ error_type: "ToolOutputError", success: false });
    expect(record?.error_message).toContain(message);
  });

  it("[F97] of no more than what the host allows, to the byte, unless the tool has a limit of its own", async () => {
    const tools = [
      tool("fits", () => ({ a: 1 })),
      tool("large", () => ({ a: 10 })),
      tool("may", () => ({ a: 10 }), { max_output_bytes: 8 }),
      tool("nothing", () => undefined),
    ];
    const { executor } = hostWith(tools, { maxOutputBytes: 7 });
    const messageOf = async (name: string): Promise<unknown> =>
      (await executor.execute(list([{ tool_name: name }]), {})).execution_log[0]?.error_message;
    expect(await messageOf("fits")).toBeNull();
    expect(await messageOf("may")).toBeNull();
    expect(await messageOf("large")).toBe(
      '"large" returned 8 bytes of JSON, more than 7, which is the limit',
    );
    expect(await messageOf("nothing")).toContain("is a undefined");
  });

  it("[F97] [F85] an output that is too large keeps its own type, before its schema is looked at", async () => {
    const big = typed("big", {}, object({ no: "string" }), { max_output_bytes: 10 });
    const { executor } = hostWith([
      Object.assign(Object.create(big) as typeof big, { run: () => ({ a: "ééé" }) }),
    ]);
    const [record] = (await executor.execute(list([{ tool_name: "big" }]), {}, { unchecked: true }))
      .execution_log;
    expect(record).toMatchObject({ error_type: "ToolOutputSizeError", error_code: "FLOW-E018" });
    expect(record?.error_message).toContain("returned 14 bytes of JSON, more than 10");
  });

  it("[F86] [F236] [F130] an input that is not there fails the step, which ends without having begun", async () => {
    const { executor, heard } = hostWith([constant("a", {})]);
    for (const [source, upTo] of [
      ["/in/deep/er", '; it leads as far as "/in/deep"'],
      ["toString", ""],
    ] as const) {
      heard.events.length = 0;
      const flow = list([{ tool_name: "a", input_mapping: { x: source } }]);
      const result = await executor.execute(flow, { in: { deep: 1 } }, { unchecked: true });
      expect(result.execution_log[0]).toMatchObject({
        error_type: "InputMappingError",
        error_message: `"a" gets as "x" what "${source}" names in the context, where it is not${upTo}`,
        status: "failed",
        duration_ms: 0,
      });
      expect(heard.kinds()).toEqual(["flow_start", "step_queued 0", "step_end 0", "flow_end"]);
    }
  });

  it("[F86] [F103] a tool that there is not fails the step, if nobody looked before", async () => {
    const { executor } = hostWith([fails]);
    const missing = await executor.execute(list([{ tool_name: "x" }]), {}, { unchecked: true });
    expect(missing.execution_log[0]).toMatchObject({
      error_type: "ToolNotFoundError",
      error_message: 'There is no tool "x"',
      fallback_used: false,
    });
    const flow = list([{ tool_name: "fails", on_error: "fallback:x" }]);
    const fallback = await executor.execute(flow, {}, { unchecked: true });
    expect(fallback.execution_log[0]).toMatchObject({ error_type: "ToolNotFoundError", fallback_used: true });
  });

  it("[F236] a tool that takes nothing else is given of the context what it takes, any other all of it", async () => {
    const got: unknown[] = [];
    const takes = (input_schema: object): ReturnType<typeof tool> =>
      tool(
        "takes",
        (input) => {
          got.push(input);
          return {};
        },
        { input_schema },
      );
    for (const more of [{ additionalProperties: false }, {}]) {
      const { executor } = hostWith([takes(object({ a: "integer" }, more))]);
      const flow = list([{ tool_name: "takes" }]);
      expect((await executor.execute(flow, { a: 1, b: 2 }, { unchecked: true })).success).toBe(true);
    }
    expect(got).toEqual([{ a: 1 }, { a: 1, b: 2 }]);
  });

  it("[F12] an output that output_mapping does not find fails the step, and stays in its record", async () => {
    for (const [output, has] of [
      [{ x: 1, w: 2 }, "x, w"],
      [{}, "nothing"],
    ] as const) {
      const { executor } = hostWith([constant("a", output)]);
      const result = await executor.execute(list([{ tool_name: "a", output_mapping: { y: "z" } }]), {});
      expect(result.execution_log[0]).toMatchObject({
        error_type: "OutputMappingError",
        error_message: `The output of "a" has no "z", which output_mapping takes; it has: ${has}`,
      });
      expect(result.execution_log[0]?.outputs).toEqual(output);
    }
  });

  it("[F100] input that does not fit is not tried again, and the tool is never called", async () => {
    let calls = 0;
    const strict = typed("strict", object({ n: "integer", m: "integer" }), {});
    const counting = Object.assign(Object.create(strict) as typeof strict, {
      run: () => {
        calls += 1;
        return {};
      },
    });
    const { executor } = hostWith([counting]);
    const flow = list([{ tool_name: "strict", retry: { max_retries: 5 } }]);
    const result = await executor.execute(flow, { n: "x" }, { unchecked: true });
    expect(result.execution_log[0]).toMatchObject({
      error_type: "SchemaValidationError",
      error_message:
        "The input of \"strict\" does not fit its schema: the value must have required property 'm'; /n must be integer",
      retry_count: 0,
    });
    expect(calls).toBe(0);
  });

  it("[F194] [F191] the flow's own input and output are checked, and a failure of that is a record of its own", async () => {
    const { executor, heard } = hostWith([typed("none", {}, {})]);
    const schemas = { in: object({ a: "string" }), out: object({ a: "integer" }) };
    const flow = list([{ tool_name: "none", output_mapping: {} }], {
      schemas,
      input_schema_ref: "#/schemas/in",
    });
    const refused = await executor.execute(flow, { a: 1 });
    expect(refused.execution_log).toMatchObject([
      {
        step_index: -1,
        error_type: "SchemaValidationError",
        error_message: "The input of the flow does not fit its schema: /a must be string",
      },
    ]);
    expect(heard.kinds()).toEqual(["flow_start", "flow_end"]);

    const wrongOutput = { ...flow, input_schema_ref: null, output_schema_ref: "#/schemas/out" };
    const made = await executor.execute(wrongOutput, { a: "x" }, { unchecked: true });
    expect(made).toMatchObject({ success: false, final_output: null, failed_step: 1 });
    expect(made.execution_log.map(({ step_index }) => step_index)).toEqual([0, 1]);
    expect(made.execution_log[1]?.error_message).toContain("The output of the flow");
  });

  it("[F182] the schema of the whole context counts, for a list and for a graph", async () => {
    const { executor } = hostWith([constant("a", { x: 1 })]);
    const fields = { schemas: { c: object({ x: "string" }) }, context_schema_ref: "#/schemas/c" };
    for (const flow of [list([{ tool_name: "a" }], fields), dag({ a: {} }, fields)]) {
      const result = await executor.execute(flow, {});
      expect(result.execution_log.at(-1)?.error_message).toContain("The context of the flow");
      const fits = { ...flow, schemas: { c: object({ x: "integer", y: "integer" }) } };
      expect((await executor.execute(fits, { y: 2 })).success).toBe(true);
    }
  });

  it("[F194] a schema that the flow names is the host's, if the flow has none of its own", async () => {
    const { executor } = hostWith([constant("a", {})], { schemas: { person: object({ name: "string" }) } });
    const flow = list([{ tool_name: "a" }], { input_schema_ref: "person" });
    expect((await executor.execute(flow, { name: "ann" })).success).toBe(true);
    expect((await executor.execute(flow, { name: 1 })).execution_log[0]?.error_message).toBe(
      "The input of the flow does not fit its schema: /name must be string",
    );
  });

  it("[F40] [F241] steps that go in a circle, which the loader refuses, are no step's fault: the run ends as any other, and rejects", async () => {
    const { executor, heard } = hostWith(["root", "a", "b"].map((name) => constant(name, {})));
    const flow = dag({ root: {}, a: { depends_on: ["b"] }, b: { depends_on: ["root"] } });
    const [root, a, b] = flow.steps;
    const circle = { ...flow, steps: [root, a, { ...b, depends_on: ["a"] }] } as typeof flow;
    expect(await rejection(executor.execute(circle, {}, { unchecked: true }))).toMatchObject({
      name: "GraphError",
      reason: "cycle",
    });
    expect(heard.kinds()).toEqual(["flow_start", "step_queued root", "flow_end"]);
    expect(heard.of("step_queued")).toMatchObject([{ level: null, group: null }]);
    expect(heard.of("flow_end")[0]?.result).toMatchObject({ execution_log: [], failed_step: null });
  });
});

describe("admission", () => {
  it("[F177] a flow that is not active is refused, unless forced", async () => {
    const { executor, heard } = hostWith([constant("a", {})]);
    const flow = list([{ tool_name: "a" }], { status: "disabled" });
    const error = await rejection<FlowStatusError>(executor.execute(flow, {}));
    expect(error).toMatchObject({ name: "FlowStatusError", flow: "list", status: "disabled" });
    expect(error.message).toBe(
      'The flow "list" is "disabled" and not "active"; change its status, or force the run',
    );
    expect(heard.events).toEqual([]);
    expect(await executor.execute(flow, {}, { force: true })).toMatchObject({ success: true });
  });

  it("[F180] what cannot be done is refused with all of it, before any event", async () => {
    const { executor, heard } = hostWith([constant("a", {})]);
    const flow = list([{ flow_name: "b" }, { tool_name: "a", decision_candidates: ["a"] }], { safety: {} });
    const error = await rejection<FlowUnsupportedError>(executor.execute(flow, {}));
    expect(error.unsupported.map(({ feature }) => feature)).toEqual([
      "safety",
      "flow_name",
      "decision_candidates",
    ]);
    expect(error.code).toBe("FLOW-E005");
    expect(error.message).toBe(
      [
        'The flow "list" asks for what this host cannot do:',
        "safety: no safety gate is enforced here, and without it tools would run that it holds back",
        "step 0: flow_name: a flow cannot run another one as a step yet; put its steps here",
        "step 1: decision_candidates: nobody decides between tools during a run; name one",
      ].join("\n"),
    );
    expect(heard.events).toEqual([]);
    const graph = dag({ first: { tool_name: "a", decision_candidates: ["a"] } });
    expect((await rejection(executor.execute(graph, {}))).message).toContain(
      "\nstep first: decision_candidates:",
    );
  });

  it("[F36] what cannot work is refused with all errors", async () => {
    const { executor, heard } = hostWith([]);
    const error = await rejection<FlowCompileError>(
      executor.execute(list([{ tool_name: "a" }, { tool_name: "b" }]), {}),
    );
    expect(error.message).toMatch(/there is no tool "a".*\n.*there is no tool "b"/);
    expect(heard.events).toEqual([]);
  });

  it("[F36] [F30] what may be meant so is no reason, and is not among the errors", async () => {
    const makes = typed("makes", {}, object({ k: "integer" }));
    const { executor } = hostWith([makes]);
    const flow = list([{ tool_name: "makes" }, { tool_name: "makes" }, { tool_name: "none" }]);
    const error = await rejection<FlowCompileError>(executor.execute(flow, {}));
    expect(error.findings.map(({ issue_type }) => issue_type)).toEqual(["context_collision", "missing_tool"]);
    expect(error.message.split("\n")).toEqual([
      'The flow "list" cannot run:',
      expect.stringContaining('there is no tool "none"'),
    ]);
  });

  it("[F58] a bound must be a whole number from 1", () => {
    for (const maxConcurrency of [0, -1, 1.5, NaN])
      expect(() => hostWith([], { maxConcurrency })).toThrow("maxConcurrency must be a whole number from 1");
    expect(() => hostWith([], { maxConcurrency: Infinity })).not.toThrow();
  });
});

describe("collisions", () => {
  const same = [constant("a", { k: 1, x: 1 }), constant("b", { k: 2, x: 2 })];
  const both = { a: {}, b: { depends_on: ["a"] } };

  it("[F3] [F4] [F201] overwrite takes the later value in silence, warn says so", async () => {
    for (const policy of ["overwrite", "warn"] as const) {
      const { executor, heard } = hostWith(same);
      const result = await executor.execute(dag(both, { on_context_collision: policy }), {});
      expect(result).toMatchObject({ success: true, final_output: { k: 2, x: 2 } });
      expect(heard.of("collision").map(({ severity, collision }) => [severity, collision.key])).toEqual([
        [policy === "warn" ? "warning" : "debug", "k"],
        [policy === "warn" ? "warning" : "debug", "x"],
      ]);
      expect(result.collisions[0]).toEqual({
        key: "k",
        kind: "base",
        policy,
        by: { step_index: 1, step_id: "b", tool_name: "b" },
        over: { step_index: 0, step_id: "a", tool_name: "a" },
        unordered: false,
      });
    }
  });

  it("[F5] [F6] [F8] [F87] error fails the step that wrote the key, and the run ends as every other", async () => {
    for (const flow of [
      dag(both, { on_context_collision: "error" }),
      list([{ tool_name: "a" }, { tool_name: "b" }], { on_context_collision: "error" }),
    ]) {
      const { executor, heard } = hostWith(same);
      const result = await executor.execute(flow, {});
      expect(result).toMatchObject({ success: false, final_output: null, failed_step: 1 });
      expect(result.execution_log.map(({ success }) => success)).toEqual([true, false]);
      expect(result.execution_log[1]).toMatchObject({
        error_type: "KeyCollisionError",
        error_code: "FLOW-E019",
        outputs: null,
      });
      expect(heard.of("flow_start")).toHaveLength(1);
      expect(heard.of("flow_end")).toHaveLength(1);
      expect(heard.kinds().at(-1)).toBe("flow_end");
    }
    const { executor } = hostWith(same);
    const initial = await executor.execute(list([{ tool_name: "a" }], { on_context_collision: "error" }), {
      x: 0,
    });
    expect(initial.execution_log[0]?.error_message).toBe(
      'Nothing is merged: "x" is already there, from the input; rename it with output_mapping, or set "on_context_collision" to warn or overwrite',
    );
  });

  it("[F8] [F9] what no step wrote was there initially", async () => {
    const { executor } = hostWith(same);
    const { collisions } = await executor.execute(list([{ tool_name: "a" }]), { k: 0 });
    expect(collisions).toEqual([
      {
        key: "k",
        kind: "base",
        policy: "warn",
        by: { step_index: 0, step_id: null, tool_name: "a" },
        over: "initial",
        unordered: false,
      },
    ]);
  });

  it("[F28] [F9] of several that collide each is told all that is its own, and what to do", async () => {
    const { executor } = hostWith([
      constant("a", { k: 1, m: 1 }),
      constant("b", { k: 2, m: 2, x: 2 }),
      constant("c", { x: 3, y: 3 }),
    ]);
    const flow = dag({ a: {}, b: {}, c: {} }, { on_context_collision: "error" });
    const { execution_log, failed_step } = await executor.execute(flow, { x: 0, y: 0 });
    expect(failed_step).toBe(1);
    expect(execution_log.map(({ error_message }) => error_message)).toEqual([
      null,
      'Nothing is merged: "k" is also written by step a, and neither comes after the other; "m" is also written by step a, and neither comes after the other; "x" is already there, from the input; rename it with output_mapping, or give it a rule under "merge" or "on_sibling_collision"',
      'Nothing is merged: "x" is already there, from the input; "y" is already there, from the input; rename it with output_mapping, or set "on_context_collision" to warn or overwrite',
    ]);
  });

  it("[F21] [F22] [F25] two siblings that write one key fail the later one, whatever the policy; events say so too", async () => {
    for (const first of ["a", "b"]) {
      const gates = new Gates();
      const { executor, heard } = hostWith([tool("a", gates.tool("a")), tool("b", gates.tool("b"))], {
        maxConcurrency: 2,
      });
      const run = executor.execute(dag({ a: {}, b: {} }, { on_context_collision: "overwrite" }), {});
      await settled();
      await gates.end(first, { k: first });
      await gates.end(first === "a" ? "b" : "a", { k: "other" });
      const result = await run;
      expect(statuses(result)).toEqual(["a succeeded", "b failed"]);
      expect(result).toMatchObject({ failed_step: 1, final_output: null });
      expect(heard.of("merge_failed")).toMatchObject([{ step_id: "b", record: result.execution_log[1] }]);
    }
  });

  it("[F24] [F27] [F20] a key that is renamed or has a rule does not collide", async () => {
    const { executor } = hostWith([constant("a", { k: [1], n: 1 }), constant("b", { k: [2], n: 5 })], {
      maxConcurrency: 2,
    });
    const merged = await executor.execute(dag({ a: {}, b: {} }, { merge: { k: "append", n: "max" } }), {});
    expect(merged.final_output).toEqual({ k: [1, 2], n: 5 });
    const chosen = await executor.execute(
      dag({ a: {}, b: {} }, { merge: { k: "union" }, on_sibling_collision: { n: "first" } }),
      {},
    );
    expect(chosen.final_output).toEqual({ k: [1, 2], n: 1 });
    const renamed = dag({ a: { output_mapping: { one: "k" } }, b: { output_mapping: { two: "k" } } });
    expect((await executor.execute(renamed, {})).final_output).toEqual({ one: [1], two: [2] });
  });

  it.each([
    ["append", [1], [2, 3], [1, 2, 3]],
    ["union", [1, { a: 1 }], [{ a: 1 }, 2], [1, { a: 1 }, 2]],
    ["sum", 2, 3, 5],
    ["min", 2, 3, 2],
    ["max", 2, 3, 3],
    ["shallow_merge", { a: 1, b: 1 }, { b: 2 }, { a: 1, b: 2 }],
  ])(
    "[F20] %s joins the values of siblings, and the value that was there",
    async (name, one, two, expected) => {
      const { executor } = hostWith([constant("a", { k: one }), constant("b", { k: two })]);
      const siblings = await executor.execute(dag({ a: {}, b: {} }, { merge: { k: name } }), {});
      expect(siblings.final_output).toEqual({ k: expected });
      const later = await executor.execute(list([{ tool_name: "b" }], { merge: { k: name } }), { k: one });
      expect(later.final_output).toEqual({ k: expected });
    },
  );

  it.each([
    ["first", "a"],
    ["last", "b"],
  ])(
    "[F27] %s of siblings, under merge as well, takes that of %s, whoever ends first",
    async (name, whose) => {
      for (const order of [
        ["a", "b"],
        ["b", "a"],
      ]) {
        const gates = new Gates();
        const { executor } = hostWith(
          ["a", "b"].map((each) => tool(each, gates.tool(each))),
          { maxConcurrency: 2 },
        );
        const run = executor.execute(dag({ a: {}, b: {} }, { merge: { k: name } }), {});
        await settled();
        for (const each of order) await gates.end(each, { k: each });
        expect((await run).final_output).toEqual({ k: whose });
      }
    },
  );

  it.each([
    ["append", "x", 'each value must be a list, and one is "x"'],
    ["sum", "x", 'each value must be a number, and one is "x"'],
    ["shallow_merge", "x", 'each value must be an object, and one is "x"'],
    ["shallow_merge", null, "each value must be an object, and one is null"],
    ["shallow_merge", [1], "each value must be an object, and one is [1]"],
  ])("[F20] %s of what it cannot join, such as %j, fails the step", async (name, value, why) => {
    const { executor } = hostWith([constant("a", { k: value }), constant("b", { k: value })]);
    const result = await executor.execute(dag({ a: {}, b: {} }, { merge: { k: name } }), {});
    expect(result).toMatchObject({ success: false, failed_step: 1 });
    expect(result.execution_log[1]).toMatchObject({
      error_type: "ReducerError",
      error_code: "FLOW-E020",
      error_message: `The reducer for "k" failed with the value of "b": ${why}`,
    });
  });

  it("[F26] [U14] steps of other levels that do not depend on each other: a warning by levels, an error when ready", async () => {
    const tools = [constant("root", {}), constant("b", { v: "b" }), constant("c", { v: "c" })];
    const steps = { root: {}, b: { depends_on: ["root"] }, c: {} };
    const { executor, heard } = hostWith(tools, { maxConcurrency: 3 });
    const levels = await executor.execute(dag(steps, { on_context_collision: "overwrite" }), {});
    expect(levels.final_output).toEqual({ v: "b" });
    expect(heard.of("collision")).toMatchObject([
      { severity: "warning", collision: { key: "v", unordered: true } },
    ]);
    const ready = await executor.execute(dag(steps, { scheduling: "ready" }), {}, { unchecked: true });
    expect(ready).toMatchObject({ success: false, failed_step: 2 });
  });
});

describe("policies for failures", () => {
  it("[F102] [F13] skip goes on without the step, which is not projected", async () => {
    const { executor, heard } = hostWith([fails, constant("b", { y: 1 })]);
    const flow = list([
      { tool_name: "fails", on_error: "skip", output_mapping: { x: "x" } },
      { tool_name: "b" },
    ]);
    const result = await executor.execute(flow, { a: 1 });
    expect(result).toMatchObject({ success: true, final_output: { a: 1, y: 1 } });
    expect(result.execution_log[0]).toMatchObject({
      success: true,
      skipped: true,
      error_type: "StepExecutionError",
      error_message: '"fails" failed: broken',
    });
    expect(result.execution_log[0]?.outputs).toEqual({});
    expect(heard.of("step_skipped")).toMatchObject([{ step_index: 0 }]);
  });

  it("[F102] a fallback gets the same inputs, once; the record keeps the tool's name", async () => {
    const got: unknown[] = [];
    const { executor } = hostWith([
      fails,
      tool("other", (input) => {
        got.push(input);
        return { y: 1 };
      }),
    ]);
    const flow = list([{ tool_name: "fails", on_error: "fallback:other", input_mapping: { x: "a" } }]);
    const result = await executor.execute(flow, { a: 1 }, { unchecked: true });
    expect(got).toEqual([{ x: 1 }]);
    expect(result.execution_log[0]).toMatchObject({
      success: true,
      tool_name: "fails",
      fallback_used: true,
      fallback_tool_name: "other",
      retry_errors: ['"fails" failed: broken'],
      outputs: { y: 1 },
      error_type: null,
    });
    expect(result.cost_report.tool_calls).toBe(2);
  });

  it("[F102] a fallback also steps in for a tool whose output does not fit, which is told", async () => {
    const wrong = tool("wrong", () => ({ x: "text" }), { output_schema: object({ x: "integer" }) });
    const { executor } = hostWith([wrong, constant("other", { x: 1 })]);
    const flow = list([{ tool_name: "wrong", on_error: "fallback:other" }]);
    const result = await executor.execute(flow, {}, { unchecked: true });
    expect(result).toMatchObject({ success: true, final_output: { x: 1 } });
    expect(result.execution_log[0]?.retry_errors).toEqual([
      'The output of "wrong" does not fit its schema: /x must be integer',
    ]);
  });

  it("[F103] a fallback that fails is what the step failed of", async () => {
    const worse = tool("worse", () => {
      throw new Error("worse");
    });
    const { executor } = hostWith([fails, worse]);
    const flow = list([{ tool_name: "fails", on_error: "fallback:worse", retry: { max_retries: 0 } }]);
    const result = await executor.execute(flow, {});
    expect(result.execution_log[0]).toMatchObject({
      success: false,
      error_message: '"worse" failed: worse',
      fallback_used: true,
    });
  });

  it("[F104] a contract that does not hold fails the step whatever on_error says", async () => {
    const { executor, heard } = hostWith([constant("a", { x: 1 })]);
    const schemas = { text: object({ x: "string", y: "string" }) };
    for (const key of ["output_contract", "input_contract"]) {
      const flow = list([{ tool_name: "a", on_error: "skip", [key]: "#/schemas/text" }], { schemas });
      const result = await executor.execute(flow, { x: 2 });
      expect(result.execution_log[0]).toMatchObject({
        success: false,
        skipped: false,
        error_type: "ContractError",
        error_message: `The ${key} of the step does not hold: the value must have required property 'y'; /x must be string`,
      });
    }
    // What comes in is looked at before the tool is called.
    expect(heard.of("step_start")).toHaveLength(1);
  });
});

describe("retries", () => {
  const flaky = (failures: number, calls: number[] = []): ReturnType<typeof tool> =>
    tool("flaky", () => {
      calls.push(1);
      if (calls.length <= failures) throw Object.assign(new Error(`no ${calls.length}`), { name: "Busy" });
      return { ok: true };
    });

  it("[F98] [F99] waits longer each time, and counts", async () => {
    const { executor, ports } = hostWith([flaky(3)]);
    const run = executor.execute(list([{ tool_name: "flaky", retry: {} }]), {});
    await settled();
    await ports.advance(6999);
    expect(ports.waiting).toBe(1);
    await ports.advance(1);
    const [record] = (await run).execution_log;
    expect(record).toMatchObject({
      success: true,
      retry_count: 3,
      retry_errors: ['"flaky" failed: no 1', '"flaky" failed: no 2', '"flaky" failed: no 3'],
      duration_ms: 7000,
    });
    expect(ports.waiting).toBe(0);
  });

  it("[F98] jitter is the only thing that is left to chance", async () => {
    const { executor, ports } = hostWith([flaky(1)]);
    const run = executor.execute(list([{ tool_name: "flaky", retry: { jitter: true } }]), {});
    await ports.advance(1249);
    expect(ports.waiting).toBe(1);
    await ports.advance(1);
    expect((await run).success).toBe(true);
  });

  it("[F98] gives up after so many", async () => {
    const calls: number[] = [];
    const { executor, ports } = hostWith([flaky(99, calls)]);
    const run = executor.execute(list([{ tool_name: "flaky", retry: { max_retries: 2 } }]), {});
    await ports.advance(10_000);
    expect((await run).execution_log[0]).toMatchObject({
      success: false,
      retry_count: 2,
      error_message: '"flaky" failed: no 3',
    });
    expect(calls).toHaveLength(3);
  });

  it.each([
    [["Busy"], 1],
    [["FLOW-E015"], 1],
    [["StepExecutionError"], 1],
    [["Idle"], 0],
    [[], 0],
  ])("[F99] with retryable_errors %j it is tried again %i times", async (retryable_errors, count) => {
    const { executor, ports } = hostWith([flaky(1)]);
    const run = executor.execute(list([{ tool_name: "flaky", retry: { retryable_errors } }]), {});
    await ports.advance(1000);
    expect((await run).execution_log[0]).toMatchObject({ retry_count: count, success: count === 1 });
  });

  it("[F99] [F107] what is thrown and is no error has no name that a policy could mean", async () => {
    const { executor } = hostWith([
      tool("t", () => {
        throw undefined;
      }),
    ]);
    const flow = list([{ tool_name: "t", retry: { retryable_errors: ["Busy"] } }]);
    expect((await executor.execute(flow, {})).execution_log[0]).toMatchObject({
      retry_count: 0,
      error_message: '"t" failed: undefined',
    });
  });

  it("[F98] a pause is no longer than a timer can wait", async () => {
    const { executor, ports, heard } = hostWith([flaky(1)]);
    const backoff_multiplier = 1;
    const run = executor.execute(
      list([{ tool_name: "flaky", retry: { backoff_seconds: 2 ** 31, backoff_multiplier } }]),
      {},
    );
    await settled();
    expect(heard.of("step_waiting")).toMatchObject([{ waits_for: { ms: 2 ** 31 - 1 } }]);
    await ports.advance(2 ** 31 - 2);
    expect(ports.waiting).toBe(1);
    await ports.advance(1);
    expect((await run).success).toBe(true);
  });

  it("[F98] [F102] each try, and the fallback, gets the input as it was", async () => {
    const got: unknown[] = [];
    const spoil = (name: string, fails: boolean): ReturnType<typeof tool> =>
      tool(name, (input) => {
        got.push(structuredClone(input));
        (input["list"] as unknown[]).push(name);
        if (fails) throw new Error("spoilt");
        return {};
      });
    const { executor, ports } = hostWith([spoil("bad", true), spoil("good", false)]);
    const flow = list([{ tool_name: "bad", retry: { max_retries: 1 }, on_error: "fallback:good" }]);
    const run = executor.execute(flow, { list: [1] });
    await ports.advance(1000);
    expect((await run).success).toBe(true);
    expect(got).toEqual([{ list: [1] }, { list: [1] }, { list: [1] }]);
  });

  it("[F101] [F90] a backoff ends with the run, in the same step", async () => {
    const { executor, ports, heard } = hostWith([flaky(9)]);
    const controller = new AbortController();
    const run = executor.execute(
      list([{ tool_name: "flaky", retry: {} }]),
      {},
      { signal: controller.signal },
    );
    await settled();
    expect(ports.waiting).toBe(1);
    controller.abort(new Error("enough"));
    const error = await rejection(run);
    expect(error).toMatchObject({
      name: "FlowCancelledError",
      stepIndex: 0,
      tokenCancelled: true,
      deadlineExceeded: false,
    });
    expect(heard.kinds().at(-1)).toBe("flow_end");
    expect(ports.waiting).toBe(0);
  });

  it("[F69] [U16] a slot is free during a backoff", async () => {
    const { executor, ports, heard } = hostWith([flaky(1), constant("b", { b: 1 })]);
    const flow = dag({ flaky: { retry: {} }, b: {} });
    const run = executor.execute(flow, {});
    await settled();
    expect(heard.of("step_end").map(({ step_id }) => step_id)).toEqual(["b"]);
    await ports.advance(1000);
    const result = await run;
    expect(statuses(result)).toEqual(["flaky succeeded", "b succeeded"]);
  });
});

describe("timeouts", () => {
  it("[F96] [F70] bound the wait: the tool is told, and what comes later is dropped", async () => {
    const gates = new Gates();
    const { executor, ports, heard } = hostWith([tool("slow", gates.tool("slow", false))]);
    const run = executor.execute(list([{ tool_name: "slow", timeout_ms: 50 }]), {});
    await settled();
    const signal = gates.signalOf("slow");
    await ports.advance(50);
    const result = await run;
    expect(signal.aborted).toBe(true);
    expect(result.execution_log[0]).toMatchObject({
      error_type: "ToolTimeoutError",
      error_code: "FLOW-E016",
      duration_ms: 50,
    });
    const before = heard.events.length;
    await gates.end("slow", { late: true });
    expect(heard.events).toHaveLength(before);
    expect(JSON.stringify(result)).not.toContain("late");
    expect(ports.waiting).toBe(0);
  });

  it("[F70] the clock of a step starts when it has its slot", async () => {
    const gates = new Gates();
    const { executor, ports } = hostWith([tool("a", gates.tool("a")), tool("b", gates.tool("b"))]);
    const run = executor.execute(dag({ a: {}, b: { timeout_ms: 10 } }), {});
    await ports.advance(100);
    expect(gates.open).toEqual(["a"]);
    await gates.end("a");
    await ports.advance(9);
    await gates.end("b");
    expect((await run).success).toBe(true);
    expect(ports.waiting).toBe(0);
  });

  it("[F96] a step's limit counts before the tool's, and that before the host's", async () => {
    const gates = new Gates();
    const slow = tool("slow", gates.tool("slow"), { timeout_ms: 20 });
    const other = tool("other", gates.tool("other"));
    for (const [step, ms] of [
      [{ tool_name: "slow", timeout_ms: 5 }, 5],
      [{ tool_name: "slow" }, 20],
      [{ tool_name: "other" }, 40],
    ] as const) {
      const { executor, ports } = hostWith([slow, other], { toolTimeoutMs: 40 });
      const run = executor.execute(list([step]), {});
      await ports.advance(ms);
      expect((await run).execution_log[0]).toMatchObject({ error_type: "ToolTimeoutError", duration_ms: ms });
    }
  });
});

it("[F61] [F62] [F63] [U1] a fan-out is the same for every bound", async () => {
  const leaves = Array.from({ length: 6 }, (_, at) => `leaf${at}`);
  const tools = [constant("root", { r: 1 }), ...leaves.map((name) => constant(name, { [name]: 1 }))];
  const flow = dag({
    root: {},
    ...Object.fromEntries(leaves.map((name) => [name, { depends_on: ["root"] }])),
  });
  const results = [];
  for (const maxConcurrency of [1, 2, 4, 6]) {
    const { executor } = hostWith(tools, { maxConcurrency });
    results.push(timeless(await executor.execute(flow, {})));
  }
  expect(new Set(results.map((each) => JSON.stringify(each))).size).toBe(1);
  expect(results[0]).toMatchObject({ success: true, final_output: { r: 1, leaf5: 1 } });
});
