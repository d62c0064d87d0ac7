import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FlowEvent } from "../../../src/flows/flow/run/events.js";
import { readFlowSettings, readSettingsToGoOn } from "../../../src/flow-command/flow/flow-settings.js";
import { openFlow } from "../../../src/flow-command/flow/open-flow.js";
import { runCheck } from "../../../src/flow-command/check.js";
import { runAnyFile } from "../../../src/flow-command/run-file.js";
import { list, object } from "./support/flows.js";
import { example } from "./support/examples.js";
import { rejection } from "./support/runs.js";
import { type Ended, inProcess } from "../support/in-process.js";
import { endCommands, HostCommand } from "../../support/session-command.js";

// Some start processes, and the machine may be busy.
vi.setConfig({ testTimeout: 30_000 });

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flow-command-"));
});

afterEach(async () => {
  await endCommands();
  rmSync(folder, { recursive: true });
});

type Options = Partial<Parameters<typeof runAnyFile>[2]>;

/** The command in this process. */
const run = (path: string, options: Options = {}): Promise<Ended> =>
  inProcess(() =>
    runAnyFile(path, [], {
      set: [],
      disable: [],
      agent: "scripted",
      runs: join(folder, "runs"),
      ...options,
    }),
  );

/** The command in a process of its own, which can be ended. */
const start = (path: string): HostCommand => new HostCommand("run", path, "--runs", join(folder, "runs"));

const outputOf = ({ stdout }: Ended): unknown => JSON.parse(/completed:\n(.*)$/s.exec(stdout)?.[1] ?? "null");
const linesOf = (text: string): FlowEvent[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as FlowEvent);
const runs = (): string[] => readdirSync(join(folder, "runs"));

describe("agent-host run", () => {
  it("[F151] says what happens and how to go on, and goes on; a run that succeeds leaves nothing behind", async () => {
    const approval = join(folder, "approval.txt");
    const path = example("resume");
    const failed = await run(path, { set: ["text=a b", `path=${approval}`] });
    expect(failed.code).toBe(1);
    const [, id = ""] = /--resume (\S+) --runs/.exec(failed.stdout) ?? [];
    expect(runs()).toEqual([id]);
    writeFileSync(approval, "yes\n");
    const resumed = await run(path, { resume: id });
    expect(outputOf(resumed)).toEqual({ text: "a b", path: approval, words: 2, approval: "yes" });
    expect(resumed.stdout).not.toContain("0 words: started");
    expect(runs()).toEqual([]);
    await expect(run(path, { resume: id })).rejects.toThrow(`There is no checkpoint of run ${id}`);
  });

  it("[F164] says how to go on so that it can be typed, without the values of parameters", async () => {
    const path = join(folder, "it's here.flow.yaml");
    writeFileSync(
      path,
      `type: Flow
name: key
description: d
dynamic_params: [key]
steps:
  - {tool_name: fail, input_mapping: {key: key}}
tools:
  fail: {command: "echo no >&2; exit 3"}
`,
    );
    const cache = join(folder, "cache");
    const failed = await run(path, { set: ["key=hunter2"], cache, maxConcurrency: 2, force: true });
    expect(failed.code).toBe(1);
    const [id = ""] = runs();
    expect(failed.stdout).toContain(
      `failed: ${path}:6:5: 0 fail: "fail" failed: the command ended with exit code 3: no (FLOW-E015)
to go on, with key as before: agent-host run '${path.replace("'", String.raw`'\''`)}' --resume ${id} --runs ${join(folder, "runs")} --max-concurrency 2 --set key=… --cache ${cache} --force
`,
    );
    expect(failed.stdout).not.toContain("hunter2");
  });

  it("[F194] an input that does not fit has no place and nothing to go on with", async () => {
    const path = join(folder, "in.flow.yaml");
    writeFileSync(
      path,
      "type: Flow\nname: in\ndescription: d\ninput_schema_ref: '#/schemas/in'\nschemas: {in: {type: object, required: [a], properties: {a: {enum: [1, 2]}}}}\nsteps: []\n",
    );
    const failed = await run(path, { set: ["a=3"] });
    expect(failed.code).toBe(1);
    expect(failed.stdout).toContain(
      "failed: The input of the flow does not fit its schema: /a must be equal to one of the allowed values (1, 2)",
    );
    expect(failed.stdout).not.toContain("to go on");
  });

  it("[F164] [F200] keeps a log of whole lines, in which no parameter is", async () => {
    const log = join(folder, "log.ndjson");
    const ended = await run(example("secret"), { set: ["text=hello", "key=hunter2"], log, json: true });
    expect(ended.code).toBe(0);
    expect(ended.stdout).toBe(readFileSync(log, "utf8"));
    expect(ended.stdout).not.toContain("hunter2");
    expect(linesOf(ended.stdout).map(({ kind }) => kind)).toEqual([
      "flow_start",
      "step_queued",
      "step_start",
      "checkpoint",
      "step_end",
      "flow_end",
    ]);
  });
});

