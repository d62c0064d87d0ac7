import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import type { FlowEvent } from "../../../src/flows/flow/run/events.js";
import { dag, list, tool, toolset } from "./support/flows.js";
import { Gates, hostWith, rejection, settled } from "./support/runs.js";

describe("several runs on one executor", () => {
  it("[F123] [F124] [F125] [U20] two versions with two secrets, each waiting for the other: each keeps its own", async () => {
    const gates = new Gates();
    const waits = gates.tool("wait");
    const { executor, heard } = hostWith([
      tool("wait", (input, context) => waits({ as: input["who"] }, context)),
      tool("use", ({ token }) => ({ length: String(token).length, starts: String(token)[0] })),
    ]);
    const flow = (version: string): ReturnType<typeof list> =>
      list(
        [
          { tool_name: "wait", input_mapping: { who: "who" }, output_mapping: {} },
          { tool_name: "use", input_mapping: { token: "token" } },
        ],
        { version, dynamic_params: ["token"] },
      );
    const a = executor.execute(
      flow("1.0.0"),
      { who: "a" },
      { params: { token: "a-secret" }, unchecked: true },
    );
    const b = executor.execute(
      flow("2.0.0"),
      { who: "b" },
      { params: { token: "b-very-secret" }, unchecked: true },
    );
    await settled();
    expect(gates.open).toEqual(["a", "b"]);
    await gates.end("b");
    await gates.end("a");
    const results = await Promise.all([a, b]);
    expect(
      results.map(({ flow_version, final_output, trace_id }) => [flow_version, final_output, trace_id]),
    ).toEqual([
      ["1.0.0", { who: "a", length: 8, starts: "a" }, "run-1"],
      ["2.0.0", { who: "b", length: 13, starts: "b" }, "run-2"],
    ]);
    for (const { run, ...event } of heard.events)
      if (event.kind === "flow_start") expect(event.version).toBe(run === "run-1" ? "1.0.0" : "2.0.0");
  });

  it("[F133] eight streams at once: each has one id and its own input, strictly from start to end", async () => {
    const gates = new Gates();
    const waits = gates.tool("wait");
    const { executor } = hostWith([tool("wait", (input, context) => waits({ as: input["who"] }, context))]);
    const streams = Array.from({ length: 8 }, async (_, who) => {
      const events: FlowEvent[] = [];
      for await (const event of executor.stream(
        list([{ tool_name: "wait", input_mapping: { who: "who" } }]),
        { who: `w${who}` },
        { unchecked: true },
      ))
        events.push(event);
      return events;
    });
    await settled();
    for (const name of gates.open.reverse()) await gates.end(name, {});
    const ids = new Set<string>();
    for (const [who, events] of (await Promise.all(streams)).entries()) {
      expect(new Set(events.map(({ run }) => run)).size).toBe(1);
      ids.add(events[0]?.run ?? "");
      expect(events[0]).toMatchObject({ kind: "flow_start", input: { who: `w${who}` } });
      expect(events.map(({ kind }) => kind)).toEqual([
        "flow_start",
        "step_queued",
        "step_start",
        "step_end",
        "flow_end",
      ]);
      expect(JSON.parse(JSON.stringify(events))).toEqual(events);
    }
    expect(ids.size).toBe(8);
  });

  it("[F126] [F127] a run within a tool of another is a run of its own", async () => {
    const inner = list([{ tool_name: "inside", input_mapping: { x: "x" } }], { name: "inner" });
    const { executor, heard } = hostWith([
      tool("inside", (input) => ({ got: Object.keys(input) })),
      tool("outside", async () => ({
        inner: (await executor.execute(inner, { x: 1 }, { unchecked: true })).final_output,
      })),
    ]);
    const outer = list([{ tool_name: "outside", input_mapping: { x: 1 } }], { dynamic_params: ["token"] });
    const result = await executor.execute(outer, {}, { params: { token: "t" } });
    expect(result.final_output).toEqual({ inner: { x: 1, got: ["x"] } });
    expect(heard.of("flow_end").map(({ run }) => run)).toEqual(["run-2", "run-1"]);
  });

  it("[F163] a trace id is one run's at a time", async () => {
    const gates = new Gates();
    const { executor } = hostWith([tool("a", gates.tool("a"))]);
    const run = executor.execute(list([{ tool_name: "a" }]), {}, { traceId: "same" });
    const error = await rejection(executor.execute(list([{ tool_name: "a" }]), {}, { traceId: "same" }));
    expect(error).toMatchObject({
      name: "AlreadyRunningError",
      traceId: "same",
      holder: "a run in this process",
      message:
        "Run same is already being run, by a run in this process; wait for it to end, or end it, and try again",
    });
    await settled();
    await gates.end("a");
    await run;
    const again = executor.execute(list([{ tool_name: "a" }]), {}, { traceId: "same" });
    await settled();
    await gates.end("a");
    expect((await again).success).toBe(true);
  });
});

