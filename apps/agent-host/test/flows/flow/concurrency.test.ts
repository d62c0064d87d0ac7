import { getEventListeners } from "node:events";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { MemoryCache } from "../../../src/flows/flow/run/cache.js";
import { FlowCancelledError } from "../../../src/flows/flow/run/cancellation.js";
import { MemoryCheckpoints } from "../../../src/flows/flow/run/checkpoint.js";
import type { RunResult } from "../../../src/flows/flow/run/records.js";
import { dag, list, tool } from "./support/flows.js";
import { Gates, hostWith, rejection, settled, statuses, timeless } from "./support/runs.js";

describe("steps at the same time", () => {
  it("[F64] [F65] [U7] one at a time unless the host allows more; a failure starts nobody else", async () => {
    const gates = new Gates();
    const { executor, heard } = hostWith([tool("a", gates.tool("a")), tool("b", gates.tool("b"))]);
    const run = executor.execute(dag({ a: {}, b: {} }, { max_concurrency: 8 }), {});
    await settled();
    expect(gates.open).toEqual(["a"]);
    await gates.fail("a");
    const result = await run;
    expect(gates.started).toEqual(["a"]);
    expect(statuses(result)).toEqual(["a failed", "b not_started"]);
    expect(heard.of("step_end").map(({ record }) => record)).toEqual([result.execution_log[0]]);
    expect(heard.of("step_cancelled")).toMatchObject([
      { step_id: "b", reason: 'join "graph": branch "a" failed: "a" failed: a broke' },
    ]);
  });

  it("[F59] [F60] [U3] the bound is the lower one of the flow's and the host's, and is reached", async () => {
    for (const [own, host, bound] of [
      [null, 3, 3],
      [2, 3, 2],
      [5, 3, 3],
    ] as const) {
      const gates = new Gates();
      const names = ["a", "b", "c", "d", "e", "f"];
      const { executor, heard } = hostWith(
        names.map((name) => tool(name, gates.tool(name))),
        { maxConcurrency: host },
      );
      const flow = dag(Object.fromEntries(names.map((name) => [name, {}])), { max_concurrency: own });
      const run = executor.execute(flow, {});
      await settled();
      while (gates.open.length > 0) await gates.end(gates.open[0] ?? "");
      const result = await run;
      expect(gates.most).toBe(bound);
      expect(gates.started).toEqual(names);
      expect(heard.of("step_start").map(({ step_id }) => step_id)).toEqual(names);
      expect(Math.max(...result.execution_log.map(({ worker_slot }) => worker_slot ?? -1))).toBe(bound - 1);
    }
  });

  it("[F66] [F79] [U8] [U9] of several failures the first in order is the primary one, for every order of them", async () => {
    for (const order of [
      ["b", "a"],
      ["a", "b"],
    ]) {
      const gates = new Gates();
      const { executor } = hostWith(
        ["a", "b", "c"].map((name) => tool(name, gates.tool(name))),
        { maxConcurrency: 2 },
      );
      const run = executor.execute(dag({ a: {}, b: {}, c: {} }), {});
      await settled();
      const [first = "", second = ""] = order;
      await gates.fail(first);
      if (gates.open.includes(second)) await gates.fail(second);
      const result = await run;
      expect(result.failed_step).toBe(0);
      expect(statuses(result)).toEqual(
        first === "b"
          ? ["a failed", "b failed", "c not_started"]
          : ["a failed", "b cancelled", "c not_started"],
      );
    }
    const gates = new Gates();
    const { executor } = hostWith(
      ["a", "b"].map((name) => tool(name, gates.tool(name))),
      { maxConcurrency: 2 },
    );
    const run = executor.execute(dag({ a: {}, b: {} }), {});
    await settled();
    await gates.fail("b");
    expect(gates.signalOf("a").aborted).toBe(false);
    await gates.end("a");
    expect(await run).toMatchObject({ failed_step: 1, success: false });
  });

  it("[F67] [F135] [F82] a run is not over before all its steps are; nothing comes after its end", async () => {
    const gates = new Gates();
    const { executor, heard } = hostWith([tool("a", gates.tool("a")), tool("b", gates.tool("b", false))], {
      maxConcurrency: 2,
    });
    const run = executor.execute(dag({ a: {}, b: {} }), {});
    await settled();
    await gates.fail("a");
    expect(gates.signalOf("b").aborted).toBe(true);
    expect(heard.of("flow_end")).toEqual([]);
    await gates.fail("b", new Error("anyway"));
    const result = await run;
    expect(statuses(result)).toEqual(["a failed", "b cancelled"]);
    expect(result.execution_log[1]?.error_message).toContain("anyway");
    const { length } = heard.events;
    await settled();
    expect(heard.events).toHaveLength(length);
    expect(heard.kinds().at(-1)).toBe("flow_end");
  });

  it("[F52] [F53] [F55] [U13] when ready, a step starts as soon as its own dependencies are done, and sees only those", async () => {
    const gates = new Gates();
    const { executor } = hostWith(
      ["slow", "fast", "after"].map((name) => tool(name, gates.tool(name))),
      { maxConcurrency: 3 },
    );
    const steps = { slow: {}, fast: {}, after: { depends_on: ["fast"] } };
    const run = executor.execute(dag(steps, { scheduling: "ready" }), { in: 1 });
    await settled();
    await gates.end("fast");
    expect(gates.open).toEqual(["slow", "after"]);
    await gates.end("after");
    await gates.end("slow");
    const result = await run;
    expect(result.execution_log.find(({ step_id }) => step_id === "after")?.inputs).toEqual({
      in: 1,
      fast: "fast",
    });
    expect(Object.keys(result.final_output ?? {})).toEqual(["in", "slow", "fast", "after"]);
  });

  it("[F52] [F196] when ready, a step is queued once all that it depends on is done, and is of no level", async () => {
    const gates = new Gates();
    const { executor, heard, ports } = hostWith(
      ["a", "b", "c"].map((name) => tool(name, gates.tool(name))),
      { maxConcurrency: 2 },
    );
    const run = executor.execute(
      dag({ a: {}, b: {}, c: { depends_on: ["a", "b"] } }, { scheduling: "ready" }),
      {},
    );
    await settled();
    await gates.end("a");
    await ports.advance(10);
    const queued = (): (string | null)[] => heard.of("step_queued").map(({ step_id }) => step_id);
    expect(queued()).toEqual(["a", "b"]);
    await gates.end("b");
    expect(queued()).toEqual(["a", "b", "c"]);
    await gates.end("c");
    const { execution_log } = await run;
    expect(execution_log[2]).toMatchObject({ launched_at: execution_log[1]?.completed_at, level: null });
    expect(heard.of("step_end").map(({ level, group }) => [level, group])).toEqual(
      Array.from({ length: 3 }, () => [null, null]),
    );
  });

  it("[F46] [F48] [F56] by levels it waits for all of the level before, and what that costs is told", async () => {
    const gates = new Gates();
    const { executor, ports } = hostWith(
      ["slow", "fast", "after"].map((name) => tool(name, gates.tool(name))),
      { maxConcurrency: 3 },
    );
    const run = executor.execute(dag({ slow: {}, fast: {}, after: { depends_on: ["fast"] } }), { in: 1 });
    await settled();
    await gates.end("fast");
    await ports.advance(100);
    expect(gates.open).toEqual(["slow"]);
    await gates.end("slow");
    await gates.end("after");
    const result = await run;
    expect(result.execution_log[2]).toMatchObject({
      barrier_ms: 100,
      level: 1,
      inputs: { in: 1, slow: "slow", fast: "fast" },
    });
    expect(result.cost_report.barrier_ms).toBe(100);
  });

  it("[F56] what a level costs a step is counted from the last of those that it depends on", async () => {
    const gates = new Gates();
    const names = ["early", "late", "slow", "after"];
    const { executor, ports } = hostWith(
      names.map((name) => tool(name, gates.tool(name))),
      { maxConcurrency: 3 },
    );
    const flow = dag({ early: {}, late: {}, slow: {}, after: { depends_on: ["late", "early"] } });
    const run = executor.execute(flow, {});
    for (const name of names) {
      await ports.advance(10);
      await gates.end(name);
    }
    expect((await run).execution_log[3]).toMatchObject({ barrier_ms: 10, duration_ms: 10 });
  });

  it("[F47] [F45] the order is by level and declaration, also where a step is declared before those it needs", async () => {
    const { executor, heard } = hostWith(["x", "y", "a", "b"].map((name) => tool(name)));
    const flow = dag({ y: { depends_on: ["b"] }, x: { depends_on: ["a"] }, b: {}, a: {} });
    const result = await executor.execute(flow, {});
    expect(result.execution_log.map(({ step_id, step_index }) => `${step_id ?? ""}${step_index}`)).toEqual([
      "b2",
      "a3",
      "y0",
      "x1",
    ]);
    expect(heard.of("step_start").map(({ step_id }) => step_id)).toEqual(["b", "a", "y", "x"]);
  });

  it("[F49] [F203] what a tool does to its input or output later is nobody else's affair", async () => {
    const kept: Record<string, unknown>[] = [];
    const vandal = tool("vandal", (input) => {
      (input["list"] as number[]).push(99);
      const output = { made: { deep: [1] } };
      kept.push(output);
      return output;
    });
    const later = tool("later", (input) => {
      (kept[0] as { made: { deep: number[] } }).made.deep.push(2);
      (input["made"] as { deep: number[] }).deep.push(3);
      return {};
    });
    const { executor } = hostWith([vandal, later]);
    const input = { list: [1] };
    const result = await executor.execute(list([{ tool_name: "vandal" }, { tool_name: "later" }]), input);
    expect(input).toEqual({ list: [1] });
    expect(result.final_output).toEqual({ list: [1], made: { deep: [1] } });
    expect(result.execution_log[0]).toMatchObject({
      inputs: { list: [1] },
      outputs: { made: { deep: [1] } },
    });
    expect(result.execution_log[1]).toMatchObject({ inputs: { list: [1], made: { deep: [1] } } });
  });
});