describe("agent-host run --cache", () => {
  const flow = (): string => {
    const path = join(folder, "pay.flow.yaml");
    writeFileSync(
      path,
      `type: Flow
name: pay
description: d
steps:
  - {tool_name: pay, on_error: "fallback:undo"}
tools:
  pay: {command: "echo x >> ${join(folder, "paid")}", cacheable: true}
  undo: {command: "echo x >> ${join(folder, "undone")}"}
`,
    );
    return path;
  };

  it("[F140] another flow's tool of the same name, and a command that was edited, make outputs of their own", async () => {
    const cache = join(folder, "cache");
    const greet = async (name: string, text: string): Promise<unknown> => {
      const path = join(folder, `${name}.flow.yaml`);
      writeFileSync(
        path,
        `type: Flow\nname: ${name}\ndescription: d\nsteps: [{tool_name: greet}]\ntools: {greet: {command: "echo ${text}", cacheable: true}}\n`,
      );
      const ended = await run(path, { cache });
      return [outputOf(ended), ended.stdout.includes("from the cache")];
    };
    expect(await greet("ca", "from A")).toEqual([{ stdout: "from A\n" }, false]);
    expect(await greet("cb", "from B")).toEqual([{ stdout: "from B\n" }, false]);
    expect(await greet("ca", "edited")).toEqual([{ stdout: "edited\n" }, false]);
    expect(await greet("ca", "from A")).toEqual([{ stdout: "from A\n" }, true]);
  });

  it("[F143] refuses what cannot be a folder before anything runs", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    for (const cache of [file, join(file, "below")])
      await expect(run(flow(), { cache })).rejects.toThrow(
        new RegExp(`^cannot keep outputs in ${cache}: .*Give another folder with --cache\\.$`),
      );
    expect(readdirSync(folder).sort()).toEqual(["file", "pay.flow.yaml"]);
  });

  it("[F143] says that an output cannot be kept, and the step has succeeded", async () => {
    const cache = join(folder, "cache");
    const path = flow();
    await run(path, { cache });
    const [entry = ""] = readdirSync(cache);
    // A folder is no file that could be written.
    rmSync(join(cache, entry));
    mkdirSync(join(cache, entry));
    const ended = await run(path, { cache });
    expect(ended.stdout).toContain("0 pay: cache: the output cannot be kept: EISDIR");
    expect(outputOf(ended)).toEqual({ stdout: "" });
    expect(readdirSync(folder)).not.toContain("undone");
  });
});

