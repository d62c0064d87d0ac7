import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CacheFolder } from "../../../src/flows/flow/host/cache-folder.js";
import { CheckpointFolder } from "../../../src/flows/flow/host/checkpoint-folder.js";
import { systemPorts } from "../../../src/flows/flow/host/system-ports.js";
import type { FlowExecutor } from "../../../src/flows/flow/run/executor.js";
import { type Snapshot, snapshotFormat } from "../../../src/flows/flow/run/checkpoint.js";
import { dag, list, tool } from "./support/flows.js";
import { Gates, hostWith, rejection, settled } from "./support/runs.js";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "flow-host-"));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

const snapshot = (trace_id: string, sequence: number): Snapshot => ({
  ...{ format_version: snapshotFormat, trace_id, sequence, started_at: "", param_names: [], steps: {} },
  ...{ flow_name: "f", flow_version: "0.1.0", definition_digest: "", tool_hashes: {}, initial_input: {} },
});

describe("checkpoints in a folder", () => {
  it("[F154] one folder for each run; what was written last is read, by others, too", async () => {
    const store = new CheckpointFolder(root);
    await store.save(snapshot("a", 1));
    await store.save(snapshot("b", 7));
    await store.save(snapshot("a", 2));
    expect(await new CheckpointFolder(root).load("a")).toMatchObject({ sequence: 2 });
    expect(readdirSync(root).sort()).toEqual(["a", "b"]);
    // Nothing half-written is left beside it.
    expect(readdirSync(join(root, "a"))).toEqual(["checkpoint.ndjson"]);
    await store.delete("a");
    expect(await store.load("a")).toBeUndefined();
    expect(existsSync(join(root, "a"))).toBe(false);
  });

  it("[F149] [F154] what somebody was killed at writing is not there, wherever that was; all before it is", async () => {
    const store = new CheckpointFolder(root);
    const flow = list(["a", "b", "c", "d"].map((tool_name) => ({ tool_name })));
    const tools = (broken?: string) =>
      ["a", "b", "c", "d"].map((name) => tool(name, () => (name === broken ? null : { [name]: `${name}…` })));
    await hostWith(tools("d"), { checkpoints: store }).executor.execute(flow, {}, { traceId: "t" });
    const path = join(root, "t", "checkpoint.ndjson");
    const bytes = readFileSync(path);
    const ends = [...bytes.entries()].flatMap(([at, byte]) => (byte === 10 ? [at + 1] : []));
    expect(ends).toHaveLength(3);
    for (let length = ends[0] ?? 0; length <= bytes.length; length += 1) {
      writeFileSync(path, bytes.subarray(0, length));
      const lines = ends.filter((end) => end <= length).length;
      const found = await store.load("t");
      expect(found).toMatchObject({ sequence: lines });
      expect(Object.keys(found?.steps ?? {})).toEqual(["0", "1", "2"].slice(0, lines));
    }
    // Whoever goes on writes nothing behind a part of a line.
    writeFileSync(path, bytes.subarray(0, -5));
    const { executor } = hostWith(tools("d"), { checkpoints: store });
    expect((await executor.resume("t", () => flow)).failed_step).toBe(3);
    expect(Object.keys((await store.load("t"))?.steps ?? {})).toEqual(["0", "1", "2"]);
    await executor.reconfigure({ tools: new Map(tools().map((each) => [each.name, each])) });
    expect(await executor.resume("t", () => flow)).toMatchObject({ success: true });
  }, 30_000);

  it("[F149] nothing is added to what is not there", async () => {
    mkdirSync(join(root, "a"));
    const error = await rejection(new CheckpointFolder(root).add("a", { sequence: 1, steps: {} }));
    expect(error).toMatchObject({ code: "ENOENT" });
    expect(readdirSync(join(root, "a"))).toEqual([]);
  });

  it("[F154] an id that is no name is refused, and read as not there", async () => {
    const store = new CheckpointFolder(root);
    for (const id of ["../x", "a/b", "", ".", "..", "a\0"]) {
      expect(await store.load(id)).toBeUndefined();
      expect((await rejection(store.save(snapshot(id, 1)))).message).toContain("A run's id consists of");
      expect((await rejection(store.claim(id))).message).toContain("A run's id consists of");
    }
  });

  const { flow_name: _, ...nameless } = snapshot("a", 1);
  const step = { contribution: {}, record: { step_index: 0 } };
  it.each([
    ["", "it has no whole line"],
    ['{"trace_id":"a"', "it has no whole line"],
    ["{\n", "line 1: it is no JSON"],
    ["null\n", "line 1: the value must be object"],
    ['{"trace_id":"a","format_version":1}\n', "line 1: the value must have required property 'flow_name'"],
    [`${JSON.stringify(nameless)}\n`, "required property 'flow_name'"],
    ['{"trace_id":"a","format_version":"2.0","flow_name":"f"}\n', "required property 'sequence'"],
    [`${JSON.stringify({ ...snapshot("a", 1), format_version: 2 })}\n`, "/format_version must be string"],
    [`${JSON.stringify(snapshot("b", 1))}\n`, "it is one of run b"],
    [`${JSON.stringify({ ...snapshot("a", 1), steps: { s: step } })}\n`, "line 1: /steps/s/record must"],
    [`${JSON.stringify(snapshot("a", 1))}\n{"sequence":2}\n`, "line 2: the value must have required"],
    [`${JSON.stringify(snapshot("a", 1))}\n{\n`, "line 2: it is no JSON"],
  ])("[F151] [F154] a file with %j in it is damaged, which is said, and stays", async (text, why) => {
    const path = join(root, "a", "checkpoint.ndjson");
    mkdirSync(join(root, "a"));
    writeFileSync(path, text);
    const { executor } = hostWith([], { checkpoints: new CheckpointFolder(root) });
    const error = await rejection(executor.resume("a", () => list([])));
    expect(error).toMatchObject({ name: "CheckpointUnusableError", code: "FLOW-E029", traceId: "a" });
    expect(error.message).toContain(`The checkpoint of run a cannot be used: it is damaged (`);
    expect(error.message).toContain(why);
    expect(error.message).toContain(`). Remove ${join(root, "a")} and run the file anew`);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  it("[F151] one of another format is that, whatever else is in it", async () => {
    mkdirSync(join(root, "a"));
    const head = { trace_id: "a", format_version: "3.0", flow_name: "f" };
    writeFileSync(join(root, "a", "checkpoint.ndjson"), `${JSON.stringify(head)}\n`);
    expect(await rejection(new CheckpointFolder(root).load("a"))).toMatchObject({
      name: "CheckpointVersionError",
      snapshotVersion: "3.0",
    });
  });

  it("[F151] one of a pipeline: says that it is not one of a flow", async () => {
    mkdirSync(join(root, "a"));
    writeFileSync(join(root, "a", "checkpoint.ndjson"), '{"kind":"pipeline"}\n');
    expect((await rejection(new CheckpointFolder(root).load("a"))).message).toBe(
      "Run a is not one of a flow; give the file that it was started with",
    );
  });

  it("[F151] [F163] one that cannot be read is not taken for none, and whoever lets go of its run leaves it", async () => {
    const store = new CheckpointFolder(root);
    const claim = await store.claim("a");
    await store.save(snapshot("a", 1));
    // As good as any other reason for which a file cannot be opened, for root as well: a link to itself.
    const path = join(root, "a", "checkpoint.ndjson");
    rmSync(path);
    symlinkSync(path, path);
    const error = await rejection(store.load("a"));
    expect(error.name).toBe("CheckpointUnusableError");
    expect(error.cause).toMatchObject({ name: "UnusableCheckpointError", message: error.message });
    expect(error.message).toMatch(/cannot be read: ELOOP.*It may be good: see to that, and try again$/);
    await claim[Symbol.asyncDispose]();
    expect(readdirSync(join(root, "a")).sort()).toEqual(["checkpoint.ndjson", "lock"]);
  });

  it("[F163] who has claimed a run keeps everybody else out, until it ends", async () => {
    const [one, two] = [new CheckpointFolder(root), new CheckpointFolder(root)];
    const claim = await one.claim("a");
    expect(await rejection(two.claim("a"))).toMatchObject({
      name: "AlreadyRunningError",
      traceId: "a",
      holder: `process ${process.pid}`,
    });
    await one.save(snapshot("a", 1));
    await claim[Symbol.asyncDispose]();
    const again = await two.claim("a");
    await again[Symbol.asyncDispose]();
    expect(await two.load("a")).toMatchObject({ sequence: 1 });
  });

  it("[F163] a claim lasts although nobody can get at it any more", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const store = new CheckpointFolder(root);
    await store.claim("a");
    for (let round = 0; round < 3; round += 1) {
      await settled();
      collect();
    }
    await settled();
    expect(await rejection(store.claim("a"))).toMatchObject({ name: "AlreadyRunningError" });
  });

  it("[F163] [U23] two executors, as of two processes: the second is refused, while it runs and while it is resumed", async () => {
    const gates = new Gates();
    const flow = list([{ tool_name: "a" }]);
    const process = (): FlowExecutor =>
      hostWith([tool("a", gates.tool("a"))], { checkpoints: new CheckpointFolder(root) }).executor;
    const [one, two] = [process(), process()];
    const run = one.execute(flow, {}, { traceId: "t" });
    await until(() => gates.open.length > 0);
    expect(await rejection(two.resume("t", () => flow))).toMatchObject({
      name: "AlreadyRunningError",
    });
    await gates.fail("a");
    expect((await run).success).toBe(false);
    const resumed = two.resume("t", () => flow);
    await until(() => gates.open.length > 0);
    expect(await rejection(one.resume("t", () => flow))).toMatchObject({
      name: "AlreadyRunningError",
    });
    await gates.end("a");
    expect((await resumed).success).toBe(true);
    expect(readdirSync(root)).toEqual([]);
  });

  it("a run that is refused before it begins leaves no folder", async () => {
    const fields = { schemas: { in: { type: "object", required: ["x"] } }, input_schema_ref: "#/schemas/in" };
    const { executor } = hostWith([tool("a")], { checkpoints: new CheckpointFolder(root) });
    expect((await executor.execute(list([{ tool_name: "a" }], fields), {})).failed_step).toBe(-1);
    expect(await rejection(executor.resume("nobody", () => list([])))).toMatchObject({
      name: "CheckpointNotFoundError",
    });
    expect(readdirSync(root)).toEqual([]);
  });

  it("[F164] no parameter of a run is on the disk", async () => {
    const flow = dag(
      { a: { input_mapping: { token: "token" } }, b: { depends_on: ["a"] } },
      { dynamic_params: ["token"] },
    );
    const { executor } = hostWith([tool("a"), tool("b", () => null)], {
      checkpoints: new CheckpointFolder(root),
    });
    await executor.execute(flow, {}, { traceId: "t", params: { token: "hunter2" } });
    const text = readFileSync(join(root, "t", "checkpoint.ndjson"), "utf8");
    expect(text).toContain('"param_names":["token"]');
    expect(text).not.toContain("hunter2");
  });
});

describe("a cache in a folder", () => {
  const key = { tool: "a/b", makeHash: "m", schemaHash: "s", inputHash: "i" };

  it("[F148] keeps each output in a file of its own, for tools whose names look the same, too", async () => {
    const cache = new CacheFolder(root);
    await cache.set(key, { x: 1 });
    await cache.set({ ...key, tool: "a_b" }, { x: 2 });
    await cache.set({ ...key, inputHash: "j" }, { x: 3 });
    const again = new CacheFolder(root);
    expect(await again.get(key)).toEqual({ x: 1 });
    expect(await again.get({ ...key, tool: "a_b" })).toEqual({ x: 2 });
    expect(await again.get({ ...key, inputHash: "j" })).toEqual({ x: 3 });
    expect(await again.get({ ...key, schemaHash: "other" })).toBeUndefined();
    expect(await again.get({ ...key, makeHash: "other" })).toBeUndefined();
    const files = readdirSync(root);
    expect(files).toHaveLength(3);
    for (const file of files) expect(file).toMatch(/^a_b-[0-9a-f]{64}\.json$/);
  });

  it("[F148] what cannot be read, or is of something else, is not there", async () => {
    const cache = new CacheFolder(root);
    await cache.set(key, { x: 1 });
    const [file = ""] = readdirSync(root);
    for (const text of ["{", "null", '{"key":{"tool":"c"},"output":{}}']) {
      writeFileSync(join(root, file), text);
      expect(await cache.get(key)).toBeUndefined();
    }
  });

  it("[F148] an entry that somebody has changed is made anew, and is good again", async () => {
    const cache = new CacheFolder(root);
    const a = tool("a", () => ({ x: 1 }), { cacheable: true });
    const { executor } = hostWith([a], { cache });
    const run = async (): Promise<unknown> => {
      const { final_output, cost_report } = await executor.execute(list([{ tool_name: "a" }]), {});
      return { ...final_output, hits: cost_report.cache_hits };
    };
    await run();
    const [file = ""] = readdirSync(root);
    const entry = JSON.parse(readFileSync(join(root, file), "utf8")) as object;
    for (const output of [null, 5, undefined]) {
      writeFileSync(join(root, file), JSON.stringify({ ...entry, output }));
      expect(await run()).toEqual({ x: 1, hits: 0 });
      expect(await run()).toEqual({ x: 1, hits: 1 });
    }
  });
});

describe("the clock of this machine", () => {
  it("[F101] a wait ends with its signal, with the reason itself", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const waiting = rejection(systemPorts.wait(60_000, controller.signal));
    controller.abort(reason);
    expect(await waiting).toBe(reason);
    await systemPorts.wait(1, new AbortController().signal);
  });

  it("[F98] [F199] chance is within bounds, and ids differ", () => {
    for (let round = 0; round < 100; round += 1) {
      const factor = systemPorts.jitter();
      expect(factor >= 0.5 && factor < 1.5).toBe(true);
    }
    expect(systemPorts.newTraceId()).not.toBe(systemPorts.newTraceId());
    expect(systemPorts.elapsed()).toBeLessThanOrEqual(systemPorts.elapsed());
  });
});

/** Waits for a condition that real input and output brings about. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settled();
}