describe("exclusive keys", () => {
  it("[F71] two with one key never overlap, a third overlaps both", async () => {
    const gates = new Gates();
    const { executor } = hostWith(
      [
        tool("a", gates.tool("a"), { exclusive: "file" }),
        tool("b", gates.tool("b")),
        tool("c", gates.tool("c")),
      ],
      { maxConcurrency: 3 },
    );
    const run = executor.execute(dag({ a: {}, b: { exclusive: "file" }, c: {} }), {});
    await settled();
    expect(gates.open).toEqual(["a", "c"]);
    await gates.end("a");
    expect(gates.open).toEqual(["c", "b"]);
    await gates.end("c");
    await gates.end("b");
    expect((await run).success).toBe(true);
  });

  it("[F71] who waits for a key holds no slot", async () => {
    const gates = new Gates();
    const { executor } = hostWith(
      ["a", "b", "c"].map((name) => tool(name, gates.tool(name))),
      { maxConcurrency: 2 },
    );
    const run = executor.execute(dag({ a: { exclusive: "k" }, b: { exclusive: "k" }, c: {} }), {});
    await settled();
    expect(gates.open).toEqual(["a", "c"]);
    await gates.end("a");
    await gates.end("b");
    await gates.end("c");
    expect((await run).success).toBe(true);
  });

  it("[F71] the key of a step of another run counts, too", async () => {
    const gates = new Gates();
    const { executor } = hostWith([tool("a", gates.tool("a"), { exclusive: "k" })]);
    const flow = list([{ tool_name: "a", input_mapping: { as: "as" } }]);
    const one = executor.execute(flow, { as: "one" }, { unchecked: true });
    const two = executor.execute(flow, { as: "two" }, { unchecked: true });
    await settled();
    expect(gates.open).toEqual(["one"]);
    await gates.end("one");
    await one;
    await settled();
    await gates.end("two");
    await two;
  });

  it("[F71] [F96] a tool that was given up keeps its key until it has really ended", async () => {
    const gates = new Gates();
    const { executor, ports } = hostWith([tool("a", gates.tool("a", false), { exclusive: "k" })]);
    const flow = list([{ tool_name: "a", input_mapping: { as: "as" }, timeout_ms: 10 }]);
    const one = executor.execute(flow, { as: "one" }, { unchecked: true });
    await ports.advance(10);
    expect((await one).execution_log[0]?.error_type).toBe("ToolTimeoutError");
    const two = executor.execute(flow, { as: "two" }, { unchecked: true });
    await settled();
    expect(gates.open).toEqual(["one"]);
    await gates.end("one");
    await settled();
    expect(gates.open).toEqual(["two"]);
    await gates.end("two");
    expect((await two).success).toBe(true);
  });

  it("[F71] a step that waits for its key is not there any more once the run has ended", async () => {
    const gates = new Gates();
    const { executor } = hostWith(
      ["a", "b"].map((name) => tool(name, gates.tool(name))),
      { maxConcurrency: 2 },
    );
    const controller = new AbortController();
    const flow = dag({ a: { exclusive: "k" }, b: { exclusive: "k" } });
    const run = executor.execute(flow, {}, { signal: controller.signal });
    await settled();
    controller.abort(new Error("enough"));
    await rejection(run);
    expect(gates.started).toEqual(["a"]);
    const again = executor.execute(flow, {});
    await settled();
    expect(gates.open).toEqual(["a"]);
    await gates.end("a");
    await gates.end("b");
    expect((await again).success).toBe(true);
  });
});