describe("a run that is ended", () => {
  const flow = (): string => {
    const path = join(folder, "wait.flow.yaml");
    const begun = join(folder, "begun");
    writeFileSync(
      path,
      `type: Flow
name: wait
description: d
steps:
  - {tool_name: first}
  - {tool_name: wait, output_mapping: {waited: stdout}}
tools:
  first: {command: "echo x >> ${join(folder, "first")}"}
  wait: {command: "test -e ${begun} || { touch ${begun}; exec sleep 60; }"}
`,
    );
    return path;
  };

  it("[F88] by Ctrl-C: drains, keeps a checkpoint, and says how to go on", async () => {
    const path = flow();
    const command = start(path);
    await command.printed(/1 wait: started/);
    while (!existsSync(join(folder, "begun"))) await setImmediate();
    command.child.kill("SIGINT");
    expect(await command.exit).toBe(130);
    expect(command.stdout).toMatch(/1 wait: cancelled/);
    const [, id = ""] = /cancelled\nto go on: agent-host run \S+ --resume (\S+)/.exec(command.stdout) ?? [];
    const resumed = await run(path, { resume: id });
    expect(resumed.code).toBe(0);
    expect(readFileSync(join(folder, "first"), "utf8")).toBe("x\n");
  });

  it("[F88] [F242] by Ctrl-C: a command that does its work all the same is not run again", async () => {
    const path = join(folder, "slow.flow.yaml");
    const [begun, go, done] = [join(folder, "begun"), join(folder, "go"), join(folder, "done")];
    writeFileSync(
      path,
      `type: Flow
name: slow
description: d
steps:
  - {tool_name: slow}
  - {tool_name: after, output_mapping: {}}
tools:
  slow: {command: "trap '' TERM; mkfifo ${go}; touch ${begun}; read x < ${go}; echo done | tee -a ${done}"}
  after: {command: "true"}
`,
    );
    const command = start(path);
    while (!existsSync(begun)) await setImmediate();
    command.child.kill("SIGINT");
    await command.said(/told to end/);
    await writeFile(go, "x\n");
    expect(await command.exit).toBe(130);
    expect(command.stdout).toMatch(/0 slow: done after/);
    const [resume = ""] = runs();
    const resumed = await run(path, { resume });
    expect(outputOf(resumed)).toEqual({ stdout: "done\n" });
    expect(readFileSync(done, "utf8")).toBe("done\n");
  });

  /** A flow whose second step runs and hears nothing, unless there is a file `go`. */
  const deafFlow = (): string => {
    const path = join(folder, "deaf.flow.yaml");
    mkdirSync(join(folder, "tools"));
    writeFileSync(
      join(folder, "tools", "deaf.mjs"),
      `import { existsSync } from "node:fs";
export default () => (existsSync(${JSON.stringify(join(folder, "go"))}) ? {} : new Promise(() => {}));
`,
    );
    writeFileSync(
      path,
      "type: Flow\nname: deaf\ndescription: d\nsteps: [{tool_name: first}, {tool_name: deaf}]\ntools: {first: {command: 'true'}}\n",
    );
    return path;
  };

  const goesOn = async (path: string): Promise<void> => {
    writeFileSync(join(folder, "go"), "");
    const [resume = ""] = runs();
    const resumed = await run(path, { resume });
    expect(resumed.code).toBe(0);
    expect(resumed.stdout).not.toContain("0 first");
  };

  it("[F88] by Ctrl-C, twice: says whom it waits for, then ends at once and says how to go on", async () => {
    const path = deafFlow();
    const command = start(path);
    await command.printed(/1 deaf: started/);
    command.child.kill("SIGINT");
    await command.said(
      /^agent-host: told to end by SIGINT; waits for 1 deaf, at most 10 s; once more ends at once$/m,
    );
    command.child.kill("SIGINT");
    expect(await command.exit).toBe(130);
    expect(command.stderr).toContain(`to go on: agent-host run ${path} --resume ${runs()[0] ?? "?"}`);
    await goesOn(path);
  });

  it("[F88] [F239] by Ctrl-C: goes without a tool that does not end, keeps a checkpoint, and says how to go on", async () => {
    const path = deafFlow();
    const command = start(path);
    await command.printed(/1 deaf: started/);
    command.child.kill("SIGINT");
    expect(await command.exit).toBe(130);
    expect(command.stdout).toMatch(
      /1 deaf: left alone after \d+ ms: "deaf" was told to stop, still runs 10000 ms later/,
    );
    expect(command.stdout).toContain(
      `cancelled\nto go on: agent-host run ${path} --resume ${runs()[0] ?? "?"}`,
    );
    expect(command.stderr.match(/^.*to go on/gm)).toBeNull();
    await goesOn(path);
  });

  it("[F242] [F163] by force: nothing that was written down is done again; while it runs nobody else may", async () => {
    const path = flow();
    const command = start(path);
    await command.printed(/1 wait: started/);
    while (!existsSync(join(folder, "begun"))) await setImmediate();
    const [id = ""] = runs();
    await expect(run(path, { resume: id })).rejects.toThrow(
      `Run ${id} is already being run, by process ${command.child.pid ?? 0}`,
    );
    command.child.kill("SIGKILL");
    await command.exit;
    const resumed = await run(path, { resume: id });
    expect(resumed.code).toBe(0);
    expect(readFileSync(join(folder, "first"), "utf8")).toBe("x\n");
    expect(runs()).toEqual([]);
  });
});

