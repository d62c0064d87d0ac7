import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FlowDefinition } from "../../../src/flows/flow/definition/definition.js";
import { flowText } from "../../../src/flows/flow/definition/save-flow.js";
import { FlowDirectory } from "../../../src/flows/flow/registry/flow-directory.js";
import { FlowFolder } from "../../../src/flows/flow/registry/flow-folder.js";
import { FlowRegistry } from "../../../src/flows/flow/registry/flow-registry.js";
import { type FlowStore, MemoryFlows } from "../../../src/flows/flow/registry/flow-store.js";
import { MemoryCheckpoints } from "../../../src/flows/flow/run/checkpoint.js";
import { list, tool, toolset } from "./support/flows.js";
import { Gates, hostWith, rejection, settled } from "./support/runs.js";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flow-registry-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const flow = (version = "1.0.0", name = "f"): FlowDefinition => list([{ tool_name: "a" }], { name, version });

describe("the registry", () => {
  it("[F168] [F170] a change makes another flow; one that was given out stays as it was", async () => {
    const registry = await FlowRegistry.open(new MemoryFlows());
    await registry.register(flow());
    const before = registry.get("f");
    const after = await registry.update("f", "1.0.0", { status: "disabled" });
    expect(after).not.toBe(before);
    expect(before.status).toBe("active");
    expect(registry.get("f")).toBe(after);
    const hashed = await registry.update("f", "1.0.0", { tool_schema_hashes: { a: "x" } });
    expect(hashed).toMatchObject({ status: "disabled", tool_schema_hashes: { a: "x" } });
    expect((await registry.update("f", "1.0.0", { tool_schema_hashes: null })).tool_schema_hashes).toBeNull();
  });

  it("[F170] without a change it is the very flow, and nothing is written", async () => {
    const store = new MemoryFlows();
    const registry = await FlowRegistry.open(store);
    await registry.register(flow());
    const saves: unknown[] = [];
    store.save = (saved) => {
      saves.push(saved);
      return Promise.resolve();
    };
    expect(await registry.update("f", "1.0.0", { status: undefined })).toBe(registry.get("f"));
    expect(saves).toEqual([]);
  });

  it("[F169] a store in memory gives back all that it was given", async () => {
    const store = new MemoryFlows();
    const registry = await FlowRegistry.open(store);
    for (const each of [flow("1.0.0"), flow("1.1.0"), flow("1.0.0", "g")]) await registry.register(each);
    expect((await FlowRegistry.open(store)).list()).toEqual(registry.list());
    expect(registry.list()).toHaveLength(3);
  });

  it("[F169] others see the change: with the same registry at once, with the same folder once they look", async () => {
    const registry = await FlowRegistry.open(new FlowFolder(folder));
    await registry.register(flow());
    const other = await FlowRegistry.open(new FlowFolder(folder));
    await registry.update("f", "1.0.0", { status: "disabled" });
    expect(other.get("f").status).toBe("active");
    await other.reload();
    expect(other.get("f")).toEqual(registry.get("f"));
    const { executor } = hostWith([tool("a")]);
    expect(await rejection(executor.execute(registry.get("f"), {}))).toMatchObject({
      name: "FlowStatusError",
    });
  });

  it("[F171] [F174] versions: the highest is the latest, and none is overwritten by accident", async () => {
    const registry = await FlowRegistry.open(new MemoryFlows());
    for (const version of ["1.10.0", "1.2.0", "2.0.0-rc.1"]) await registry.register(flow(version));
    for (const name of ["d", "e", "g"]) await registry.register(flow("9.0.0", name));
    expect(registry.get("f").version).toBe("2.0.0-rc.1");
    expect(registry.list().map(({ name, version }) => `${name} ${version}`)).toEqual([
      "d 9.0.0",
      "e 9.0.0",
      "f 1.2.0",
      "f 1.10.0",
      "f 2.0.0-rc.1",
      "g 9.0.0",
    ]);
    const disabled = await registry.update("f", "1.2.0", { status: "disabled" });
    expect(registry.list("disabled")).toEqual([disabled]);
    expect(await rejection(registry.register(flow("1.2.0")))).toMatchObject({
      name: "FlowAlreadyExistsError",
      code: "FLOW-E002",
      message:
        'There is a flow "f" of version 1.2.0; give it another version, or say that it may be overwritten',
    });
    await registry.register({ ...flow("1.2.0"), description: "new" }, { overwrite: true });
    expect(registry.get("f", "1.2.0").description).toBe("new");
    expect(await rejection(registry.register({ ...flow(), version: "one" }))).toMatchObject({
      name: "InvalidFlowVersionError",
      message: '"one" is no version for "f"; write one like 1.2.3',
    });
    expect(() => registry.get("f", "9.0.0")).toThrow(/^There is no flow "f" of version 9\.0\.0$/);
    expect(() => registry.get("x")).toThrow(/^There is no flow "x"$/);
    expect(await rejection(registry.update("x", "1.0.0", {}))).toMatchObject({
      name: "FlowNotFoundError",
      flow: "x",
    });
  });

  it("[F172] [U25] two changes at once, of which each is slow to be written: both are there", async () => {
    const waiting: (() => void)[] = [];
    const store: FlowStore = {
      load: () => Promise.resolve([flow(), flow("1.0.0", "g")]),
      save: () =>
        new Promise((resolve) => {
          waiting.push(resolve);
        }),
    };
    const registry = await FlowRegistry.open(store);
    const status = registry.update("f", "1.0.0", { status: "needs_review" });
    const hashes = registry.update("f", "1.0.0", { tool_schema_hashes: { a: "x" } });
    const other = registry.update("g", "1.0.0", { status: "disabled" });
    await settled();
    // Another flow waits for nobody.
    expect(waiting).toHaveLength(2);
    while (waiting.length > 0) {
      waiting.shift()?.();
      await settled();
    }
    await Promise.all([status, hashes, other]);
    expect(registry.get("f")).toMatchObject({ status: "needs_review", tool_schema_hashes: { a: "x" } });
  });

  it("[F168] a change that cannot be written is none", async () => {
    const store = new MemoryFlows();
    const registry = await FlowRegistry.open(store);
    await registry.register(flow());
    store.save = () => Promise.reject(new Error("disk full"));
    expect((await rejection(registry.update("f", "1.0.0", { status: "disabled" }))).message).toBe(
      "disk full",
    );
    expect(registry.get("f").status).toBe("active");
  });

  it("[F173] twenty who write one file at once leave a whole one, and nothing beside it", async () => {
    const stores = Array.from({ length: 20 }, () => new FlowFolder(folder));
    await Promise.all(
      stores.map((store, n) => store.save({ ...flow(), description: `by ${n} ${"x".repeat(5000)}` })),
    );
    expect(readdirSync(folder)).toEqual(["f@1.0.0.flow.yaml"]);
    const [saved] = await new FlowFolder(folder).load();
    expect(saved?.description).toMatch(/^by \d+ x{5000}$/);
  });

  it("a file that is no flow is left out, and so is one that is not called so", async () => {
    writeFileSync(join(folder, "bad.flow.yaml"), "type: Flow\n");
    writeFileSync(join(folder, "draft.yaml"), flowText(flow("2.0.0")));
    await new FlowFolder(folder).save(flow());
    expect(await new FlowFolder(folder).load()).toEqual([flow()]);
  });
});