it("[F71] who waits for another run's key and is ended does not wait any longer", async () => {
  const gates = new Gates();
  const { executor } = hostWith([tool("a", gates.tool("a"), { exclusive: "k" })]);
  const one = executor.execute(list([{ tool_name: "a" }]), {});
  await settled();
  const controller = new AbortController();
  const two = rejection(executor.execute(list([{ tool_name: "a" }]), {}, { signal: controller.signal }));
  await settled();
  controller.abort(new Error("enough"));
  expect(await two).toMatchObject({ name: "FlowCancelledError" });
  expect(gates.open).toEqual(["a"]);
  await gates.end("a");
  expect((await one).success).toBe(true);
});

describe("ending a run from outside", () => {
  const three = [{ tool_name: "a" }, { tool_name: "b" }, { tool_name: "c" }];
  const host = (obeys = true): ReturnType<typeof hostWith> & { gates: Gates } => {
    const gates = new Gates();
    return { gates, ...hostWith(["a", "b", "c"].map((name) => tool(name, gates.tool(name, obeys)))) };
  };

  it("[F89] [F94] with a signal that is aborted already no step starts; start and end are told", async () => {
    const { executor, heard, gates } = host();
    const reason = new Error("too late");
    const error = await rejection<FlowCancelledError>(
      executor.execute(list(three), {}, { signal: AbortSignal.abort(reason) }),
    );
    expect(error).toMatchObject({
      flow: "list",
      stepIndex: 0,
      tokenCancelled: true,
      cause: reason,
      code: "FLOW-E008",
      message: 'The flow "list" ended before step 0, because it was cancelled',
    });
    expect(gates.started).toEqual([]);
    expect(statuses(error.result)).toEqual(["0 not_started", "1 not_started", "2 not_started"]);
    expect(heard.kinds()[0]).toBe("flow_start");
    expect(heard.kinds().at(-1)).toBe("flow_end");
    expect(heard.of("step_start")).toEqual([]);
  });

  it("[F88] [F90] [F93] a step that runs is told, and may end well; the next one does not start", async () => {
    const { executor, heard, gates } = host(false);
    const controller = new AbortController();
    const run = executor.execute(list(three), {}, { signal: controller.signal });
    const ended = rejection<FlowCancelledError>(run);
    await settled();
    await gates.end("a");
    const reason = new Error("enough");
    controller.abort(reason);
    expect(gates.signalOf("b").reason).toBe(reason);
    await gates.end("b");
    const error = await ended;
    expect(error).toMatchObject({ stepIndex: 2, deadlineExceeded: false });
    expect(statuses(error.result)).toEqual(["0 succeeded", "1 succeeded", "2 not_started"]);
    expect(error.result).toMatchObject({ success: false, final_output: null, failed_step: null });
    expect(heard.of("flow_end")[0]?.result).toBe(error.result);
    expect(gates.started).toEqual(["a", "b"]);
  });

  it("[F88] [F93] a deadline is one, by a clock that goes only forward; the message names both reasons", async () => {
    const { executor, ports, gates } = host();
    const controller = new AbortController();
    const run = executor.execute(
      list(three),
      {},
      { deadline: ports.wallTime() + 30, signal: controller.signal },
    );
    const ended = rejection<FlowCancelledError>(run);
    await ports.advance(29);
    expect(gates.signalOf("a").aborted).toBe(false);
    await ports.advance(1);
    const error = await ended;
    expect(error).toMatchObject({ stepIndex: 0, deadlineExceeded: true, tokenCancelled: false });
    expect(statuses(error.result)[0]).toBe("0 cancelled");
    expect(error.cause).toMatchObject({
      name: "DeadlineExceededError",
      message: "The deadline of the run has passed",
    });
    expect(ports.waiting).toBe(0);

    const { length } = gates.started;
    for (const ago of [0, 1]) {
      const past = executor.execute(list(three), {}, { deadline: ports.wallTime() - ago });
      expect(await rejection(past)).toMatchObject({
        deadlineExceeded: true,
        stepIndex: 0,
        message: 'The flow "list" ended before step 0, because its deadline passed',
      });
    }
    expect(gates.started).toHaveLength(length);
    controller.abort();
    const both = await rejection(
      executor.execute(list(three), {}, { deadline: ports.wallTime() - 1, signal: controller.signal }),
    );
    expect(both.message).toContain("because it was cancelled and its deadline passed");
  });

  it("[F93] a deadline may be further away than a timer can wait", async () => {
    const { executor, ports, gates } = host();
    const month = 31 * 24 * 3_600_000;
    const ended = rejection<FlowCancelledError>(
      executor.execute(list(three), {}, { deadline: ports.wallTime() + month }),
    );
    await ports.advance(month - 1);
    expect(gates.signalOf("a").aborted).toBe(false);
    await ports.advance(1);
    expect(await ended).toMatchObject({ deadlineExceeded: true });
    expect(ports.waiting).toBe(0);
  });

  it("[F93] a timer that rings too early does not end a run before its deadline", async () => {
    const { executor, ports, gates } = host();
    const wait = ports.wait.bind(ports);
    ports.wait = (ms, signal) => wait(ms > 1 ? ms - 1 : ms, signal);
    const ended = rejection<FlowCancelledError>(
      executor.execute(list(three), {}, { deadline: ports.wallTime() + 30 }),
    );
    await ports.advance(29);
    expect(gates.signalOf("a").aborted).toBe(false);
    await ports.advance(1);
    expect((await ended).message).toContain("because its deadline passed");
  });

  it("[F93] [F193] a reason that is no error is in the record all the same", async () => {
    const { executor } = hostWith([
      tool("fails", () => {
        throw new Error("broken");
      }),
    ]);
    const controller = new AbortController();
    const flow = list([{ tool_name: "fails", retry: {} }]);
    const ended = rejection<FlowCancelledError>(executor.execute(flow, {}, { signal: controller.signal }));
    await settled();
    controller.abort("enough");
    const { result, cause } = await ended;
    expect(cause).toBe("enough");
    expect(result.execution_log[0]).toMatchObject({
      status: "cancelled",
      error_type: "string",
      error_code: null,
      error_message: "enough",
    });
  });

  describe("a tool that does not heed its signal", () => {
    it("[F67] [F88] is waited for as long as it takes, unless the host says how long", async () => {
      const { executor, ports, gates } = host(false);
      const controller = new AbortController();
      let isOver = false;
      const ended = rejection<FlowCancelledError>(
        executor.execute(list(three), {}, { signal: controller.signal }),
      ).finally(() => {
        isOver = true;
      });
      await settled();
      controller.abort(new Error("enough"));
      await ports.advance(1e9);
      expect(isOver).toBe(false);
      await gates.end("a");
      expect(statuses((await ended).result)[0]).toBe("0 succeeded");
    });

    const deaf = (step: object = {}) => {
      const gates = new Gates();
      const checkpoints = new MemoryCheckpoints();
      const host = hostWith([tool("a"), tool("b", gates.tool("b", false))], { checkpoints, graceMs: 10 });
      const controller = new AbortController();
      const flow = list([{ tool_name: "a" }, { tool_name: "b", ...step }]);
      const run = (): Promise<RunResult> =>
        host.executor.execute(flow, {}, { signal: controller.signal, traceId: "t" });
      return { ...host, gates, checkpoints, controller, flow, run };
    };

    it.each([{}, { retry: {} }, { on_error: "skip" }, { on_error: "fallback:a" }, { timeout_ms: 50 }])(
      "[F88] [F93] [F239] is left alone when its grace is over, with the step %j",
      async (step) => {
        const { run, controller, gates, ports, heard, checkpoints } = deaf(step);
        const running = run();
        let isOver = false;
        const ended = rejection<FlowCancelledError>(running).finally(() => {
          isOver = true;
        });
        await settled();
        controller.abort(new Error("enough"));
        await ports.advance(9);
        expect(isOver).toBe(false);
        await ports.advance(1);
        const { result } = await ended;
        expect(statuses(result)).toEqual(["0 succeeded", "1 cancelled"]);
        expect(result.execution_log[1]).toMatchObject({
          error_type: "StepUnresponsiveError",
          error_code: "FLOW-E028",
          error_message: expect.stringContaining("still runs 10 ms later, and is left alone") as string,
        });
        expect(heard.kinds().at(-1)).toBe("flow_end");
        expect(ports.waiting).toBe(0);
        // What comes of it later is in no event and in no checkpoint.
        const before = [heard.events.length, checkpoints.load("t")];
        await gates.end("b");
        expect([heard.events.length, checkpoints.load("t")]).toEqual(before);
        expect(Object.keys(checkpoints.load("t")?.steps ?? {})).toEqual(["0"]);
      },
    );

    it("[F88] [F93] is waited for while its grace lasts, and leaves no timer", async () => {
      const { run, controller, gates, ports } = deaf();
      const ended = rejection<FlowCancelledError>(run());
      await settled();
      controller.abort(new Error("enough"));
      await ports.advance(9);
      await gates.end("b");
      expect(statuses((await ended).result)).toEqual(["0 succeeded", "1 succeeded"]);
      expect(ports.waiting).toBe(0);
    });

    it("[F71] keeps its keys until it has really ended", async () => {
      const { run, controller, gates, ports, executor, flow } = deaf({ exclusive: "k" });
      const ended = rejection(run());
      await settled();
      controller.abort(new Error("enough"));
      await ports.advance(10);
      await ended;
      const again = executor.execute(flow, {});
      await settled();
      expect(gates.started).toEqual(["b"]);
      await gates.end("b");
      await settled();
      expect(gates.started).toEqual(["b", "b"]);
      await gates.end("b");
      expect((await again).success).toBe(true);
    });
  });

  it("[F95] [U17] once all steps are done, an abort while they are merged changes nothing", async () => {
    const controller = new AbortController();
    const { executor } = hostWith([tool("a", () => ({ k: 1 })), tool("b", () => ({ k: 2 }))], {
      middleware: [
        {
          event: ({ kind }) => {
            if (kind === "collision") controller.abort();
          },
        },
      ],
    });
    const flow = dag({ a: {}, b: { depends_on: ["a"] } }, { scheduling: "ready" });
    const result = await executor.execute(flow, {}, { signal: controller.signal });
    expect(controller.signal.aborted).toBe(true);
    expect(result).toMatchObject({ success: true, final_output: { k: 2 } });
  });

  it.each(["skip", "fallback:b"])(
    "[F82] [F102] on_error: %s is for failures, and not for being told to stop",
    async (on_error) => {
      const checkpoints = new MemoryCheckpoints();
      const gates = new Gates();
      const { executor } = hostWith([tool("a", gates.tool("a")), tool("b", gates.tool("b"))], {
        checkpoints,
      });
      const controller = new AbortController();
      const flow = list([{ tool_name: "a", on_error, retry: {} }]);
      const ended = rejection<FlowCancelledError>(executor.execute(flow, {}, { signal: controller.signal }));
      await settled();
      controller.abort(new Error("enough"));
      const { result } = await ended;
      expect(result.execution_log[0]).toMatchObject({
        status: "cancelled",
        skipped: false,
        fallback_used: false,
        retry_count: 0,
      });
      expect(gates.started).toEqual(["a"]);
      // It is not done, and will be run when the run is resumed.
      expect(checkpoints.load("run-1")?.steps).toEqual({});
    },
  );

  it("[F101] [U17] while a step waits for its slot after a backoff: it is not tried again", async () => {
    const gates = new Gates();
    const fails = tool("a", () => {
      throw new Error("broken");
    });
    const { executor, ports } = hostWith([fails, tool("b", gates.tool("b", false))]);
    const controller = new AbortController();
    const flow = dag({ a: { retry: { backoff_seconds: 0.01 } }, b: {} });
    const ended = rejection<FlowCancelledError>(executor.execute(flow, {}, { signal: controller.signal }));
    await ports.advance(20);
    expect(gates.open).toEqual(["b"]);
    controller.abort(new Error("enough"));
    await gates.end("b");
    const { result } = await ended;
    expect(result.execution_log[0]).toMatchObject({ status: "cancelled", retry_count: 0 });
    expect(result.cost_report.tool_calls).toBe(2);
  });

  it.each([
    ["its key", { exclusive: "k" }],
    ["what another makes for the cache", { cacheable: true }],
  ])(
    "[F71] [F147] [U17] while a step has %s, and waits for its slot: it does not go on",
    async (_, traits) => {
      const gates = new Gates();
      const shared = tool("shared", gates.tool("shared"), traits);
      const { executor } = hostWith([shared, tool("other", gates.tool("other", false))], {
        cache: new MemoryCache(),
      });
      const first = executor.execute(list([{ tool_name: "shared" }]), {});
      await settled();
      const controller = new AbortController();
      const flow = dag({ shared: {}, other: {} });
      const ended = rejection<FlowCancelledError>(executor.execute(flow, {}, { signal: controller.signal }));
      await settled();
      expect(gates.open).toEqual(["shared", "other"]);
      await gates.end("shared");
      await first;
      controller.abort(new Error("enough"));
      await gates.end("other");
      expect(statuses((await ended).result)).toEqual(["shared cancelled", "other succeeded"]);
      expect(gates.started).toEqual(["shared", "other"]);
    },
  );

  it("[F86] [F95] once a step has failed, an abort while others end does not change what it failed of", async () => {
    const gates = new Gates();
    const { executor } = hostWith([tool("a", gates.tool("a")), tool("b", gates.tool("b", false))], {
      maxConcurrency: 2,
    });
    const controller = new AbortController();
    const run = executor.execute(dag({ a: {}, b: {} }), {}, { signal: controller.signal });
    await settled();
    await gates.fail("a");
    controller.abort(new Error("too late"));
    await gates.end("b");
    expect(await run).toMatchObject({ success: false, failed_step: 0 });
  });

  it("[F92] [F67] in a graph, too: all that run are told and waited for", async () => {
    const gates = new Gates();
    const { executor, heard } = hostWith(
      ["a", "b"].map((name) => tool(name, gates.tool(name, false))),
      { maxConcurrency: 2 },
    );
    const controller = new AbortController();
    const ended = rejection<FlowCancelledError>(
      executor.execute(dag({ a: {}, b: {}, c: { tool_name: "a" } }), {}, { signal: controller.signal }),
    );
    await settled();
    controller.abort(new Error("enough"));
    await settled();
    expect(heard.of("flow_end")).toEqual([]);
    await gates.fail("a");
    await gates.end("b");
    const error = await ended;
    expect(statuses(error.result)).toEqual(["a cancelled", "b succeeded", "c not_started"]);
    expect(error.stepIndex).toBe(0);
  });
});