describe("wrong input", () => {
  const write = (text: string): string => {
    const path = join(folder, "a.flow.yaml");
    writeFileSync(path, text);
    return path;
  };
  const head = "type: Flow\nname: a\ndescription: d\n";

  it("[F180] says everything that is not supported, with places", async () => {
    const path = write(`${head}safety: {ceiling: read}\nsteps:\n  - {flow_name: b}\n`);
    const { message } = await rejection(openFlow(path, { servers: true }));
    expect(message).toContain(`${path}:4:1: "safety" is not supported`);
    expect(message).toContain(`${path}:6:6: "flow_name" is not supported`);
  });

  it("[F36] errors of the check stop a run, with places", async () => {
    const path = write(`${head}steps:\n  - {tool_name: nothing}\n`);
    const { message } = await rejection(openFlow(path, { servers: true }));
    expect(message).toContain(`${path}:5:17: error: step 0 (nothing): there is no tool "nothing"`);
    const json = await inProcess(() => runCheck([path], { json: true }));
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({
      valid: false,
      problems: [{ code: "flow/missing_tool", line: 5 }],
    });
  });

  it.each(["check", "explain"])("%s loads modules, and its help says so", async (name) => {
    mkdirSync(join(folder, "tools"));
    writeFileSync(
      join(folder, "tools", "loaded.mjs"),
      `import { writeFileSync } from "node:fs";
writeFileSync(${JSON.stringify(join(folder, "ran"))}, "");
export default () => ({});
`,
    );
    const path = write(`${head}steps: [{tool_name: loaded}]\n`);
    expect(await new HostCommand(name, path).exit).toBe(0);
    expect(existsSync(join(folder, "ran"))).toBe(true);
    const help = new HostCommand(name, "--help");
    expect(await help.exit).toBe(0);
    expect(help.stdout).toMatch(
      /modules\s+in\s+tools\/\s+beside\s+a\s+flow\s+are\s+loaded,\s+so\s+their\s+top-level\s+code\s+runs/,
    );
  });

  it("a flow that is not active is refused and leaves nothing, unless forced", async () => {
    const path = write(`${head}status: disabled\nsteps: []\n`);
    await expect(run(path)).rejects.toThrow('The flow "a" is "disabled"');
    expect(runs()).toEqual([]);
    expect((await run(path, { force: true })).code).toBe(0);
  });

  it("options of pipelines are not for flows, and the other way round", async () => {
    const options = { set: [], disable: [], agent: "scripted", runs: join(folder, "runs") } as const;
    const path = write(`${head}steps: []\n`);
    await expect(runAnyFile(path, ["agent"], options)).rejects.toThrow("a flow asks no agent");
    await expect(runAnyFile(path, [], { ...options, control: true })).rejects.toThrow("a flow asks no agent");
    await expect(runAnyFile(path, [], { ...options, disable: ["a"] })).rejects.toThrow(
      "a flow asks no agent",
    );
    await expect(runAnyFile(path, [], { ...options, set: ["x"] })).rejects.toThrow(
      "--set x: write --set name=value",
    );
    const pipeline = write("pipeline:\n  - {id: a, prompt: x}\n");
    await expect(runAnyFile(pipeline, [], { ...options, cache: "x" })).rejects.toThrow("are for flows");
    await expect(runAnyFile(pipeline, [], { ...options, force: true })).rejects.toThrow("are for flows");
  });

  it("settings are text where the flow asks for text, and else JSON if they can be", () => {
    const flow = list([], {
      dynamic_params: ["key"],
      schemas: { in: object({ text: "string", count: "integer" }) },
      input_schema_ref: "#/schemas/in",
    });
    expect(readFlowSettings(flow, ["text=12", "count=12", 'other={"a":1}', "plain=a=b", "key=3"])).toEqual({
      input: { text: "12", count: 12, other: { a: 1 }, plain: "a=b" },
      params: { key: "3" },
    });
  });

  it("[F150] what is set of a run that goes on is a parameter, or refused: its input is kept", async () => {
    const fields = { dynamic_params: ["key", "region"] };
    expect(readSettingsToGoOn(list([], fields), ["key=3"])).toEqual({ input: {}, params: { key: "3" } });
    expect(() => readSettingsToGoOn(list([], fields), ["key=3", "reigon=x"])).toThrow(
      `--set reigon: the input of a run is kept, and --resume takes only the flow's dynamic_params; did you mean "region"?`,
    );
    expect(() => readSettingsToGoOn(list([], fields), ["nonsense=1"])).toThrow("which are: key, region");
    await expect(run(example("list"), { resume: "x", set: ["text=other"] })).rejects.toThrow(
      "--set text: the input of a run is kept, and --resume takes only the flow's dynamic_params, which are: none",
    );
  });

  it("a disk that is full while the log is written is told, and the run goes on", async () => {
    const ended = await run(example("list"), { set: ["text=x"], log: "/dev/full" });
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain("completed:");
    expect(ended.stderr).toContain("the log /dev/full cannot be written");
  });
});

