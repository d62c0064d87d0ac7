import { describe, expect, it } from "vitest";
import type { FlowDefinition } from "../../../src/flows/flow/definition/definition.js";
import {
  type CheckpointStore,
  MemoryCheckpoints,
  type Progress,
  type Snapshot,
} from "../../../src/flows/flow/run/checkpoint.js";
import type { RunResult } from "../../../src/flows/flow/run/records.js";
import { dag, list, object, tool, toolset } from "./support/flows.js";
import { Gates, hostWith, rejection, settled, statuses, timeless } from "./support/runs.js";

const graph = dag(
  { a: {}, b: {}, c: { depends_on: ["a"] }, d: { depends_on: ["b", "c"] } },
  { merge: { log: "append" }, on_context_collision: "error" },
);
const tools = (ran: string[] = []) =>
  ["a", "b", "c", "d"].map((name) =>
    tool(name, () => {
      ran.push(name);
      return { [name]: 1, log: [name] };
    }),
  );
const find = (flow: FlowDefinition) => () => flow;

/** What the disk of a process holds that is killed after so many writes. */
class Crashing implements CheckpointStore {
  readonly kept = new MemoryCheckpoints();
  readonly sequences: number[] = [];
  #left: number;

  constructor(writes: number) {
    this.#left = writes;
  }

  save(snapshot: Snapshot): Promise<void> {
    return this.#write(snapshot.sequence, () => {
      this.kept.save(snapshot);
    });
  }

  add(traceId: string, progress: Progress): Promise<void> {
    return this.#write(progress.sequence, () => {
      this.kept.add(traceId, progress);
    });
  }

  #write(sequence: number, write: () => void): Promise<void> {
    if (this.#left === 0) return Promise.reject(new Error("killed"));
    this.#left -= 1;
    write();
    this.sequences.push(sequence);
    return Promise.resolve();
  }

  load(traceId: string): Snapshot | undefined {
    return this.kept.load(traceId);
  }

  delete(traceId: string): void {
    this.kept.delete(traceId);
  }
}