describe("drift", () => {
  const before = toolset(tool("a"));
  const changed = tool("a", undefined, { schema_version: "2" });

  it("[F176] what is accepted is the tools that a flow uses, those that step in for others with them", async () => {
    const registry = await FlowRegistry.open(new MemoryFlows());
    await registry.register(list([{ tool_name: "a", on_error: "fallback:b" }, { tool_name: "gone" }]));
    const [a, b] = [tool("a"), tool("b", undefined, { schema_version: "2" })];
    const { tool_schema_hashes } = await registry.accept("list", toolset(a, b, tool("unused")));
    expect(tool_schema_hashes).toEqual({ a: a.schemaHash, b: b.schemaHash });
  });

  it("[F175] [F176] a tool with other schemas has the flows that were made for it looked at, until somebody accepts it", async () => {
    const registry = await FlowRegistry.open(new MemoryFlows());
    for (const version of ["1.0.0", "1.1.0"]) await registry.register(flow(version));
    await registry.register(flow("1.0.0", "unhashed"));
    for (const version of ["1.0.0", "1.1.0"]) await registry.accept("f", before, version);
    expect(registry.drift(before)).toEqual([]);
    const now = toolset(changed);
    expect(registry.drift(now)).toMatchObject([
      { flow: "f", version: "1.0.0", tool: "a", actual: changed.schemaHash },
      { flow: "f", version: "1.1.0", tool: "a", actual: changed.schemaHash },
    ]);
    expect(registry.drift(toolset())[0]?.actual).toBeNull();
    const concerned = await registry.toolChanged(changed);
    expect(concerned.map(({ version, status }) => `${version} ${status}`)).toEqual([
      "1.0.0 needs_review",
      "1.1.0 needs_review",
    ]);
    expect(registry.get("unhashed").status).toBe("active");
    expect(await registry.accept("f", now)).toMatchObject({
      version: "1.1.0",
      status: "active",
      tool_schema_hashes: { a: changed.schemaHash },
    });
    expect(registry.get("f", "1.0.0").status).toBe("needs_review");
    expect(await registry.toolChanged(changed)).toHaveLength(1);
  });
});

