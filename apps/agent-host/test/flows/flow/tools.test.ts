import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { listeners, watch } from "@holdfast/conformance";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { compile } from "../../../src/flows/flow/check/compile.js";
import { commandTool } from "../../../src/flows/flow/tools/command-tool.js";
import { moduleTool } from "../../../src/flows/flow/tools/module-tool.js";
import { openToolbox, type Toolbox } from "../../../src/flows/flow/tools/toolbox.js";
import type { CommandDeclaration, ToolTraits } from "../../../src/flows/flow/definition/definition.js";
import type { Toolset } from "../../../src/flows/flow/tools/tool.js";
import { list } from "./support/flows.js";
import { hostWith, rejection } from "./support/runs.js";
import { systemPorts } from "../../../src/flows/flow/host/system-ports.js";

const fixtures = fileURLToPath(new URL("fixtures/tools", import.meta.url));
const signal = new AbortController().signal;

describe("modules", () => {
  it("[F217] a tool is what a module exports, with its schemas", async () => {
    const upper = await moduleTool("upper", fixtures);
    expect(upper?.traits).toMatchObject({ cacheable: true, input_schema: { required: ["text"] } });
    expect(await upper?.run({ text: "a" }, { signal })).toEqual({ upper: "A" });
    expect((await moduleTool("plain", fixtures))?.traits).toEqual({});
    expect(upper?.schemaHash).not.toBe((await moduleTool("plain", fixtures))?.schemaHash);
  });

  it.each(["none", "../fixtures/tools/upper", "..", "tools/upper", ".hidden", ""])(
    "%j is none, and no way out of the folder",
    async (name) => {
      expect(await moduleTool(name, fixtures)).toBeUndefined();
    },
  );

  it("[F140] what a module is made of is its path and its text, as far as the cache goes", async () => {
    const root = mkdtempSync(join(tmpdir(), "flow-modules-"));
    const hashOf = async (folder: string, text: string): Promise<unknown[]> => {
      mkdirSync(join(root, folder), { recursive: true });
      writeFileSync(join(root, folder, "t.mjs"), text);
      const made = await moduleTool("t", join(root, folder));
      return [made?.makeHash, made?.schemaHash];
    };
    const text = "export default () => ({ made: 1 });";
    const [make, schema] = await hashOf("a", text);
    expect(await hashOf("a", text)).toEqual([make, schema]);
    expect(await hashOf("a", `${text} // another`)).toEqual([
      expect.not.stringContaining(String(make)),
      schema,
    ]);
    expect(await hashOf("b", text)).toEqual([expect.not.stringContaining(String(make)), schema]);
    rmSync(root, { recursive: true });
  });

  it.each([
    ["broken", "cannot be loaded from"],
    ["nothing", "must export a function as default"],
    ["odd", 'must export a JSON Schema as "output"'],
  ])("[F213] %s is no tool, and says why", async (name, message) => {
    const error = await rejection(moduleTool(name, fixtures));
    expect(error.name).toBe("ToolDefinitionError");
    expect(error.message).toContain(message);
  });
});