describe("checkpoints", () => {
  it("[F149] [F150] hold what another process needs, while the run goes on; one that succeeds leaves none", async () => {
    const gates = new Gates();
    const checkpoints = new MemoryCheckpoints();
    const { executor, heard } = hostWith([tool("a", () => ({ a: 1 })), tool("b", gates.tool("b"))], {
      checkpoints,
    });
    const run = executor.execute(list([{ tool_name: "a" }, { tool_name: "b" }]), { in: 1 });
    await settled();
    const snapshot = checkpoints.load("run-1");
    expect(snapshot).toMatchObject({
      format_version: "2.0",
      trace_id: "run-1",
      sequence: 1,
      flow_name: "list",
      flow_version: "0.1.0",
      initial_input: { in: 1 },
      started_at: "2026-01-01T00:00:00.000Z",
      param_names: [],
    });
    expect(Object.keys(snapshot?.tool_hashes ?? {})).toEqual(["a", "b"]);
    expect(snapshot?.steps).toMatchObject({
      0: { contribution: { a: 1 }, record: { step_index: 0, success: true } },
    });
    await gates.end("b");
    await run;
    expect(checkpoints.size).toBe(0);
    // The first has all of the run's steps in it, and each later one what is new.
    expect(heard.of("checkpoint")).toMatchObject([{ sequence: 1 }, { sequence: 2 }]);
  });

  it("[F149] [F167] one that cannot be taken away does no harm, and is told of", async () => {
    const checkpoints: CheckpointStore = Object.assign(new MemoryCheckpoints(), {
      delete: () => Promise.reject(new Error("read-only")),
    });
    const { executor, heard } = hostWith([tool("a")], { checkpoints });
    expect((await executor.execute(list([{ tool_name: "a" }]), {})).success).toBe(true);
    expect(heard.of("checkpoint").at(-1)).toMatchObject({
      sequence: -1,
      error: "it could not be deleted: read-only",
    });
  });

  it("[F149] a run that fails keeps its last one, and so does one that succeeds if it is to", async () => {
    const checkpoints = new MemoryCheckpoints();
    const { executor } = hostWith([tool("a", () => null), tool("b", () => ({ b: 1 }))], {
      checkpoints,
      keepCheckpoints: true,
    });
    await executor.execute(list([{ tool_name: "a" }]), {}, { traceId: "failed" });
    await executor.execute(list([{ tool_name: "b" }]), {}, { traceId: "done" });
    expect(checkpoints.load("failed")?.steps).toEqual({});
    expect(Object.keys(checkpoints.load("done")?.steps ?? {})).toEqual(["0"]);
  });

  it.each(["levels", "ready"])(
    "[F242] [F152] [F198] [U23] killed after any write, %s: resumed it ends as if nothing had happened, and repeats nothing that was written down",
    async (scheduling) => {
      const flow = { ...graph, scheduling } as FlowDefinition;
      const whole = timeless(await hostWith(tools()).executor.execute(flow, { in: 1 })) as RunResult;
      for (let writes = 1; writes <= 4; writes += 1) {
        const store = new Crashing(writes);
        const before = hostWith(tools(), { checkpoints: store });
        const failed = await before.executor.execute(flow, { in: 1 });
        expect(failed.success).toBe(false);
        expect(failed.execution_log.some(({ error_type }) => error_type === "CheckpointWriteError")).toBe(
          true,
        );
        const done = Object.keys(store.load("run-1")?.steps ?? {});
        const ran: string[] = [];
        const { executor, heard } = hostWith(tools(ran), { checkpoints: store.kept });
        const resumed = await executor.resume("run-1", find(flow));
        expect(ran.filter((name) => done.includes(name))).toEqual([]);
        expect(ran.length + done.length).toBe(4);
        const { cost_report: _cost, ...result } = timeless(resumed) as RunResult;
        const { cost_report: _all, ...expected } = whole;
        expect(result).toEqual(expected);
        expect(resumed).toMatchObject({ trace_id: "run-1", started_at: failed.started_at });
        expect(heard.of("flow_start")).toMatchObject([{ resumed: true }]);
        expect(heard.of("step_end").map(({ step_id }) => step_id)).toEqual(ran);
        expect(store.kept.size).toBe(0);
      }
    },
  );

  it("[F156] [F155] [U24] of a level of three of which two are written down, only the third runs", async () => {
    const flow = dag({ a: {}, b: {}, c: {} }, { merge: { log: "append" } });
    const checkpoints = new MemoryCheckpoints();
    const gates = new Gates();
    const names = ["a", "b", "c"];
    const first = hostWith(
      names.map((name) => tool(name, gates.tool(name))),
      { checkpoints, maxConcurrency: 3 },
    );
    const controller = new AbortController();
    const ended = rejection(first.executor.execute(flow, {}, { signal: controller.signal }));
    await settled();
    await gates.end("c", { log: ["c"] });
    await gates.end("a", { log: ["a"] });
    controller.abort(new Error("killed"));
    await ended;
    const ran: string[] = [];
    const { executor } = hostWith(
      names.map((name) =>
        tool(name, () => {
          ran.push(name);
          return { log: [name] };
        }),
      ),
      { checkpoints },
    );
    const result = await executor.resume("run-1", find(flow));
    expect(ran).toEqual(["b"]);
    expect(result.final_output).toEqual({ log: ["a", "b", "c"] });
  });

  it.each(["levels", "ready"])(
    "[F156] [F196] [F56] by %s, what was done before is neither queued nor started again, and nobody has waited for it",
    async (scheduling) => {
      const flow = dag(
        { a: {}, b: {}, c: { depends_on: ["b", "a"] }, d: { depends_on: ["c"] } },
        { merge: { log: "append" }, scheduling },
      );
      const checkpoints = new MemoryCheckpoints();
      const broken = tool("b", () => null);
      const before = tools().map((each) => (each.name === "b" ? broken : each));
      await hostWith(before, { checkpoints }).executor.execute(flow, {});
      const { executor, heard } = hostWith(tools(), { checkpoints });
      const result = await executor.resume("run-1", find(flow));
      expect(heard.kinds().filter((kind) => /queued|start/.test(kind))).toEqual([
        "flow_start",
        ...["b", "c", "d"].flatMap((step) => [`step_queued ${step}`, `step_start ${step}`]),
      ]);
      expect(result.execution_log.map(({ barrier_ms }) => barrier_ms)).toEqual([null, null, null, 0]);
      expect(result.execution_log.every(({ launched_at }) => launched_at !== null)).toBe(true);
    },
  );

  it("[F157] a step that was skipped stays skipped", async () => {
    const checkpoints = new MemoryCheckpoints();
    const flow = list([{ tool_name: "fails", on_error: "skip" }, { tool_name: "later" }]);
    const broken = tool("fails", () => {
      throw new Error("broken");
    });
    const first = hostWith([broken, tool("later", () => null)], { checkpoints });
    await first.executor.execute(flow, {});
    let calls = 0;
    const now = [
      tool("fails", () => {
        calls += 1;
        return {};
      }),
      tool("later", () => ({ x: 1 })),
    ];
    const result = await hostWith(now, { checkpoints }).executor.resume("run-1", find(flow));
    expect(calls).toBe(0);
    expect(result.execution_log[0]).toMatchObject({ skipped: true, error_message: '"fails" failed: broken' });
    expect(result).toMatchObject({ success: true, final_output: { x: 1 } });
  });

  const kinds = {
    list: (fields: Record<string, unknown>) => list([{ tool_name: "a" }, { tool_name: "b" }], fields),
    levels: (fields: Record<string, unknown>) => dag({ a: {}, b: { depends_on: ["a"] } }, fields),
    ready: (fields: Record<string, unknown>) =>
      dag({ a: {}, b: { depends_on: ["a"] } }, { scheduling: "ready", ...fields }),
  };
  const matrix = (Object.keys(kinds) as (keyof typeof kinds)[]).flatMap((kind) =>
    (["overwrite", "warn", "error"] as const).flatMap((policy) =>
      ["fresh", "resumed"].map((run) => ({ kind, policy, run })),
    ),
  );

  it.each(matrix)(
    "[F1] [F3] [F4] [F5] [F160] a key that is there already, $policy, $kind, $run: the same value, severity and error",
    async ({ kind, policy, run }) => {
      let isBroken = run === "resumed";
      const tools = [
        tool("a", () => ({ k: "a" })),
        tool("b", () => {
          if (isBroken) throw new Error("not yet");
          return { k: "b" };
        }),
      ];
      const { executor, heard } = hostWith(tools, { checkpoints: new MemoryCheckpoints() });
      const flow = kinds[kind]({ on_context_collision: policy });
      let result = await executor.execute(flow, {}, { traceId: "x", unchecked: true });
      if (isBroken) {
        isBroken = false;
        heard.events.length = 0;
        result = await executor.resume("x", () => flow, { unchecked: true });
      }
      const a = kind === "list" ? "step 0 (a)" : "step a";
      expect(result.final_output).toEqual(policy === "error" ? null : { k: "b" });
      expect(result.failed_step).toBe(policy === "error" ? 1 : null);
      expect(result.execution_log[1]).toMatchObject(
        policy === "error"
          ? {
              status: "failed",
              error_type: "KeyCollisionError",
              error_message: `Nothing is merged: "k" is already there, from ${a}; rename it with output_mapping, or set "on_context_collision" to warn or overwrite`,
            }
          : { status: "succeeded", error_type: null },
      );
      const told = heard
        .of("collision")
        .map(({ severity, collision }) => [severity, collision.key, collision.by.step_index, collision.over]);
      const over = expect.objectContaining({ step_index: 0 }) as unknown;
      expect(told).toEqual(
        policy === "error" ? [] : [[policy === "warn" ? "warning" : "debug", "k", 1, over]],
      );
    },
  );

  it("[F160] [F87] a flow that failed of a collision fails of it again", async () => {
    for (const flow of [
      list([{ tool_name: "a" }, { tool_name: "again" }], { on_context_collision: "error" }),
      dag({ a: {}, again: { depends_on: ["a"] } }, { on_context_collision: "error" }),
    ]) {
      const checkpoints = new MemoryCheckpoints();
      const { executor } = hostWith([tool("a", () => ({ k: 1 })), tool("again", () => ({ k: 2 }))], {
        checkpoints,
      });
      const failed = await executor.execute(flow, {});
      const again = await executor.resume("run-1", find(flow));
      expect(again).toMatchObject({ success: false, failed_step: failed.failed_step });
      expect(again.execution_log[1]).toMatchObject({ error_type: "KeyCollisionError" });
    }
  });

  it("[F152] the input is not checked again, the output is", async () => {
    const checkpoints = new MemoryCheckpoints();
    const fields = { schemas: { out: object({ x: "string" }) }, output_schema_ref: "#/schemas/out" };
    const flow = list([{ tool_name: "a" }], fields);
    const { executor } = hostWith([tool("a", () => ({ x: 1 }))], { checkpoints });
    expect((await executor.execute(flow, {}, { unchecked: true })).failed_step).toBe(1);
    const again = await executor.resume("run-1", find(flow));
    expect(again).toMatchObject({ success: false, failed_step: 1, cost_report: { tool_calls: 0 } });
  });
});