it("[U28] [F75] [F76] failures of all kinds leave no listener, no timer and no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const trap = (reason: unknown): void => {
    unhandled.push(reason);
  };
  process.on("unhandledRejection", trap);
  const { signal } = new AbortController();
  const tools = [
    tool("fails", async () => {
      await setImmediate();
      throw new Error("broken");
    }),
    tool("works", async () => {
      await setImmediate();
      return { k: 1 };
    }),
    tool(
      "slow",
      (_, context) =>
        new Promise((_resolve, reject) => {
          context.signal.addEventListener("abort", () => {
            reject(context.signal.reason);
          });
        }),
    ),
  ];
  const { executor, ports } = hostWith(tools, { maxConcurrency: 4 });
  const flows = [
    dag({ fails: {}, works: {}, slow: {} }),
    dag({ slow: { timeout_ms: 5 }, fails: { retry: { backoff_seconds: 0.001, max_retries: 1 } } }),
    dag({ works: {}, again: { tool_name: "works" } }),
    dag({ works: { exclusive: "k" }, fails: { exclusive: "k" } }),
  ];
  for (let round = 0; round < 5; round += 1)
    for (const flow of flows) {
      const run = executor.execute(
        flow,
        {},
        { signal, deadline: ports.wallTime() + 60_000, unchecked: true },
      );
      await ports.advance(10);
      expect((await run).success).toBe(false);
      expect(getEventListeners(signal, "abort")).toEqual([]);
    }
  expect(ports.waiting).toBe(0);
  await settled();
  process.off("unhandledRejection", trap);
  expect(unhandled).toEqual([]);
});