describe("commands", () => {
  it("[F140] what a command is made of is all that says what runs, as far as the cache goes", () => {
    const declared = { command: ["a", "b"], output: "text", env: { A: "1" } } as const;
    const hashOf = (changed: Partial<CommandDeclaration> & ToolTraits = {}, base = "/base"): string =>
      commandTool("t", { ...declared, ...changed }, base).makeHash;
    const hashes = [
      hashOf(),
      hashOf({ command: "a b" }),
      hashOf({ command: ["a", "b", "c"] }),
      hashOf({ output: "json" }),
      hashOf({ env: { A: "2" } }),
      hashOf({ env: {} }),
      hashOf({ cwd: "below" }),
      hashOf({}, "/elsewhere"),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hashOf({ cwd: "/base", description: "d", timeout_ms: 5 })).toBe(hashOf());
  });

  const run = (
    declaration: Partial<CommandDeclaration> & ToolTraits,
    input: object = {},
    abort = signal,
  ): Promise<unknown> =>
    Promise.resolve(
      commandTool("t", { output: "text", env: {}, command: "true", ...declaration }, tmpdir()).run(
        input as never,
        { signal: abort },
      ),
    );

  it("get their input on stdin and in the environment, and never as a piece of the command", async () => {
    const evil = '$(touch x); "`id`"';
    expect(await run({ command: 'printf %s "$INPUT_text"' }, { text: evil })).toEqual({ stdout: evil });
    expect(await run({ command: ["cat"], output: "json" }, { text: evil, n: [1] })).toEqual({
      text: evil,
      n: [1],
    });
    expect(await run({ command: ["printf", "%s", "$HOME"] })).toEqual({ stdout: "$HOME" });
    expect(await run({ command: "echo $A$INPUT_n", env: { A: "b" } }, { n: 3 })).toEqual({ stdout: "b3\n" });
  });

  it("the environment has what is a text, a number or a boolean, and nothing else", async () => {
    const command =
      'printf %s "$INPUT_text,$INPUT_no,${INPUT_list-none},${INPUT_nothing-none},${INPUT_nul-none}"';
    const input = { text: "a b", no: false, list: [1], nothing: null, nul: "a\0b" };
    expect(await run({ command }, input)).toEqual({ stdout: "a b,false,none,none,none" });
  });

  it("stdin has all of the input, the environment what there is room for", async () => {
    const long = "x".repeat(200_000);
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`t${n}`, long.slice(0, 60_000)]));
    expect(
      await run({ command: 'printf %s "[$INPUT_text$INPUT_after]"; wc -c' }, { text: long, after: "!" }),
    ).toEqual({
      stdout: expect.stringMatching(/^\[!\]\s*200024\n$/) as string,
    });
    expect(await run({ command: 'printf %s "${#INPUT_t0}${INPUT_t39+,}"' }, many)).toEqual({
      stdout: "60000",
    });
    const edge = { most: "x".repeat(65_536), more: "x".repeat(65_537) };
    expect(await run({ command: 'printf %s "${#INPUT_most}${INPUT_more+,}"' }, edge)).toEqual({
      stdout: "65536",
    });
  });

  it("[F85] one that fails says how, with what it said last", async () => {
    expect((await rejection(run({ command: "echo why >&2; exit 3" }))).message).toBe(
      "the command ended with exit code 3: why",
    );
    expect((await rejection(run({ command: "exit 3" }))).message).toBe("the command ended with exit code 3");
    expect((await rejection(run({ command: ["/no/such/program"] }))).message).toContain(
      "could not be started",
    );
    const { message, cause } = await rejection(run({ command: "echo {", output: "json" }));
    expect(message).toContain("printed no JSON");
    expect(cause).toBeInstanceOf(SyntaxError);
  });

  it("[F97] one that prints too much is ended", async () => {
    const error = await rejection(run({ command: "yes", max_output_bytes: 1000 }));
    expect(error.message).toContain("wrote more than 1000 bytes");
  });

  it("[F93] [F96] one that is told to end ends, with all that it has started", async () => {
    const folder = mkdtempSync(join(tmpdir(), "flow-command-"));
    const begun = join(folder, "begun");
    const controller = new AbortController();
    const reason = new Error("enough");
    const running = rejection(
      run({ command: `(sleep 60 & sleep 60) & touch ${begun}; wait` }, {}, controller.signal),
    );
    while (!existsSync(begun)) await setImmediate();
    controller.abort(reason);
    expect(await running).toBe(reason);
    expect(await rejection(run({}, {}, controller.signal))).toBe(reason);
    rmSync(folder, { recursive: true });
  });
});

it("[F88] a command that ends well although it was told to end has done its work", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flow-command-"));
  const [begun, go] = [join(folder, "begun"), join(folder, "go")];
  const controller = new AbortController();
  const command = `trap '' TERM; mkfifo ${go}; touch ${begun}; read line < ${go}; echo "$line"`;
  const { run } = commandTool("t", { output: "text", env: {}, command }, folder);
  const running = Promise.resolve(run({}, { signal: controller.signal }));
  while (!existsSync(begun)) await setImmediate();
  controller.abort(new Error("enough"));
  await writeFile(go, "done\n");
  expect(await running).toEqual({ stdout: "done\n" });
  rmSync(folder, { recursive: true });
});