describe("what keeps a run from being resumed", () => {
  /** A run that failed at its second step. */
  async function failedRun(fields: Readonly<Record<string, unknown>> = {}, params = {}) {
    const checkpoints = new MemoryCheckpoints();
    const flow = list([{ tool_name: "a" }, { tool_name: "b" }], fields);
    const broken = tool("b", () => null);
    const host = hostWith([tool("a", () => ({ a: 1 })), broken], { checkpoints });
    await host.executor.execute(flow, {}, { params });
    return { ...host, checkpoints, flow, works: [tool("a"), tool("b", () => ({ b: 1 }))] };
  }

  it("[F151] no store, no checkpoint, another format", async () => {
    const { executor } = hostWith([]);
    expect(await rejection(executor.resume("x", find(graph)))).toMatchObject({
      name: "CheckpointerNotConfiguredError",
      message:
        "Nothing can be resumed, because no checkpoints are kept; give the executor a checkpoint store",
    });
    const { executor: other, checkpoints, flow, heard } = await failedRun();
    expect(await rejection(other.resume("run-9", find(flow)))).toMatchObject({
      name: "CheckpointNotFoundError",
      traceId: "run-9",
      message:
        "There is no checkpoint of run run-9. It may have finished, or have been run from another folder",
    });
    const snapshot = checkpoints.load("run-1");
    const before = heard.events.length;
    for (const format_version of ["3.0", "20.0"]) {
      checkpoints.save({ ...snapshot, format_version } as Snapshot);
      expect(await rejection(other.resume("run-1", find(flow)))).toMatchObject({
        name: "CheckpointVersionError",
        flow: "list",
        snapshotVersion: format_version,
        expectedVersion: "2.0",
        message: `The checkpoint of run run-1 has format ${format_version}, and this program reads 2.0; run the flow anew`,
      });
    }
    expect(heard.events).toHaveLength(before);
    checkpoints.save({ ...snapshot, format_version: "2.7" } as Snapshot);
    expect((await other.resume("run-1", find(flow))).success).toBe(false);
  });

  it("[F151] [F163] one that is not there is not claimed, and one that has ended meanwhile is not there", async () => {
    const { checkpoints, flow, executor } = await failedRun();
    const claimed: string[] = [];
    const ending: CheckpointStore = Object.assign(checkpoints, {
      claim: (traceId: string) => {
        claimed.push(traceId);
        // Whoever had it until now has come to its end.
        checkpoints.delete(traceId);
        return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() });
      },
    });
    await executor.reconfigure({ checkpoints: ending });
    expect(await rejection(executor.resume("run-9", find(flow)))).toMatchObject({ traceId: "run-9" });
    expect(claimed).toEqual([]);
    expect(await rejection(executor.resume("run-1", find(flow)))).toMatchObject({
      name: "CheckpointNotFoundError",
      traceId: "run-1",
    });
    expect(claimed).toEqual(["run-1"]);
  });

  it.each<[string, (flow: FlowDefinition) => FlowDefinition, string]>([
    [
      "[F151] another version",
      (flow) => ({ ...flow, version: "0.2.0" }),
      "it ran version 0.1.0, and this is 0.2.0",
    ],
    ["[F151] another flow", (flow) => ({ ...flow, name: "other" }), 'this is the flow "other"'],
    [
      "[F158] other steps under the same version",
      (flow) => ({ ...flow, steps: flow.steps.slice(1) }) as FlowDefinition,
      "the definition of version 0.1.0 has been changed",
    ],
  ])("%s", async (_, change, detail) => {
    const { executor, flow, works } = await failedRun();
    await executor.reconfigure({ tools: toolset(...works) });
    const error = await rejection(executor.resume("run-1", find(change(flow))));
    expect(error).toMatchObject({
      name: "CheckpointDriftError",
      detail: expect.stringContaining(detail) as string,
    });
  });

  it("[F151] a tool that is gone, or has other schemas", async () => {
    const { executor, flow, works } = await failedRun();
    await executor.reconfigure({ tools: toolset(...works.slice(0, 1)) });
    expect((await rejection(executor.resume("run-1", find(flow)))).message).toContain('the tool "b" is gone');
    await executor.reconfigure({
      tools: toolset(
        tool("a"),
        tool("b", () => ({}), { schema_version: "2" }),
      ),
    });
    expect((await rejection(executor.resume("run-1", find(flow)))).message).toContain(
      'the tool "b" has other schemas now',
    );
    await executor.reconfigure({ tools: toolset(...works) });
    expect(await executor.resume("run-1", find(flow))).toMatchObject({
      success: true,
      final_output: { a: 1, b: 1 },
    });
  });

  it("[F159] it is the version that ran that is asked for", async () => {
    const { executor, flow, works } = await failedRun();
    await executor.reconfigure({ tools: toolset(...works) });
    const asked: string[][] = [];
    await executor.resume("run-1", (name, version) => {
      asked.push([name, version]);
      return flow;
    });
    expect(asked).toEqual([["list", "0.1.0"]]);
  });

  it("[F161] a flow that is not active by now, unless forced; the failed try changes nothing", async () => {
    const { executor, flow, works } = await failedRun();
    await executor.reconfigure({ tools: toolset(...works) });
    const disabled = { ...flow, status: "disabled" } as const;
    expect(await rejection(executor.resume("run-1", find(disabled)))).toMatchObject({
      name: "FlowStatusError",
    });
    expect((await executor.resume("run-1", find(disabled), { force: true })).success).toBe(true);
  });

  it("[F162] a resumed run can be ended like any other, and be resumed again", async () => {
    const { executor, flow, checkpoints, ports } = await failedRun();
    const gates = new Gates();
    await executor.reconfigure({ tools: toolset(tool("a"), tool("b", gates.tool("b"))) });
    const ended = rejection(executor.resume("run-1", find(flow), { deadline: ports.wallTime() + 10 }));
    await ports.advance(10);
    expect(await ended).toMatchObject({ name: "FlowCancelledError", deadlineExceeded: true, stepIndex: 1 });
    expect(checkpoints.size).toBe(1);
    const again = executor.resume("run-1", find(flow));
    await settled();
    await gates.end("b");
    expect((await again).success).toBe(true);
  });

  it("[F163] [U23] of two who resume at once the second is refused, and so is one who resumes what still runs", async () => {
    const { executor, flow } = await failedRun();
    const gates = new Gates();
    await executor.reconfigure({ tools: toolset(tool("a"), tool("b", gates.tool("b"))) });
    const first = executor.resume("run-1", find(flow));
    const second = rejection(executor.resume("run-1", find(flow)));
    expect(await second).toMatchObject({ name: "AlreadyRunningError", traceId: "run-1" });
    await settled();
    expect(gates.started).toEqual(["b"]);
    await gates.end("b");
    expect((await first).success).toBe(true);
  });

  it("[F164] parameters are not in the checkpoint, and must be given again", async () => {
    const { executor, flow, checkpoints, works } = await failedRun(
      { dynamic_params: ["token", "user"] },
      { token: "hunter2", user: "ann" },
    );
    await executor.reconfigure({ tools: toolset(...works) });
    expect(checkpoints.load("run-1")?.param_names).toEqual(["token", "user"]);
    expect(JSON.stringify(checkpoints.load("run-1"))).not.toContain("hunter2");
    const error = await rejection(executor.resume("run-1", find(flow)));
    expect(error).toMatchObject({
      name: "MissingParameterError",
      parameters: ["token", "user"],
      message:
        "Run run-1 was started with the parameters token, user, which are not written down; give them again",
    });
    const params = { token: "again", user: "ann" };
    expect((await executor.resume("run-1", find(flow), { params })).success).toBe(true);
  });
});