it("[F237] [F61] results are those of one at a time, for every order in which steps end", async () => {
  const names = ["a", "b", "c", "d"];
  const flow = dag(
    { a: {}, b: {}, c: { depends_on: ["a"] }, d: {} },
    { merge: { log: "append" }, scheduling: "ready" },
  );
  for (const failing of [[], ["b"], ["a"], ["c", "d"]]) {
    const outcomes = new Set<string>();
    for (const order of permutations(names)) {
      const gates = new Gates();
      const { executor } = hostWith(
        names.map((name) => tool(name, gates.tool(name))),
        { maxConcurrency: 4 },
      );
      const run = executor.execute(flow, {});
      await settled();
      for (let round = 0; gates.open.length > 0 && round < 10; round += 1) {
        const next = order.find((name) => gates.open.includes(name)) ?? "";
        if (failing.includes(next)) await gates.fail(next);
        else await gates.end(next, { [next]: 1, log: [next] });
      }
      const { success, final_output, failed_step } = timeless(await run) as Record<string, unknown>;
      outcomes.add(JSON.stringify({ success, final_output, failed_step }));
    }
    expect(outcomes.size).toBe(1);
  }
});

function permutations(names: readonly string[]): string[][] {
  if (names.length === 0) return [[]];
  return names.flatMap((name) =>
    permutations(names.filter((each) => each !== name)).map((rest) => [name, ...rest]),
  );
}