it("[F93] a command that is told to end may clean up first", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flow-command-"));
  const [begun, bye] = [join(folder, "begun"), join(folder, "bye")];
  const controller = new AbortController();
  const command = `trap 'touch ${bye}; exit 1' TERM; touch ${begun}; sleep 60 & wait`;
  const { run } = commandTool("t", { output: "text", env: {}, command }, folder);
  const running = rejection(Promise.resolve(run({}, { signal: controller.signal })));
  while (!existsSync(begun)) await setImmediate();
  const reason = new Error("enough");
  controller.abort(reason);
  expect(await running).toBe(reason);
  expect(existsSync(bye)).toBe(true);
  rmSync(folder, { recursive: true });
});

it("[F93] a command that is told to end and does not is killed in the end", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flow-command-"));
  const begun = join(folder, "begun");
  const controller = new AbortController();
  const command = `trap '' TERM; touch ${begun}; sleep 60`;
  const { run } = commandTool("t", { output: "text", env: {}, command }, folder);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const running = watch(Promise.resolve(run({}, { signal: controller.signal })));
    while (!existsSync(begun)) await setImmediate();
    const reason = new Error("enough");
    controller.abort(reason);
    vi.advanceTimersByTime(1999);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1);
    while (running.state === "pending") await setImmediate();
    expect(running.reason).toBe(reason);
  } finally {
    vi.useRealTimers();
    rmSync(folder, { recursive: true });
  }
});

it("[F93] a command that has ended leaves no timer and no listener behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "flow-command-"));
  const begun = join(folder, "begun");
  const controller = new AbortController();
  const command = `trap 'exit 1' TERM; touch ${begun}; sleep 60 & wait`;
  const { run } = commandTool("t", { output: "text", env: {}, command }, folder);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const running = rejection(Promise.resolve(run({}, { signal: controller.signal })));
    while (!existsSync(begun)) await setImmediate();
    controller.abort();
    expect(vi.getTimerCount()).toBe(1);
    await running;
    expect([vi.getTimerCount(), listeners(controller.signal)]).toEqual([0, 0]);
  } finally {
    vi.useRealTimers();
    rmSync(folder, { recursive: true });
  }
});

it("a command that leaves somebody behind who keeps its output open is an error, and holds up nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "agent-host-command-"));
  const pidFile = join(folder, "pid");
  const stranger = "setTimeout(() => undefined, 600_000)";
  const script = `
    const options = { detached: true, stdio: ["ignore", "inherit", "inherit"] };
    const { pid } = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(stranger)}], options);
    require("fs").writeFileSync(process.argv[1], String(pid));
    process.exit();`;
  const command = [process.execPath, "-e", script, pidFile] as const;
  const { run } = commandTool("t", { output: "text", env: {}, command }, folder);
  const error = await rejection(Promise.resolve(run({}, { signal })));
  process.kill(Number(readFileSync(pidFile, "utf8")), "SIGKILL");
  rmSync(folder, { recursive: true });
  expect(error.message).toContain("something that it started keeps its output open; redirect that");
});