describe("a folder that is edited", () => {
  const write = (name: string, value: FlowDefinition): void => {
    writeFileSync(join(folder, name), flowText(value));
  };

  it("[F178] takes over what is new or changed, and leaves alone what is not; nothing is ever taken away", async () => {
    const registry = await FlowRegistry.open(new MemoryFlows());
    const directory = new FlowDirectory(folder, registry);
    write("a.flow.yaml", flow("1.0.0"));
    write("b.flow.yaml", flow("2.0.0"));
    write("c.flow.yml", flow("1.0.0", "g"));
    write("d.flow.json", flow("1.0.0", "h"));
    for (const other of ["notes.txt", "e.yaml", "e.flow.yaml.old"]) write(other, flow("1.0.0", "e"));
    const inFolder = (...names: string[]): string[] => names.map((name) => join(folder, name));
    const nothing = { added: [], updated: [], unchanged: [], failed: [] };
    const all = inFolder("a.flow.yaml", "b.flow.yaml", "c.flow.yml", "d.flow.json");
    expect(await directory.scan()).toEqual({ ...nothing, added: all });
    expect(await directory.scan()).toEqual({ ...nothing, unchanged: all });
    write("b.flow.yaml", { ...flow("2.0.0"), description: "new" });
    expect(await directory.scan()).toEqual({
      ...nothing,
      updated: inFolder("b.flow.yaml"),
      unchanged: inFolder("a.flow.yaml", "c.flow.yml", "d.flow.json"),
    });
    expect(registry.get("f").description).toBe("new");
    rmSync(join(folder, "b.flow.yaml"));
    await directory.scan();
    expect(registry.get("f").version).toBe("2.0.0");
  });

  it("[F178] what is no flow is named with the reason, and the others are taken over", async () => {
    mkdirSync(join(folder, "a.flow.yaml"));
    writeFileSync(join(folder, "b.flow.yaml"), "type: Flow\n");
    write("c.flow.yaml", flow());
    const registry = await FlowRegistry.open(new MemoryFlows());
    const scan = await new FlowDirectory(folder, registry).scan();
    expect(scan.added).toEqual([join(folder, "c.flow.yaml")]);
    expect(scan.failed).toEqual([
      {
        file: join(folder, "a.flow.yaml"),
        reason: expect.stringContaining("cannot read the file") as unknown,
      },
      { file: join(folder, "b.flow.yaml"), reason: expect.stringContaining('needs "name"') as unknown },
    ]);
  });

  it("[F178] two files of one version are an error that names both", async () => {
    const registry = await FlowRegistry.open(new MemoryFlows());
    write("a.flow.yaml", flow());
    write("b.flow.yaml", flow());
    const error = await rejection(new FlowDirectory(folder, registry).scan());
    expect(error.message).toMatch(/a\.flow\.yaml and .*b\.flow\.yaml are both f 1\.0\.0/);
    expect(registry.list()).toEqual([]);
  });

  it("[F178] a broken file misses one tick, not the watch; neither does a listener that throws", async () => {
    const registry = await FlowRegistry.open(new MemoryFlows());
    const heard: string[] = [];
    const failures: string[] = [];
    async function* ticks(): AsyncGenerator<void> {
      writeFileSync(join(folder, "a.flow.yaml"), "type: Flow\n");
      await settled();
      yield;
      write("a.flow.yaml", flow("1.0.0"));
      await settled();
      yield;
      write("b.flow.yaml", flow("1.0.0"));
      await settled();
      yield;
      write("b.flow.yaml", flow("1.1.0"));
      await settled();
      yield;
      yield;
      write("a.flow.yaml", { ...flow("1.0.0"), description: "new" });
      write("c.flow.yaml", flow("1.2.0"));
      await settled();
      yield;
    }
    await new FlowDirectory(folder, registry).watch(
      ticks(),
      ({ added, updated }) => {
        heard.push([...added, ...updated].map((file) => basename(file)).join(" "));
        throw new Error("listener");
      },
      (error) => failures.push((error as Error).message.replaceAll(folder, "")),
    );
    expect(heard).toEqual(["a.flow.yaml", "b.flow.yaml", "c.flow.yaml a.flow.yaml"]);
    const twice = expect.stringContaining("are both f 1.0.0") as unknown;
    expect(failures).toEqual(["listener", twice, "listener", "listener"]);
  });

  it("[F179] [F139] [F158] a run under way keeps the flow that it has; a resume notices", async () => {
    const registry = await FlowRegistry.open(new MemoryFlows());
    const gates = new Gates();
    const checkpoints = new MemoryCheckpoints();
    const { executor } = hostWith([tool("a", gates.tool("a")), tool("b", () => null)], { checkpoints });
    await registry.register(list([{ tool_name: "a" }, { tool_name: "b" }], { name: "f", version: "1.0.0" }));
    const run = executor.execute(registry.get("f"), {});
    await settled();
    await registry.register(list([{ tool_name: "a" }], { name: "f", version: "1.0.0" }), { overwrite: true });
    await gates.end("a");
    expect((await run).execution_log).toHaveLength(2);
    const error = await rejection(executor.resume("run-1", (name, version) => registry.get(name, version)));
    expect(error).toMatchObject({ name: "CheckpointDriftError" });
  });
});