describe("writing", () => {
  it("[F166] one write of a run at a time, and never an older state after a newer", async () => {
    const waiting: (() => void)[] = [];
    const saved: [number, string[]][] = [];
    let inside = 0;
    const write = async ({ sequence, steps }: Progress): Promise<void> => {
      inside += 1;
      expect(inside).toBe(1);
      if (sequence > 0)
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      inside -= 1;
      saved.push([sequence, Object.keys(steps)]);
    };
    const store: CheckpointStore = {
      save: write,
      add: (_, progress) => write(progress),
      load: () => undefined,
      delete: () => undefined,
    };
    const { executor } = hostWith(
      ["a", "b", "c"].map((name) => tool(name)),
      { checkpoints: store, maxConcurrency: 3 },
    );
    const run = executor.execute(dag({ a: {}, b: {}, c: {} }), {});
    for (let round = 0; round < 5; round += 1) {
      await settled();
      waiting.shift()?.();
    }
    expect((await run).success).toBe(true);
    const sequences = saved.map(([sequence]) => sequence);
    expect(sequences).toEqual([...sequences].sort());
    // The second write has what came while the first was under way.
    expect(saved.flatMap(([, steps]) => steps).sort()).toEqual(["a", "b", "c"]);
    expect(saved.length).toBeLessThan(4);
  });

  it("[F149] each write has only what is new; after one that failed, and in a run that is resumed, all of it once", async () => {
    const written: string[] = [];
    const kept = new MemoryCheckpoints();
    let failing = "";
    const store: CheckpointStore = {
      save: (snapshot) => {
        written.push(`all ${Object.keys(snapshot.steps).join("")}`);
        kept.save(snapshot);
      },
      add: (traceId, progress) => {
        const steps = Object.keys(progress.steps).join("");
        written.push(`new ${steps}`);
        if (steps === failing) throw new Error("no space left");
        kept.add(traceId, progress);
      },
      load: (traceId) => kept.load(traceId),
      delete: (traceId) => {
        kept.delete(traceId);
      },
    };
    const names = ["a", "b", "c", "d", "e", "f"];
    const flow = list(names.map((tool_name) => ({ tool_name })));
    let broken = "f";
    const { executor } = hostWith(
      names.map((name) => tool(name, () => (name === broken ? null : { [name]: name }))),
      { checkpoints: store, checkpointPolicy: "best_effort" },
    );
    failing = "2";
    await executor.execute(flow, {});
    expect(written.splice(0)).toEqual(["all ", "all 0", "new 1", "new 2", "all 0123", "new 4"]);
    broken = "";
    const resumed = await executor.resume("run-1", find(flow));
    expect(written).toEqual(["all 012345"]);
    expect(Object.keys(resumed.final_output ?? {})).toEqual(names);
  });

  it("[F167] a store that fails fails the step, or only says so, as one likes", async () => {
    const store = new Crashing(1);
    const strict = await hostWith(tools(), { checkpoints: store }).executor.execute(graph, {});
    expect(strict.execution_log[0]).toMatchObject({
      error_type: "CheckpointWriteError",
      error_code: "FLOW-E025",
      error_message: 'The state of the run could not be written down at "a": killed',
      success: false,
    });
    expect(statuses(strict).slice(1)).toEqual(["b not_started", "c not_started", "d not_started"]);

    const inList = hostWith(tools(), { checkpoints: new Crashing(1) });
    const failed = await inList.executor.execute(list([{ tool_name: "d" }]), {});
    expect(failed.execution_log[0]?.error_message).toContain('written down at "d": killed');

    const lax = hostWith(tools(), { checkpoints: new Crashing(0), checkpointPolicy: "best_effort" });
    expect((await lax.executor.execute(graph, {})).success).toBe(true);
    const told = ["graph", "a", "b", "c", "d"].map((at) => ({
      sequence: -1,
      error: `The state of the run could not be written down at "${at}": killed`,
    }));
    expect(lax.heard.of("checkpoint")).toMatchObject(told);
  });

  it("[F167] if not even the first can be written, nothing runs", async () => {
    const ran: string[] = [];
    const { executor, heard } = hostWith(tools(ran), { checkpoints: new Crashing(0) });
    const result = await executor.execute(graph, {});
    expect(result).toMatchObject({ success: false, failed_step: -1 });
    expect(result.execution_log).toMatchObject([{ step_index: -1, error_type: "CheckpointWriteError" }]);
    expect(ran).toEqual([]);
    expect(heard.kinds()).toEqual(["flow_start", "flow_end"]);
  });

  it("[F153] a snapshot is nobody else's", () => {
    const checkpoints = new MemoryCheckpoints();
    const snapshot = { trace_id: "x", initial_input: { deep: [1] } } as unknown as Snapshot;
    checkpoints.save(snapshot);
    (snapshot.initial_input["deep"] as number[]).push(2);
    (checkpoints.load("x")?.initial_input["deep"] as number[]).push(3);
    expect(checkpoints.load("x")?.initial_input).toEqual({ deep: [1] });
  });

  it("[F149] nothing is added to a snapshot that is not there", () => {
    const checkpoints = new MemoryCheckpoints();
    expect(() => {
      checkpoints.add("x", { sequence: 1, steps: {} });
    }).toThrow("there is no snapshot of run x to add to");
    expect(checkpoints.size).toBe(0);
  });
});