describe("parameters", () => {
  const secret = "hunter2-very-secret";
  const flow = list(
    [
      { tool_name: "login", input_mapping: { password: "token", deep: "/token", user: "user" } },
      { tool_name: "all" },
    ],
    { dynamic_params: ["token"], on_context_collision: "overwrite" },
  );

  it("[F164] are in no record, no event and no output; the tools get them", async () => {
    const got: unknown[] = [];
    const { executor, heard } = hostWith([
      tool("login", (input) => {
        got.push(input);
        return { session: 1 };
      }),
      tool("all", (input) => {
        got.push(input);
        return {};
      }),
    ]);
    const result = await executor.execute(
      flow,
      { user: "ann" },
      { params: { token: secret }, unchecked: true },
    );
    expect(got).toEqual([
      { password: secret, deep: secret, user: "ann" },
      { user: "ann", token: secret, session: 1 },
    ]);
    expect(result.final_output).toEqual({ user: "ann", session: 1 });
    expect(JSON.stringify([result, heard.events])).not.toContain(secret);
    expect(result.execution_log[0]?.inputs).toEqual({
      password: { $param: "token" },
      deep: { $param: "token" },
      user: "ann",
    });
  });

  it("a step must not overwrite one, and one that the flow does not have is refused", async () => {
    const { executor } = hostWith([tool("login", () => ({ token: "other" })), tool("all")]);
    const result = await executor.execute(
      flow,
      { user: "ann" },
      { params: { token: secret }, unchecked: true },
    );
    expect(result.execution_log[0]).toMatchObject({
      error_type: "KeyCollisionError",
      error_message:
        'Nothing is merged: "token" is already there, from a parameter, which no step overwrites; rename it with output_mapping',
      success: false,
    });
    const both = hostWith([tool("login", () => ({ token: "other", user: "bob" })), tool("all")]);
    const strict = { ...flow, on_context_collision: "error" } as const;
    const options = { params: { token: secret }, unchecked: true };
    expect(
      (await both.executor.execute(strict, { user: "ann" }, options)).execution_log[0]?.error_message,
    ).toBe(
      'Nothing is merged: "token" is already there, from a parameter, which no step overwrites; "user" is already there, from the input; rename it with output_mapping, or set "on_context_collision" to warn or overwrite',
    );
    for (const [dynamic_params, known] of [
      [["token", "user"], "token, user"],
      [[], "none"],
    ] as const)
      expect(
        await rejection(executor.execute({ ...flow, dynamic_params }, {}, { params: { tokne: 1 } })),
      ).toMatchObject({
        name: "UnknownParameterError",
        parameter: "tokne",
        message: `The flow "list" has no parameter "tokne"; its dynamic_params are: ${known}`,
      });
  });
});

describe("configuration", () => {
  const steps = list([
    { tool_name: "first" },
    { tool_name: "last", retry: { backoff_seconds: 1, max_retries: 1 } },
  ]);

  it("[F139] [U21] a run keeps the tools that it started with, in all its steps and retries", async () => {
    const gates = new Gates();
    let calls = 0;
    const old = tool("last", () => {
      calls += 1;
      if (calls === 1) throw new Error("once more");
      return { by: "old" };
    });
    const first = tool("first", gates.tool("first"));
    const { executor, ports } = hostWith([first, old]);
    const run = executor.execute(steps, {});
    await settled();
    await executor.reconfigure({
      tools: toolset(
        first,
        tool("last", () => ({ by: "new" })),
      ),
    });
    await gates.end("first", {});
    await ports.advance(1000);
    expect((await run).final_output).toEqual({ by: "old" });
    const next = executor.execute(steps, {});
    await settled();
    await gates.end("first", {});
    expect((await next).final_output).toEqual({ by: "new" });
  });

  it("[F139] a set of tools that is changed afterwards is not the executor's", async () => {
    const tools = new Map([["a", tool("a", () => ({ by: "a" }))]]);
    const { executor } = hostWith([], { tools });
    tools.clear();
    expect((await executor.execute(list([{ tool_name: "a" }]), {})).final_output).toEqual({ by: "a" });
  });

  it("[F138] [F139] strictly, a change waits for the runs under way, and later runs for it; runs within runs do not", async () => {
    const gates = new Gates();
    const inner = list([{ tool_name: "inside" }], { name: "inner" });
    const host = hostWith(
      [
        tool("first", gates.tool("first")),
        tool("inside", () => ({ inside: 1 })),
        tool("last", async () => ({ inner: (await host.executor.execute(inner, {})).success })),
      ],
      { strictReconfiguration: true },
    );
    const { executor } = host;
    const log: string[] = [];
    const run = executor.execute(steps, {}).then(({ success }) => log.push(`run ${success}`));
    await settled();
    const change = executor.reconfigure({ maxConcurrency: 2 }).then(() => log.push("change"));
    const later = executor.execute(inner, {}).then(() => log.push("later"));
    await settled();
    expect(log).toEqual([]);
    await gates.end("first", {});
    await Promise.all([run, change, later]);
    expect(log).toEqual(["run true", "change", "later"]);
  });
});