describe("agent-host check", () => {
  it("[F213] tells what a step and its tools make of each other, whatever is wrong elsewhere", async () => {
    const path = join(folder, "local.yaml");
    const object = (key: string): string =>
      `{type: object, additionalProperties: false, properties: {${key}: {type: string}}}`;
    writeFileSync(
      path,
      `type: Flow
name: a
description: d
steps:
  - tool_name: t
    on_error: "fallback:other"
    input_mapping: {nope: b}
    output_mapping: {a: nothing}
  - {tool_name: t, timeout_msx: 1}
tools:
  t: {command: "true", output: json, input_schema: ${object("b")}, output_schema: ${object("c")}}
  other: {command: "true", output: json, input_schema: ${object("d")}, output_schema: ${object("e")}}
`,
    );
    const { stdout } = await inProcess(() => runCheck([path], {}));
    expect(stdout.trimEnd().split("\n")).toEqual([
      expect.stringMatching(
        /:6:15: error: .*takes "nothing", which the output of tool "other" does not have/,
      ),
      expect.stringMatching(/:7:\d+: error: .*tool "t" takes no "nope"/),
      expect.stringMatching(/:7:\d+: error: .*tool "other" takes no "nope"/),
      expect.stringMatching(/:8:\d+: error: .*its output has no "nothing"/),
      expect.stringMatching(/:9:20: unknown key "timeout_msx"/),
    ]);
  });

  it("[F213] tells of tools that are not there and of what is not supported beside all else that is wrong", async () => {
    const path = join(folder, "many.yaml");
    const steps = [
      "  - {tool_name: nowhere, timeout_msx: 1}",
      "  - {flow_name: other}",
      "  - {tool_name: nobody, input_contract: '#/schemas/none'}",
    ];
    writeFileSync(path, `type: Flow\nname: a\ndescription: d\nsteps:\n${steps.join("\n")}\n`);
    const { code, stdout } = await inProcess(() => runCheck([path], {}));
    expect(code).toBe(2);
    expect(stdout.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/:5:17: .*there is no tool "nowhere"/),
      expect.stringMatching(/:5:26: unknown key "timeout_msx"/),
      expect.stringMatching(/:6:6: "flow_name" is not supported/),
      expect.stringMatching(/:7:17: .*there is no tool "nobody"/),
      expect.stringMatching(/:7:41: there is no schema "#\/schemas\/none"/),
    ]);
  });
});