describe("tools of MCP servers", () => {
  const require = createRequire(import.meta.url);
  const server = join(
    dirname(require.resolve("@modelcontextprotocol/server-filesystem/package.json")),
    "dist/index.js",
  );
  let folder = "";
  let box: Toolbox | undefined;

  const flow = list(
    [
      { tool_name: "write", input_mapping: { path: "path", content: "body" }, output_mapping: {} },
      { tool_name: "read_text_file", input_mapping: { path: "path" } },
      { tool_name: "upper", input_mapping: { text: "content" }, output_mapping: { loud: "upper" } },
      { tool_name: "count", input_mapping: { text: "loud" }, output_mapping: { length: "stdout" } },
    ],
    {
      schemas: {
        in: {
          type: "object",
          required: ["path", "body"],
          properties: { path: { type: "string" }, body: { type: "string" } },
        },
      },
      input_schema_ref: "#/schemas/in",
      mcp_servers: { files: { command: ["none"] } },
      tools: {
        write: { mcp: "files", tool: "write_file", exclusive: "disk" },
        read_text_file: { mcp: "files" },
        count: {
          command: 'printf %s "${#INPUT_text}"',
          output_schema: { type: "object", properties: { stdout: { type: "string" } } },
        },
      },
    },
  );
  const withServer = (path: string): typeof flow => ({
    ...flow,
    mcp_servers: { files: { command: [process.execPath, server, path], env: {} } },
  });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "flow-mcp-"));
    box = await openToolbox(withServer(folder), join(fixtures, ".."), { servers: true });
  });

  afterAll(async () => {
    await box?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it("a flow runs tools of a server, of modules and commands; what they are is known beforehand", async () => {
    const tools: Toolset = box?.tools ?? new Map();
    expect([...tools.keys()]).toEqual(["write", "read_text_file", "upper", "count"]);
    const own = withServer(folder);
    expect(compile(own, tools).map(({ detail }) => detail)).toEqual([]);
    const { executor } = hostWith([...tools.values()], { ports: systemPorts });
    const path = join(folder, "a.txt");
    const result = await executor.execute(own, { path, body: "hello" });
    expect(result.execution_log.map(({ error_message }) => error_message)).toEqual([null, null, null, null]);
    expect(result.final_output).toMatchObject({ loud: "HELLO", length: "5" });
    expect(tools.get("write")?.traits).toMatchObject({ exclusive: "disk", side_effects: "destructive" });
    expect(tools.get("read_text_file")?.traits).toMatchObject({ side_effects: "read" });
  });

  it("[F85] what a server says is wrong is what the step fails of", async () => {
    const { executor } = hostWith([...(box?.tools.values() ?? [])], { ports: systemPorts });
    writeFileSync(join(folder, "b.txt"), "x");
    const result = await executor.execute(withServer(folder), { path: "/etc/no", body: "x" });
    expect(result.execution_log[0]).toMatchObject({ error_type: "StepExecutionError", status: "failed" });
    expect(result.execution_log[0]?.error_message).toContain("Access denied");
  });

  it("without the servers their tools are known by what the file says; a tool that is nowhere is not there", async () => {
    const unknown = list([{ tool_name: "read_text_file" }, { tool_name: "nowhere" }], {
      tools: { read_text_file: { mcp: "files", input_schema: { type: "object", required: ["path"] } } },
      mcp_servers: { files: { command: ["/no/such/program"] } },
    });
    await using known = await openToolbox(unknown, folder, { servers: false });
    expect([...known.tools.keys()]).toEqual(["read_text_file"]);
    expect(compile(unknown, known.tools).map(({ issue_type }) => issue_type)).toEqual([
      "missing_required_input",
      "unknown_contribution",
      "missing_tool",
    ]);
    const error = await rejection(openToolbox(unknown, folder, { servers: true }));
    expect(error.message).toContain('the MCP server "files" cannot be used');
  });

  it("[F140] what a tool is made of is its server's command and its name there, as far as the cache goes", async () => {
    const hashOf = async (server: object, remote = "read_text_file"): Promise<string | undefined> => {
      const { files } = withServer(folder).mcp_servers;
      const own = list([{ tool_name: "t" }], {
        tools: { t: { mcp: "files", tool: remote } },
        mcp_servers: { files: { ...files, ...server } },
      });
      await using opened = await openToolbox(own, folder, { servers: true });
      return opened.tools.get("t")?.makeHash;
    };
    const hashes = [
      await hashOf({}),
      await hashOf({ env: { A: "1" } }),
      await hashOf({ cwd: "/" }),
      await hashOf({ command: [process.execPath, server, folder, "/"] }),
      await hashOf({}, "write_file"),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(await hashOf({})).toBe(hashes[0]);
    // Six processes, one after another.
  }, 30_000);

  it("a tool that the server does not have names those that it has", async () => {
    const wrong = {
      ...withServer(folder),
      tools: { ...flow.tools, write: { mcp: "files", tool: "wirte_file" } },
    };
    const error = await rejection(openToolbox(wrong, folder, { servers: true }));
    expect(error.message).toMatch(/is to be "wirte_file" of the MCP server "files", which has: .*write_file/);
  });
});