describe("listeners", () => {
  it("[F128] hear of everything in the order in which they came, those of one run last", async () => {
    const log: string[] = [];
    const listener = (name: string): object => ({
      name,
      flowStart: () => log.push(`${name} flowStart`),
      stepStart: () => log.push(`${name} stepStart`),
      stepEnd: () => log.push(`${name} stepEnd`),
      flowEnd: () => log.push(`${name} flowEnd`),
    });
    const { executor } = hostWith([tool("a")], { middleware: [listener("one"), listener("two")] });
    await executor.execute(list([{ tool_name: "a" }]), {}, { middleware: [listener("own")] });
    expect(log).toEqual(
      ["flowStart", "stepStart", "stepEnd", "flowEnd"].flatMap((hook) => [
        `one ${hook}`,
        `two ${hook}`,
        `own ${hook}`,
      ]),
    );
  });

  it("[F129] one that throws or rejects changes nothing, and is reported with place, name and hook", async () => {
    const failures: string[] = [];
    const after: string[] = [];
    const { executor } = hostWith([tool("a")], {
      onHookFailure: (message, error) => failures.push(`${message}: ${(error as Error).message}`),
      middleware: [
        {
          name: "bad",
          stepStart: () => {
            throw new Error("no");
          },
        },
        { name: "late", flowEnd: () => Promise.reject(new Error("later")) },
        { event: ({ kind }) => after.push(kind) },
      ],
    });
    const result = await executor.execute(list([{ tool_name: "a" }]), {});
    await settled();
    expect(result.success).toBe(true);
    expect(failures).toEqual([
      "listener 0 (bad) failed in stepStart: no",
      "listener 1 (late) failed in flowEnd: later",
    ]);
    expect(after).toContain("step_start");
    expect(after.at(-1)).toBe("flow_end");
  });

  it("[F132] [F203] what one does to an event is not seen by the steps", async () => {
    const { executor } = hostWith(
      [tool("a", () => ({ deep: [1] })), tool("b", ({ deep }) => ({ got: deep }))],
      {
        middleware: [
          {
            stepStart: ({ inputs }) => {
              (inputs as { deep?: number[] }).deep?.push(8);
            },
            stepEnd: ({ record }) => {
              (record.outputs as { deep?: number[] }).deep?.push(9);
            },
          },
        ],
      },
    );
    const result = await executor.execute(list([{ tool_name: "a" }, { tool_name: "b" }]), {});
    expect(result.final_output).toEqual({ deep: [1], got: [1] });
  });

  it("[F134] who leaves a stream early ends the run, and waits for that", async () => {
    const gates = new Gates();
    const { executor, heard } = hostWith([tool("a", gates.tool("a")), tool("b", gates.tool("b"))]);
    for await (const event of executor.stream(dag({ a: {}, b: { depends_on: ["a"] } }), {}))
      if (event.kind === "step_start") break;
    expect(gates.open).toEqual([]);
    expect(heard.of("flow_end")).toHaveLength(1);
    const reason = "Nobody reads the events of the run any more";
    expect(heard.of("step_end")).toMatchObject([
      { record: { status: "cancelled", error_message: `"a" failed: ${reason}` } },
    ]);
    expect(heard.of("step_cancelled")).toMatchObject([{ step_id: "b", reason }]);
  });

  it("[F76] a stream that is over leaves nothing at the signal that could have ended it", async () => {
    const { executor } = hostWith([tool("a")]);
    const { signal } = new AbortController();
    for await (const { kind } of executor.stream(list([{ tool_name: "a" }]), {}, { signal }))
      if (kind === "flow_start") expect(getEventListeners(signal, "abort")).not.toEqual([]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("[F132] [F241] a stream returns the result, or throws what the run does, after its last event", async () => {
    const { executor } = hostWith([tool("a")]);
    const stream = executor.stream(list([{ tool_name: "a" }]), { x: 1 });
    const kinds = [];
    let step = await stream.next();
    while (step.done !== true) {
      kinds.push(step.value.kind);
      step = await stream.next();
    }
    expect(kinds.at(-1)).toBe("flow_end");
    expect(step.value).toMatchObject({ success: true, final_output: { x: 1 } });
    const refused = executor.stream(list([{ tool_name: "b" }]), {});
    expect(await rejection(refused.next())).toMatchObject({ name: "FlowCompileError" });
  });
});
